# The floor of a short file: the bytes that file.py sends, canned, and written straight into lwIP.
# cycles: path=/ requests=curl,browser
import _modhttp

_modhttp.floor(80, b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\n"
               b"Cache-Control: no-cache\r\nAccept-Ranges: bytes\r\nETag: \"4f9f2cab06b43df4\"\r\n\r\nhello")
