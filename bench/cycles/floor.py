# The floor: a canned answer, written straight into lwIP. The bytes are those that native.py's server sends.
# cycles: path=/api/room requests=curl,browser,strange_curl,strange_browser body=*
import _modhttp

_modhttp.floor(80, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 30\r\nVary: Accept\r\n"
               b"Cache-Control: no-cache\r\nETag: \"3aa078fd-00000001-j\"\r\n\r\n{\"celsius\":21.5,\"humidity\":11}")
