# A program of ytd_http_server. Its log goes to the console, as always.
# cycles: requests=curl,browser,post1k,file16k
from ytd_http_server import HTTP_Request_Handler, HTTP_Server

FILE = bytes(range(256)) * 64


class Hello(HTTP_Request_Handler):
    def answer(self, body):
        self.set_status(200)
        self.set_header("Content-Length", str(len(body)))
        self.send_headers()
        self.send_body(body)

    def DO_GET(self):
        self.answer(b"hello" if self.path == "/" else FILE)

    def DO_POST(self):
        self.answer(str(len(self.body)).encode())


HTTP_Server(Hello).serve_forever()
