"""Sets the six outputs from a browser, and tells it of the inputs."""

import json

from europi import *
from europi_script import EuroPiScript
from experimental.http_server import *

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Outputs – EuroPi</title></head><body>
<input type="range" max="10" step="0.001" id="cv1" oninput="set()">
<script>
const set = () => fetch("/", {method: "POST", body: JSON.stringify({cv1: +document.getElementById("cv1").value})});
</script></body></html>"""


class WebControl(EuroPiScript):
    def __init__(self):
        super().__init__()
        self.server = HttpServer()
        self.steps = 0

        @self.server.get_handler
        def handle_get(connection=None, request=None):
            self.server.send_html(connection, PAGE)

        @self.server.post_handler
        def handle_post(connection=None, request=None):
            try:
                (_, body) = request.split("\r\n\r\n")
                wanted = json.loads(body)
                for i in range(NUM_CVS):
                    cvs[i].voltage(wanted.get(f"cv{i + 1}", 0.0))
                self.server.send_json(
                    connection,
                    {
                        "inputs": {"ain": ain.read_voltage(), "din": din.value()},
                        "outputs": {f"cv{i + 1}": cvs[i].voltage() for i in range(NUM_CVS)},
                        "steps": self.steps,
                    },
                    headers={"X-Outputs": NUM_CVS},
                )
            except ValueError as err:
                self.server.send_error_page(err, connection, status=HttpStatus.BAD_REQUEST)

    def main(self):
        while True:
            self.steps += 1  # what the module does all the time
            self.server.check_requests()


if __name__ == "__main__":
    WebControl().main()
