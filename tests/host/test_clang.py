"""The whole host build with clang: every warning is an error there, as with gcc, and the result serves."""

import target as targets

HELLO = """
import modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    return "hello"

app.run()
"""


def test_clang_builds_what_serves(tmp_path):
    targets.prepare("clang")
    with targets.Program("clang", HELLO, tmp_path) as program:
        assert program.get("/").text == "hello"
        assert program.get("/nothing-here").status_code == 404
