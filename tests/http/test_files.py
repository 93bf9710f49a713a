"""Files of any file system: static() and modhttp.file(), asked by httpx, curl and raw bytes."""

import email.utils
import gzip
import re
import subprocess
import time
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from site_files import DATA, FILES, PAGE, SCRIPT

import target as targets

EXAMPLES = targets.ROOT / "examples"


@pytest.fixture
def server(site_program):
    return site_program


# ---- what there is


@pytest.mark.parametrize("prefix", ["/www", "/fat", "/rom"])
@pytest.mark.parametrize("path, name, kind", [
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/index.html", "index.html", "text/html; charset=utf-8"),
    ("/data.bin", "data.bin", "application/octet-stream"),
    ("/empty.txt", "empty.txt", "text/plain; charset=utf-8"),
    ("/app.js", "app.js", "text/javascript; charset=utf-8"),
    ("/sub/", "sub/index.html", "text/html; charset=utf-8"),
    ("/sub/bare/one.txt", "sub/bare/one.txt", "text/plain; charset=utf-8"),
    ("/sub/bare/x/../../../data.bin", "data.bin", "application/octet-stream"),
])
def test_whole_files(server, prefix, path, name, kind):
    with server.wire() as wire:
        for method in ("GET", "HEAD", "GET"):
            wire.send(f"{method} {prefix}{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = wire.answer(method)
            assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
            assert answer.headers["Content-Length"] == str(len(FILES[name]))
            assert answer.headers["Cache-Control"] == ("max-age=60" if prefix == "/www" else "no-cache")
            assert answer.headers["Accept-Ranges"] == "bytes"
            assert answer.body == (FILES[name] if method == "GET" else b"")


def test_names_beyond_ascii(server):
    with server.client() as client:
        assert client.get("/www/sub/bare/a b&<'\u00e9.txt").content == b"odd\n"
        assert client.get("/fat/sub/bare/a%20b&%3C'%C3%A9.txt").status_code == 404, "FAT has no < in names"


@pytest.mark.parametrize("path", [
    "/www/nothing", "/www/nothing/", "/www/index.html/", "/www", "/www/sub/nothing.txt", "/fat/sub/bare/",
    "/www/index.html/x", "/other/index.htm",
])
def test_nothing_there(server, path):
    answer = server.get(path)
    assert (answer.status_code, answer.text) == (404, "not here")


@pytest.mark.parametrize("prefix", ["/www", "/fat", "/rom"])
@pytest.mark.parametrize("path", [
    "/../secret.txt", "/%2e%2e/secret.txt", "/.%2e/secret.txt", "/sub/../../secret.txt", "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt", "/..\\secret.txt", "/..%5csecret.txt", "/%5c..%5csecret.txt", "/sub\\one.txt",
    "/sub%5cbare%5cone.txt", "//secret.txt", "/%2fsecret.txt", "/sub//index.html",
    "/sub/./%2e/%2e%2e/%2e%2e/secret.txt",
    "/index.html%00", "/index.html%00.txt", "/%252e%252e/secret.txt", "/...//secret.txt", "/.../secret.txt", "/.. /",
    "/..%20/secret.txt", "/..;/secret.txt", "/%c0%ae%c0%ae/secret.txt", "/%uff0e%uff0e/secret.txt", "/C:secret.txt",
    "/../www/../secret.txt", "/\\..\\secret.txt", "/www/index.html%0d%0a", "/sub/..%00/secret.txt",
])
def test_nothing_outside(server, prefix, path):
    with server.wire() as wire:
        wire.send(f"GET {prefix}{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = wire.answer()
        assert answer.status in (400, 404)
        assert b"secret" not in answer.body


def test_file_with_a_root(server):
    with server.client() as client:
        assert client.get("/named", params={"name": "bare/one.txt"}).text == "one\n"
        for name in ("../index.html", "bare/../index.html", "..\\index.html", "/index.html", "bare//one.txt", "bare",
                     "", ".", "a\0b"):
            assert client.get("/named", params={"name": name}).status_code == 404, name


# ---- directories


def test_a_directory_gets_its_slash(server):
    with server.client() as client:
        answer = client.get("/www/sub?a=b/../c&d")
        assert (answer.status_code, answer.headers["Location"]) == (301, "/www/sub/?a=b/../c&d")
        assert client.get("/www/sub", follow_redirects=True).text == "sub\n"
    with server.wire() as wire:
        wire.get("http://elsewhere.example/www/x/%2e%2e/s%75b")
        assert wire.answer().headers["Location"] == "/www/sub/", "never to another host"


def test_index_of_another_name(server):
    assert server.get("/other/").text == "one\n"
    assert server.get("/other/bare/").status_code == 404


class Links(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.links, self.text, self.sizes = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        assert tag in ("meta", "title", "h1", "table", "tr", "td", "a"), "nothing of a name is HTML"
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("prefix", ["/www", "/romlist"])
def test_listing(server, prefix):
    with server.client() as client:
        answer = client.get(prefix + "/sub/bare/")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        page = Links(answer.text)
        names = ["one.txt"] + ["a b&<'\u00e9.txt"] * (prefix == "/www")
        assert page.links[0] == "../"
        assert sorted(unquote(link) for link in page.links[1:]) == sorted(names)
        assert set(names) <= set(page.text)
        for link in page.links[1:]:
            assert re.fullmatch(r"[A-Za-z0-9%._~-]+", link)
            assert client.get(answer.url.join(link)).content in (b"one\n", b"odd\n")
        assert client.get(prefix + "/").content == PAGE, "a page of its own goes before"
        assert client.head(prefix + "/sub/bare/").status_code == 200
    assert server.get("/fat/sub/bare/").status_code == 404
    assert server.get("/rom/sub/bare/").status_code == 404


# ---- twins


@pytest.mark.parametrize("accepts, coding", [
    ("gzip", "gzip"), ("gzip, deflate, br, zstd", "br"), ("br", "br"), ("br;q=0, gzip", "gzip"), ("identity", None),
    ("", None), ("*;q=0.1, br;q=0", "gzip"), (None, None),
])
@pytest.mark.parametrize("prefix", ["/www", "/fat"])
def test_twins(server, prefix, accepts, coding):
    with server.wire() as wire:
        wire.get(prefix + "/app.js", "" if accepts is None else f"Accept-Encoding: {accepts}\r\n")
        answer = wire.answer()
        body = FILES[{"gzip": "app.js.gz", "br": "app.js.br", None: "app.js"}[coding]]
        assert (answer.headers["Content-Encoding"], answer.body) == (coding, body)
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["ETag"].endswith(f'-{coding}"' if coding else answer.headers["ETag"][-9:])
        if coding:
            wire.get(prefix + "/app.js", f"If-None-Match: {answer.headers['ETag']}\r\n")
            assert wire.answer().status == 200, "the other representation"


def test_a_client_decodes_the_twin(server):
    with server.client(headers={"Accept-Encoding": "gzip"}) as client:
        answer = client.get("/www/app.js")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.content == SCRIPT
        assert client.get("/www/data.bin").content == DATA
    assert gzip.decompress(FILES["app.js.gz"]) == SCRIPT


# ---- conditions


def validators(server, path):
    headers = server.get(path).headers
    return headers["ETag"], headers["Last-Modified"]


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin", "/www/", "/save/itself"])
def test_conditions(server, path):
    tag, modified = validators(server, path)
    moment = email.utils.parsedate_to_datetime(modified)
    assert abs(moment.timestamp() - time.time()) < 2 * 86400 or server.target == "rp2040"
    earlier = email.utils.format_datetime(moment.replace(year=2025), usegmt=True)
    later = moment.replace(year=2027).strftime("%A, %d-%b-%y %H:%M:%S GMT")
    for fields, status in [
        (f"If-None-Match: {tag}", 304), (f"If-None-Match: W/{tag}", 304), (f'If-None-Match: "x", {tag}', 304),
        ("If-None-Match: *", 304), ('If-None-Match: "x"', 200), (f"If-Modified-Since: {modified}", 304),
        (f"If-Modified-Since: {later}", 304), (f"If-Modified-Since: {earlier}", 200),
        (f"If-Modified-Since: {moment.strftime('%a %b ')}{moment.day:2}{moment.strftime(' %H:%M:%S %Y')}", 304),
        (f'If-None-Match: "x"\r\nIf-Modified-Since: {later}', 200),
        (f"If-None-Match: {tag}\r\nIf-Modified-Since: {earlier}", 304),
        (f"If-Match: {tag}", 200), ('If-Match: "x"', 412), (f"If-Match: W/{tag}", 412), ("If-Match: *", 200),
        (f"If-Unmodified-Since: {modified}", 200), (f"If-Unmodified-Since: {earlier}", 412),
        (f"If-Match: {tag}\r\nIf-Unmodified-Since: {earlier}", 200), ("If-Modified-Since: yesterday", 200),
        (f'If-Match: "x"\r\nIf-None-Match: {tag}', 412),
    ]:
        for method in ("GET", "HEAD"):
            with server.wire() as wire:
                wire.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n".encode())
                answer = wire.answer(method)
                assert answer.status == status, fields
                assert answer.headers["ETag"] == tag
                assert ("Cache-Control" in answer.headers) and (status != 304 or answer.body == b"")
                assert (answer.headers["Content-Type"] is None) == (status == 304)
                assert (answer.headers["Last-Modified"] == modified) == (status == 200)


def test_conditions_of_memory_mapped_files(server):
    tag = server.get("/rom/data.bin").headers["ETag"]
    with server.client() as client:
        for fields, status in [({"If-None-Match": tag}, 304), ({"If-Match": '"x"'}, 412), ({"If-Match": tag}, 200),
                               ({"If-Match": f"W/{tag}"}, 412),
                               ({"If-Modified-Since": "Sun, 06 Nov 2044 08:49:37 GMT"}, 200),
                               ({"If-None-Match": '"x"', "If-Match": "*"}, 200), ({"Referer": "http://a/"}, 200)]:
            answer = client.get("/rom/data.bin", headers=fields)
            assert (answer.status_code, answer.headers["ETag"]) == (status, tag), fields
            assert answer.content == (DATA if status == 200 else b"")


def test_curl_asks_only_once(server, tmp_path):
    for kept in (["--etag-save", "tag", "--etag-compare", "tag"], ["-z", "data.bin", "-R"]):
        (tmp_path / "data.bin").unlink(missing_ok=True)
        codes = [curl(server, tmp_path, "/www/data.bin", "-o", "data.bin", *kept) for _ in range(2)]
        assert codes == ["200", "304"]
        assert (tmp_path / "data.bin").read_bytes() == DATA or kept[0] == "-z"


def curl(server, directory, path, *options):
    """The status that curl got."""
    command = ["curl", "-s", "--noproxy", "*", "-m", str(server.patience), "-w", "%{stderr}%{http_code}", *options]
    done = subprocess.run([*command, server.url + path], check=True, cwd=directory, capture_output=True, text=True)
    return done.stderr


def test_what_was_just_written_has_no_validators(server):
    """It may be written again before its time or its size differ."""
    for text in ("one", "two"):
        answer = server.get("/fresh/" + text)
        assert answer.text == text
        assert "ETag" not in answer.headers
        assert "Last-Modified" not in answer.headers
    time.sleep(4 if server.target != "rp2040" else 20)
    tag, modified = validators(server, "/www/fresh.txt")
    with server.client() as client:
        answer = client.get("/fresh/two", headers={"If-None-Match": tag, "If-Modified-Since": modified})
        assert (answer.status_code, answer.text) == (200, "two"), "it is fresh once more"


UNSET = """
import modhttp, os
os.urandom(RUN)  # an emulated board draws the same numbers each time
app = modhttp.Server()
app.static("/", "/")
if "file.txt" not in os.listdir("/"):
    with open("/file.txt", "w") as file:
        file.write("text")
import time
time.sleep(4)
app.run(port=80)
"""


def test_a_board_that_knows_no_time(target, start):
    """Times are of its last start: a tag holds until the next, a date there is none."""
    if target != "rp2040":
        pytest.skip("the host has a clock")
    tags = []
    for run in ("1", "2"):
        program = start(UNSET.replace("RUN", run), files={})
        with program.client() as client:
            answer = client.get("/file.txt")
            assert "Last-Modified" not in answer.headers
            tags.append(answer.headers["ETag"])
            assert client.get("/file.txt", headers={"If-None-Match": tags[-1]}).status_code == 304
        program.stop()
    assert tags[0] != tags[1]


# ---- modhttp.file


@pytest.mark.parametrize("name, plain", [
    ("data.bin", "data.bin"), ("a b.txt", "a b.txt"), ("na\u00efve \u20ac.txt", "na_ve _.txt"),
    ('a"b\\c.txt', "a_b_c.txt"),
    ("50%.txt", "50_.txt"), ("a;b=c.txt", "a;b=c.txt"), ("a\r\nX: y", "a__X: y"), ("../x", ".._x"), ("it's", "it's"),
])
def test_downloads(server, name, plain):
    with server.client() as client:
        answer = client.get("/save/x", params={"as": name})
        assert answer.content == DATA
        field = answer.headers["Content-Disposition"]
        found = re.fullmatch(r"""attachment; filename="([^"]*)"(; filename\*=UTF-8''([A-Za-z0-9%._~-]+))?""", field)
        assert found[1] == plain
        assert (unquote(found[3]) if found[2] else plain) == name.replace("/", "_")
        assert "X" not in answer.headers


def test_download_by_its_own_name(server, tmp_path):
    assert curl(server, tmp_path, "/save/itself", "-OJ") == "200"
    assert (tmp_path / "data.bin").read_bytes() == DATA


def test_a_file_as_another_status(server):
    with server.client() as client:
        answer = client.get("/missing", headers={"If-None-Match": "*", "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (404, PAGE)
        assert "ETag" not in answer.headers
        assert client.head("/missing").headers["Content-Length"] == str(len(PAGE))


def test_a_file_in_a_response(server):
    answer = server.get("/fields")
    assert (answer.headers["X-One"], answer.headers["Content-Type"], answer.content) == ("1", "text/x", SCRIPT)


def test_choose(server):
    with server.client() as client:
        assert client.get("/choose").text == "(200, ())"
        assert client.get("/choose", headers={"Range": "bytes=-10,0-1"}).text == "(206, ((990, 10), (0, 2)))"
        tag = {"tag": 'W/"a"'}
        assert client.get("/choose", params=tag, headers={"If-None-Match": '"a"'}).text == "(304, ())"
        assert client.get("/choose", params={"tag": "a"}).status_code == 500
