"""A thousand routes, of paths such as programs have."""

import pytest

MANY = """
import modhttp
app = modhttp.Server()

def device(request):
    return request.path

for i in range({count}):
    app.get("{pattern}" % i)(device)
print("added")
app.run(port=80)
"""


@pytest.mark.parametrize("pattern", ["/r%d", "/api/v1/devices/%d/readings"])
def test_a_thousand_routes(start, pattern):
    program = start(MANY.format(count=1000, pattern=pattern))
    with program.client() as client:
        for i in (0, 1, 499, 998, 999):
            answer = client.get(pattern % i)
            assert (answer.status_code, answer.text) == (200, pattern % i)
        for path in (pattern % 1000, pattern % -1, "/", "/api/v1/devices"):
            assert client.get(path).status_code == 404


def test_no_memory_for_a_larger_router(start):
    """What was added before is served, once there is memory for that."""
    program = start(MANY.format(count=100, pattern="/%d").replace('print("added")', """
hold = []
try:
    while True:
        hold.append(bytearray(512))
except MemoryError:
    pass
for i in range(0, 100, 2):
    hold[i] = None      # gaps, none of them long enough
count, error = 100, None
while not error:
    try:
        app.get("/%d" % count)(device)
        count += 1
    except MemoryError as exc:
        error = str(exc)
hold = None
app.get("/error")(lambda request: {"count": count, "error": error})
"""))
    with program.client() as client:
        found = client.get("/error").json()
        assert found["count"] < 1000 and "allocating " in found["error"]
        assert int(found["error"].split("allocating ")[1].split()[0]) > 2000, "the router"
        for i in (0, 99, found["count"] - 1):
            assert client.get(f"/{i}").text == f"/{i}"
        assert client.get(f"/{found['count']}").status_code == 404


def test_more_text_than_a_router_takes(start):
    """The host's heap has room for it: the error says what it is, and what was added before is served."""
    program = start(MANY.format(count=10, pattern="/%d").replace('print("added")', '''
app.start(port=80)
count = 0
try:
    while True:
        app.get("/%d/" % count + "x" * 200)(device)
        count += 1
except ValueError as exc:
    error = str(exc)
except MemoryError:
    error = "memory"
app.get("/error")(lambda request: {"count": count, "error": error})
print("full")
'''))
    program.wait_for("full")
    with program.client() as client:
        found = client.get("/error").json()
        assert found["error"] == ("memory" if program.target == "rp2040" else "too many routes")
        last = f"/{found['count'] - 1}/{'x' * 200}"
        assert client.get(last).text == last
        assert client.get(f"/{found['count']}/{'x' * 200}").status_code == 404
