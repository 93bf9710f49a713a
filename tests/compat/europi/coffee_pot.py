from europi_script import EuroPiScript
from experimental.http_server import HttpServer, HttpStatus, MimeTypes

srv = HttpServer(port=80)
cups = 2


@srv.post_handler
def handle_http_request(connection=None, request=None):
    global cups
    if cups == 0:
        srv.send_error_page(
            Exception("We're out of coffee!"),
            connection,
            HttpStatus.TEAPOT,  # send error 418 "I'm a teapot"
        )
        return
    cups -= 1
    srv.send_response(connection, "a cup of coffee", 200, MimeTypes.TEXT)


class CoffeePot(EuroPiScript):
    def main(self):
        # ...
        while True:
            # ...
            srv.check_requests()
            # ...


if __name__ == "__main__":
    CoffeePot().main()
