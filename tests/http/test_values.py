"""Published values, buffers and metrics: what C answers of them."""

from array import array

import pytest
from natives import PROGRAM, Subscriber, evaluate, execute, update
from prometheus_client.parser import text_string_to_metric_families

RING = b"0123456789abcdef" * 64


@pytest.fixture
def server(program):
    return program(PROGRAM)


# ---- values


@pytest.mark.parametrize("written, body", [
    ("'blåbær'", "blåbær".encode()),
    ("b'\\x00\\xff'", b"\0\xff"),
    ("bytearray(b'moves')", b"moves"),
    ("memoryview(b'view')[1:]", b"iew"),
    ("''", b""),
    ("bytearray(b'0123456789' * 2000)", b"0123456789" * 2000),  # the board has it three times, and the value before
    *((f"b'0123456789' * {count}", b"0123456789" * count) for count in (25, 26, 80, 2000, 4000)),
])
def test_value(server, written, body):
    execute(server, f"value.set({written})")
    with server.client() as client:
        for _ in range(3):
            answer = client.get("/value")
            assert (answer.status_code, answer.content) == (200, body)
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        head = client.head("/value")
        assert head.headers["content-length"] == str(len(body)) and head.content == b""
        assert client.get("/value", headers={"If-None-Match": head.headers["etag"]}).status_code == 304


def test_entity_tag_of_a_value(server):
    with server.client() as client:
        execute(server, "value.set('one')")
        tag = client.get("/value").headers["etag"]
        for value in (tag, f"W/{tag}", "*", f'"x", {tag}'):
            answer = client.get("/value", headers={"If-None-Match": value})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        execute(server, "value.set('one')")
        answer = client.get("/value", headers={"If-None-Match": tag})
        assert answer.status_code == 200 and answer.text == "one" and answer.headers["etag"] != tag


def test_bytearray_is_copied(server):
    execute(server, "data = bytearray(b'before'); value.set(data); data[:] = b'after!'")
    assert server.get("/value").content == b"before"


def test_slow_client_gets_what_it_began_with(server):
    """While values come and go, and the heap is used and swept."""
    size = 40_000 if server.target == "rp2040" else 400_000
    execute(server, f"value.set(b'a' * {size})")
    with server.wire() as wire:
        wire.get("/value", "Connection: close\r\n")
        first = wire.makefile("rb").read(2000)
        for letter in "bcd":
            execute(server, f"import gc\nvalue.set(b'{letter}' * 9000)\n"
                            "for _ in range(20): gc.collect(); junk = [bytes(1000) for _ in range(20)]\njunk = None")
            assert server.get("/value").content == letter.encode() * 9000
        head, _, body = (first + wire.rest()).partition(b"\r\n\r\n")
    assert f"Content-Length: {size}\r\n".encode() in head
    assert body == b"a" * size


def test_content_types_that_no_answer_can_have(server):
    assert evaluate(server, "app.value('/bad', 'text/plain\\r\\nX: y', b'')") == \
        "ValueError: content type has a character that HTTP does not allow"
    assert evaluate(server, "app.value('/bad', 't' * 65, b'')") == "ValueError: content type must be 1 to 64 bytes"
    assert evaluate(server, "app.value('/bad', '', b'')") == "ValueError: content type must be 1 to 64 bytes"
    assert server.get("/bad").status_code == 404
    evaluate(server, "app.value('/longest', 't' * 64, 'x' * 255) and None")
    answer = server.get("/longest")
    assert (answer.headers["content-type"], answer.text) == ("t" * 64, "x" * 255)
    assert "TypeError" in evaluate(server, "app.value('/bad', 'text/plain', 5)")
    assert evaluate(server, "app.value('/value', 'text/plain', b'')") == "ValueError: GET /value already has a handler"


# ---- buffers


def test_buffer_is_served_as_it_is_now(server):
    assert server.get("/words").content == array("H", range(1000)).tobytes()
    execute(server, "words[0] = 0xbeef")
    answer = server.get("/words")
    assert answer.content[:2] == b"\xef\xbe"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "etag" not in answer.headers
    execute(server, "words[0] = 0")


@pytest.mark.parametrize("at", [0, 1, 255, 256, 1000, 1023])
def test_ring_buffer_begins_with_its_oldest_byte(server, at):
    execute(server, f"position[0] = uctypes.addressof(ring) + {at} & 0xffffffff")
    with server.client() as client:
        for _ in range(2):
            answer = client.get("/ring")
            assert answer.headers["content-type"] == "application/x-samples"
            assert answer.content == RING[at:] + RING[:at]


@pytest.mark.parametrize("outside", ["0", "uctypes.addressof(ring) - 1", "uctypes.addressof(ring) + 1024"])
def test_position_outside_of_the_ring_is_its_beginning(server, outside):
    execute(server, f"position[0] = ({outside}) & 0xffffffff")
    assert server.get("/ring").content == RING


# ---- metrics


def metrics(server):
    answer = server.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def test_metrics(server):
    update(server, celsius=-1.5, humidity=7, door=True)
    update(server, "volts", volts=3300)
    found = metrics(server)
    values = {name: family.samples[0].value for name, family in found.items() if family.type == "gauge"}
    assert (values["room_celsius"], values["room_humidity"], values["room_door"]) == (-1.5, 7, 1)
    assert values["volts_volts"] == 3.3, "a unit is not said twice"
    assert found["volts_volts"].documentation == "Supply"
    assert not any(name.startswith("room_who") for name in found), "no metric of a str"
    evaluate(server, "room.update(celsius=nan)")
    assert str(metrics(server)["room_celsius"].samples[0].value) == "nan"
    evaluate(server, "room.update(celsius=-inf)")
    assert metrics(server)["room_celsius"].samples[0].value == float("-inf")
    update(server, celsius=1)


def test_metrics_of_the_server(server):
    def counters():
        found = metrics(server)
        return {name: family.samples[0].value for name, family in found.items() if name.startswith("modhttp_")}

    before = counters()
    server.get("/nothing")
    after = counters()
    assert after["modhttp_requests"] == before["modhttp_requests"] + 2
    assert after["modhttp_answers_4xx"] == before["modhttp_answers_4xx"] + 1
    assert after["modhttp_sent_bytes"] > before["modhttp_sent_bytes"]
    with Subscriber(server, "/tick"):
        assert counters()["modhttp_connections"] >= 2
    assert {"modhttp_connections_idle", "modhttp_requests_queued", "modhttp_head_buffers_free"} <= set(after)


def test_fields_say_help_type_and_unit(start):
    program = start("""
import modhttp
app = modhttp.Server()
air = app.sensor("/api/air", name="out-side", celsius=modhttp.Field(21.5, 'Air\\nby the "door" \\\\', "celsius"),
                 dust=modhttp.Field(1, unit="ug/m3"), lux=modhttp.Field(7, "Light", "lux", scale=10))
other = modhttp.Server()
other.sensor("/9", a=5)
app.mount("/sub", other)
app.run()
""")
    text = program.get("/metrics").text
    assert text.startswith('# HELP out_side_celsius Air\\nby the "door" \\\\\n'
                           "# TYPE out_side_celsius gauge\nout_side_celsius 21.5\n")
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert found["out_side_celsius"].documentation == 'Air\nby the "door" \\'
    assert found["out_side_dust_ug_m3"].samples[0].value == 1
    assert found["out_side_lux"].samples[0].value == 0.7
    assert found["_9_a"].samples[0].value == 5, "a mounted server's sensor"
    assert program.get("/sub/9").json() == {"a": 5}
    assert program.get("/sub/9.csv").text.startswith("seq,ms,a\r\n0,")


def test_a_route_of_the_programs_own_at_metrics(start):
    program = start("""
import modhttp
app = modhttp.Server()
@app.get("/metrics")
def metrics(request):
    return "mine"
app.sensor("/a", a=1)
app.run()
""")
    assert program.get("/metrics").text == "mine"
    assert program.get("/a").json() == {"a": 1}
