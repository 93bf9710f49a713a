# The floor of a short answer: the bytes that route.py sends, canned, and written straight into lwIP.
# cycles: path=/ requests=curl,browser
import _modhttp

_modhttp.floor(80, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello")
