# The smallest server that a Python program can write on sockets: it does not even look at the request.
# cycles: path=/ requests=curl,browser
import socket

ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"
          b"Connection: close\r\n\r\nhello")

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 80))
listener.listen(4)
while True:
    client, _ = listener.accept()
    try:
        client.recv(1024)
        client.send(ANSWER)
    except OSError:
        pass  # the client is gone
    client.close()
