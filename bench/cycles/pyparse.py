# What most socket servers in Python do: lines into a dict, then head and body.
# cycles: path=/ requests=curl,browser
import socket

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 80))
listener.listen(4)


def serve(client):
    method, path, version = client.readline().decode().split()
    headers = {}
    while True:
        line = client.readline()
        if line in (b"", b"\r\n"):
            break
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    body = b"hello"
    client.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
                 "Connection: close\r\n\r\n" % len(body))
    client.write(body)


while True:
    client, _ = listener.accept()
    try:
        serve(client)
    except (OSError, ValueError):
        pass  # the client is gone
    client.close()
