# Written for ytd_http_server; it runs as it is. In modhttp's own API: ytd_http_server_after.py.
#
#   make run APP=examples/migrating/ytd_http_server_before.py

from ytd_http_server import HTTP_Request_Handler, HTTP_Server


class Handler(HTTP_Request_Handler):
    def answer(self, status, text):
        self.set_status(status)
        self.set_header("Content-Type", "text/plain")
        self.send_headers()
        self.send_body(text.encode())

    def DO_GET(self):
        if self.path == "/":
            host = self.get_header("Host").split(":")[0]
            self.answer(200, "hello " + host + "\n")
        else:
            self.answer(404, "no " + self.path + " here\n")

    def DO_POST(self):
        size = len(self.body)
        self.answer(200, "%d bytes\n" % size)


server = HTTP_Server(Handler)
server.serve_forever()
