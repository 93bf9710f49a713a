"""The router against a model that tries every route, and its limits."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]
OK, FULL, PATTERN, DUPLICATE, METHOD = 0, -1, -2, -3, -4
FOUND, NOT_FOUND, NOT_ALLOWED, OPTIONS, NOT_IMPLEMENTED = range(5)


class Router:
    """The C router in a block of exactly the size that it asks for."""

    def __init__(self, core, routes=(), size=None):
        self.core = core
        if size is None:
            text = sum(len(pattern) + (len(method) if method not in METHODS else 0) for method, pattern in routes)
            size = core.lib.mh_router_size(len(routes), text)
        self.block = core.ffi.new("uint32_t[]", (size + 3) // 4)
        self.router = core.lib.mh_router_init(self.block, size)
        assert self.router, f"no router in {size} bytes"
        for handler, (method, pattern) in enumerate(routes):
            assert self.add(method, pattern, handler) == OK

    def add(self, method, pattern, handler=0):
        method, pattern = method.encode(), pattern.encode()
        place = self.core.input.put(pattern + method)
        return self.core.lib.mh_router_add(self.router, place + len(pattern), len(method), place, len(pattern), handler)

    def find(self, method, path):
        """(result, handler, captured texts with True for an int, Allow)"""
        core, match = self.core, self.core.ffi.new("mh_match_t *")
        method, path = (text if isinstance(text, bytes) else text.encode() for text in (method, path))
        number = core.lib.mh_method(core.input.put(method), len(method))
        where = core.output.put(path)
        result = core.lib.mh_router_find(
            self.router, number, core.input.put(method), len(method), where, len(path), match
        )
        if result == FOUND:
            found = [match.capture[i] for i in range(match.captures)]
            captures = [(path[capture.at :][: capture.len].decode(), capture.is_int) for capture in found]
            return result, match.handler, captures, None
        if result in (NOT_ALLOWED, OPTIONS):
            return result, None, None, self.allow(match)
        return result, None, None, None

    def allow(self, match, size=1000):
        room = self.core.output.room(size)
        length = self.core.lib.mh_router_allow(self.router, match, room, size)
        return self.core.text(room, length)


@pytest.fixture
def shop(core):
    return Router(
        core,
        [
            ("GET", "/"),
            ("GET", "/items"),
            ("POST", "/items"),
            ("GET", "/items/"),
            ("GET", "/items/<int:id>"),
            ("GET", "/items/<name>"),
            ("DELETE", "/items/<name>"),
            ("GET", "/items/new"),
            ("GET", "/items/<name>/price"),
            ("PUT", "/items/new/<what>"),
            ("GET", "/files/<path:rest>"),
            ("PURGE", "/cache"),
        ],
    )


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (FOUND, 0, [], None)),
        ("GET", "/items", (FOUND, 1, [], None)),
        ("POST", "/items", (FOUND, 2, [], None)),
        ("GET", "/items/", (FOUND, 3, [], None)),
        ("GET", "/items/12", (FOUND, 4, [("12", True)], None)),
        ("GET", "/items/-2147483648", (FOUND, 4, [("-2147483648", True)], None)),
        ("GET", "/items/2147483647", (FOUND, 4, [("2147483647", True)], None)),
        ("GET", "/items/0000000000000007", (FOUND, 4, [("0000000000000007", True)], None)),
        ("GET", "/items/2147483648", (FOUND, 5, [("2147483648", False)], None)),
        ("GET", "/items/-2147483649", (FOUND, 5, [("-2147483649", False)], None)),
        ("GET", "/items/99999999999", (FOUND, 5, [("99999999999", False)], None)),
        ("GET", "/items/-", (FOUND, 5, [("-", False)], None)),
        ("GET", "/items/+1", (FOUND, 5, [("+1", False)], None)),
        ("GET", "/items/12a", (FOUND, 5, [("12a", False)], None)),
        ("GET", "/items/new", (FOUND, 7, [], None)),
        # The literal "new" leads nowhere for these: back to <name>
        ("GET", "/items/new/price", (FOUND, 8, [("new", False)], None)),
        ("GET", "/items/12/price", (FOUND, 8, [("12", False)], None)),
        ("DELETE", "/items/new", (FOUND, 6, [("new", False)], None)),
        ("PUT", "/items/new/x", (FOUND, 9, [("x", False)], None)),
        ("GET", "/files/a/b//c/", (FOUND, 10, [("a/b//c/", False)], None)),
        ("GET", "/files/", (NOT_FOUND, None, None, None)),
        ("GET", "/files", (NOT_FOUND, None, None, None)),
        ("GET", "/items//price", (NOT_FOUND, None, None, None)),
        ("GET", "/Items", (NOT_FOUND, None, None, None)),
        ("GET", "/item", (NOT_FOUND, None, None, None)),
        ("GET", "/items2", (NOT_FOUND, None, None, None)),
        ("GET", "//", (NOT_FOUND, None, None, None)),
        ("GET", "*", (NOT_FOUND, None, None, None)),
        ("HEAD", "/items", (FOUND, 1, [], None)),
        ("HEAD", "/cache", (NOT_ALLOWED, None, None, "OPTIONS, PURGE")),
        ("PURGE", "/cache", (FOUND, 11, [], None)),
        ("PURGE", "/items", (NOT_ALLOWED, None, None, "GET, HEAD, POST, OPTIONS")),
        ("purge", "/cache", (NOT_IMPLEMENTED, None, None, None)),
        ("PATCH", "/items", (NOT_IMPLEMENTED, None, None, None)),
        ("PATCH", "/nothing", (NOT_IMPLEMENTED, None, None, None)),
        # Everything that fits the path counts: <int:id>, <name>
        ("POST", "/items/12", (NOT_ALLOWED, None, None, "GET, HEAD, DELETE, OPTIONS")),
        ("OPTIONS", "/items/12", (OPTIONS, None, None, "GET, HEAD, DELETE, OPTIONS")),
        ("OPTIONS", "/nothing", (NOT_FOUND, None, None, None)),
        ("OPTIONS", "*", (OPTIONS, None, None, "GET, HEAD, POST, PUT, DELETE, OPTIONS, PURGE")),
    ],
)
def test_shop(shop, method, path, expected):
    assert shop.find(method, path) == expected


def test_any_method(core):
    router = Router(core, [("*", "/a"), ("GET", "/a"), ("*", "/b")])
    assert router.find("GET", "/a")[1] == 1
    assert router.find("HEAD", "/a")[1] == 1
    assert router.find("POST", "/a")[1] == 0
    assert router.find("OPTIONS", "/a")[1] == 0
    assert router.find("ANYTHING", "/b")[1] == 2
    assert router.find("ANYTHING", "/c")[0] == NOT_FOUND


def test_fallback(core):
    router = Router(core, [("GET", "/a")])
    assert router.find("BREW", "/pot")[0] == NOT_IMPLEMENTED
    core.lib.mh_router_fallback(router.router, 77)
    assert router.find("BREW", "/pot") == (FOUND, 77, [], None)
    assert router.find("POST", "/a") == (FOUND, 77, [], None)
    assert router.find("GET", "*") == (FOUND, 77, [], None)
    assert router.find("OPTIONS", "*") == (FOUND, 77, [], None)
    assert router.find("GET", "/a") == (FOUND, 0, [], None)
    assert router.find("OPTIONS", "/a") == (OPTIONS, None, None, "GET, HEAD, OPTIONS")
    core.lib.mh_router_fallback(router.router, -1)
    assert router.find("GET", "/b")[0] == NOT_FOUND


def test_missing(core):
    router = Router(core, [("GET", "/a"), ("PURGE", "/b/<name>")])
    core.lib.mh_router_missing(router.router, 78)
    assert router.find("GET", "/b") == (FOUND, 78, [], None)
    assert router.find("PURGE", "/a/b") == (FOUND, 78, [], None)
    assert router.find("OPTIONS", "/c") == (FOUND, 78, [], None)
    assert router.find("HEAD", "/") == (FOUND, 78, [], None)
    assert router.find("GET", "/a") == (FOUND, 0, [], None)
    assert router.find("PURGE", "/a") == (NOT_ALLOWED, None, None, "GET, HEAD, OPTIONS")
    assert router.find("OPTIONS", "/b/c") == (OPTIONS, None, None, "OPTIONS, PURGE")
    assert router.find("BREW", "/a")[0] == router.find("BREW", "/pot")[0] == NOT_IMPLEMENTED
    assert router.find("OPTIONS", "*") == (OPTIONS, None, None, "GET, HEAD, OPTIONS, PURGE")
    assert router.find("GET", "*")[0] == router.find("GET", "")[0] == NOT_FOUND
    core.lib.mh_router_fallback(router.router, 77)
    assert router.find("GET", "/b") == router.find("POST", "/a") == (FOUND, 77, [], None)
    core.lib.mh_router_fallback(router.router, -1)
    core.lib.mh_router_missing(router.router, -1)
    assert router.find("GET", "/b")[0] == NOT_FOUND


def test_no_routes(core):
    router = Router(core)
    assert [router.find(method, "/")[0] for method in ("GET", "HEAD", "OPTIONS")] == [NOT_FOUND] * 3
    assert router.find("POST", "/")[0] == NOT_IMPLEMENTED


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a",
        "*",
        "//",
        "/a//b",
        "//a",
        "/.",
        "/..",
        "/a/../b",
        "/<",
        "/>",
        "/<>",
        "/a<b>",
        "/<b>a",
        "/<a",
        "/a>",
        "/<a b>",
        "/<1a>",
    ]
    + [
        "/<int:>",
        "/<:a>",
        "/<float:a>",
        "/<in:a>",
        "/<Int:a>",
        "/<path:a>/b",
        "/<path:a>/",
        "/<int:a:b>",
        "/<a>/<a>",
        "/<a>/b/<int:a>",
    ]
    + ["/<int:int:a>", "/a\r\nb", "/a\x00", "/a\x7f", "/" + "x" * 256, "/" + "/".join(f"<a{i}>" for i in range(9))],
)
def test_malformed_pattern(core, pattern):
    assert Router(core, size=8192).add("GET", pattern) == PATTERN


@pytest.mark.parametrize(
    "pattern", ["/", "/a b", "/café/", "/...", "/.a", "/<_a1>", "/<int:a>/<path:int>", "/<path>", "/" + "x" * 255]
)
def test_well_formed_pattern(core, pattern):
    assert Router(core, size=8192).add("GET", pattern) == OK


def test_most_captures(core):
    router = Router(core, [("GET", "/" + "/".join(f"<a{i}>" for i in range(8)))])
    assert router.find("GET", "/0/1/2/3/4/5/6/7")[2] == [(str(i), False) for i in range(8)]
    assert router.find("GET", "/0/1/2/3/4/5/6/7/8")[0] == NOT_FOUND


@pytest.mark.parametrize("method", ["", " ", "GE T", "GET,", "G\x00", "é", "A" * 256])
def test_malformed_method(core, method):
    assert Router(core, size=8192).add(method, "/") == METHOD


def test_most_methods(core):
    router = Router(core, size=8192)
    own = ["A" * 255] + [f"OWN{i}" for i in range(21)]
    assert [router.add(method, "/", i) for i, method in enumerate([*METHODS, *own, "*"])] == [OK] * 32
    assert router.add("ONE-MORE", "/") == METHOD
    assert [router.find(method, "/")[1] for method in METHODS + own] == list(range(31))
    assert router.find("ONE-MORE", "/")[1] == 31
    assert router.find("OWN", "/")[1] == 31
    assert [router.add(method, "/more", i) for i, method in enumerate(own)] == [OK] * 22
    assert router.find("GET", "/more")[3] == ", ".join(["OPTIONS", *own])


def test_duplicates(core):
    router = Router(core, [("GET", "/a"), ("*", "/a"), ("BREW", "/a"), ("GET", "/<int:x>"), ("GET", "/")], size=8192)
    for method, pattern in [("GET", "/a"), ("*", "/a"), ("BREW", "/a"), ("GET", "/<int:y>"), ("GET", "/")]:
        assert router.add(method, pattern) == DUPLICATE
    for method, pattern in [("HEAD", "/a"), ("BREWS", "/a"), ("GET", "/<y>"), ("GET", "/a/"), ("POST", "/")]:
        assert router.add(method, pattern) == OK


def test_allow_that_does_not_fit(core):
    router = Router(core, [("GET", "/a"), ("POST", "/a"), ("DELETE", "/a")])
    match = core.ffi.new("mh_match_t *")
    core.lib.mh_router_find(router.router, core.lib.MH_PUT, b"PUT", 3, b"/a", 2, match)
    whole = "GET, HEAD, POST, DELETE, OPTIONS"
    for size in range(len(whole) + 2):
        text = router.allow(match, size)
        assert len(text) <= size
        assert set(filter(None, text.split(", "))) <= set(whole.split(", "))
        assert size < len(whole) or text == whole


def test_full_changes_nothing(core):
    """Fill a small block; each route that was taken works, and what was refused left no trace."""
    router = Router(core, size=core.lib.mh_router_size(4, 40))
    before, taken = b"", []
    for i in range(100):
        before = core.bytes(router.block, core.ffi.sizeof(router.block))
        result = router.add(f"M{i % 5}", f"/{i}/{'long' * 5}/<x>", i)
        if result != OK:
            assert result == FULL
            assert core.bytes(router.block, core.ffi.sizeof(router.block)) == before
            break
        taken.append(i)
    assert taken
    assert len(taken) < 100
    assert [router.find(f"M{i % 5}", f"/{i}/{'long' * 5}/y")[1] for i in taken] == taken


@pytest.mark.parametrize(
    ("size", "routes"),
    [
        # cells: 31 routes at each of 2,048 nodes
        (1 << 20, ((f"M{i % 22}" if i % 31 > 8 else METHODS[i % 31], f"/{i // 31}") for i in range(70000))),
        # text: 65,535 bytes of it
        (1 << 20, (("GET", f"/{i:0>255}") for i in range(300))),
        # slots, of a small block and of the largest table
        (4096, (("GET", f"/{i}/a/b/c/d/e/f/g/h") for i in range(100))),
        (1 << 20, (("GET", f"/{i:x}" + "/x" * 20) for i in range(2000))),
        # bytes
        (4096, (("GET", f"/{i:0>100}") for i in range(100))),
    ],
    ids=["cells", "text", "slots", "most slots", "bytes"],
)
def test_full(core, size, routes):
    """Each thing that a router can run out of; what was taken is found."""
    router, taken = Router(core, size=size), []
    for handler, (method, pattern) in enumerate(routes):
        result = router.add(method, pattern, handler % 65536)
        if result != OK:
            break
        taken.append((method, pattern))
    assert result == FULL
    for handler in {0, len(taken) // 2, len(taken) - 1}:
        assert router.find(*taken[handler]) == (FOUND, handler % 65536, [], None)


def test_a_huge_block(core):
    """More than 32 bits can count is as good as the most that they can. Nothing lies at its end as yet."""
    block = core.ffi.new("uint32_t[]", 1 << 15)
    router = core.lib.mh_router_init(block, 1 << 33)
    match = core.ffi.new("mh_match_t *")
    assert core.lib.mh_router_find(router, core.lib.MH_GET, b"GET", 3, b"/", 1, match) == NOT_FOUND


@pytest.mark.parametrize(("pattern", "methods"), [
    ("/{:x}", ["GET"]), ("/{:0200x}", ["GET"]), ("/{:x}", ["GET", "PUT", "POST", "PATCH"]),
])
def test_larger_than_the_largest_holds_no_more(core, pattern, methods):
    """Whatever there is too much of: nodes, text, cells."""
    size = core.lib.MH_ROUTER_SIZE_MAX
    routers = [Router(core, size=size), Router(core, size=2 * size)]
    for i in range(65536):
        results = [router.add(method, pattern.format(i), i % 100) for method in methods for router in routers]
        if FULL in results:
            break
    assert results[::2] == results[1::2]


def test_paths_that_are_none(core):
    router = Router(core, [("GET", "/<path:x>")])
    assert router.find("GET", "")[0] == NOT_FOUND
    assert router.find("GET", "a")[0] == NOT_FOUND
    assert router.find("GET", "/" + "a" * 65534)[0] == FOUND
    assert router.find("GET", "/" + "a" * 65535)[0] == NOT_FOUND


def test_methods(core):
    """Each name and no other, not even one that begins or goes on alike."""
    for number, name in enumerate(METHODS):
        assert core.lib.mh_method(core.input.put(name.encode()), len(name)) == number
        assert core.ffi.string(core.lib.mh_method_name(number)).decode() == name
        for other in (name[:-1], name + "S", name.lower(), ""):
            assert core.lib.mh_method(core.input.put(other.encode()), len(other)) == core.lib.MH_METHOD_OTHER


def test_sizes(core):
    """More routes never need less, and what is too small or too large is said."""
    size = core.lib.mh_router_size
    for text in range(0, 3000, 7):
        assert size(text // 10, text) <= size(text // 10 + 1, text) <= size(text // 10 + 1, text + 7)
    assert size(10, 65536) == 0
    assert size(65536, 10) == 0
    assert size(44000, 0) == 0
    assert size(10, 65535) == 0
    assert size(10, 49000) != 0
    assert core.lib.mh_router_init(core.ffi.new("uint32_t[64]"), size(0, 0) - 1) == core.ffi.NULL


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 33, 100, 1000, 2500])
@pytest.mark.parametrize("pattern", ["/{:x}", "/a/{:x}/", "/<x>/{:x}/<int:y>", "/{:x}/b/<path:z>"])
def test_size_is_enough(core, count, pattern):
    """Router() adds them all in a block of the size asked for."""
    router = Router(core, [("GET", pattern.format(i)) for i in range(count)])
    for i in {0, count // 2, count - 1}:
        path = pattern.format(i).replace("<x>", "x").replace("<int:y>", "-1").replace("<path:z>", "z/z")
        assert router.find("GET", path)[1] == i
    assert router.find("GET", pattern.format(count).replace("<", "").replace(">", ""))[0] == NOT_FOUND


@pytest.mark.parametrize(
    "routes", [[("GET", "/" + "a/" * 9)], [("GET", "/a" * n) for n in range(1, 60)], [("X" * 200, "/")]]
)
def test_size_is_enough_for_the_worst(core, routes):
    assert Router(core, routes).find(*routes[-1])[1] == len(routes) - 1


def test_edges_of_one_slot(core):
    """In small tables literals and variables meet in the same slots, and so do paths that no route has."""
    for seed in range(60):
        names = [f"{'abcdefgh'[(seed + i) % 8] * (1 + (seed + i) % 3)}{seed * i}" for i in range(6)]
        patterns = [f"/{name}" for name in names] + ["/<x>/y", "/<int:n>", f"/{names[0]}/{names[1]}"]
        router = Router(core, [("GET", pattern) for pattern in dict.fromkeys(patterns)])
        for name in names:
            assert router.find("GET", f"/{name}")[0] == FOUND
            assert router.find("GET", f"/x{name}/y")[2] == [(f"x{name}", False)]
            for path in (f"/x{name}", f"/{name}/", f"//{name}", name, name[1:], f"/{name}{name}", f"-{name}"):
                assert router.find("GET", path)[0] in (NOT_FOUND, FOUND if path[1:].isdigit() else NOT_FOUND)


def test_many_ways_back(core):
    """Every segment could be the literal or <x>: all of 2^7 paths exist but the last segment's."""
    patterns = [""]
    for i in range(7):
        patterns = [pattern + segment for pattern in patterns for segment in ("/a", f"/<x{i}>")]
    router = Router(core, [("GET", pattern + "/end") for pattern in patterns])
    assert router.find("GET", "/a" * 7 + "/end")[1] == 0
    assert router.find("GET", "/b" * 7 + "/end")[1] == len(patterns) - 1
    assert router.find("GET", "/a" * 7 + "/other")[0] == NOT_FOUND


# --- the model ---


def compiled(pattern):
    """A regular expression for a pattern, and what it is worth: precedence segment by segment."""
    expression, worth = "", []
    for segment in pattern.split("/")[1:]:
        variable = re.fullmatch(r"<(?:(int|path):)?\w+>", segment)
        if not variable:
            expression, kind = expression + "/" + re.escape(segment), 0
        elif variable[1] == "int":
            expression, kind = expression + r"/(-?[0-9]+)", 1
        elif variable[1] == "path":
            expression, kind = expression + r"/(.+)", 3
        else:
            expression, kind = expression + r"/([^/]+)", 2
        worth.append(kind)
    return re.compile(expression, re.DOTALL), worth


def model(routes, method, path):
    """What Router.find() should say, by trying everything."""
    known = {method for method, _ in routes}
    fits = []
    for handler, (own, pattern) in enumerate(routes):
        expression, worth = compiled(pattern)
        match = expression.fullmatch(path)
        if match:
            captures = list(zip(match.groups(), (kind == 1 for kind in worth if kind), strict=True))
            if all(not is_int or -(2**31) <= int(text) < 2**31 for text, is_int in captures):
                fits.append((worth, own, handler, captures))
    wanted = [method, "GET", "*"] if method == "HEAD" else [method, "*"]
    serving = [(worth, wanted.index(own), handler, captures) for worth, own, handler, captures in fits if own in wanted]
    if serving:
        return FOUND, min(serving)[2], min(serving)[3], None
    if "*" not in known and method not in known | {"GET", "HEAD", "OPTIONS"}:
        return NOT_IMPLEMENTED, None, None, None
    if not fits:
        return NOT_FOUND, None, None, None
    allow = {own for _, own, _, _ in fits} | {"OPTIONS"}
    if "GET" in allow:
        allow.add("HEAD")
    order = METHODS + list(dict.fromkeys(own for own, _ in routes if own not in METHODS))
    return OPTIONS if method == "OPTIONS" else NOT_ALLOWED, None, None, ", ".join(sorted(allow, key=order.index))


SEGMENT = st.sampled_from(["a", "b", "1", "-2", "99999999999", "<x>", "<x>", "<int:x>", "<int:x>"])
ROUTES = st.lists(
    st.tuples(
        st.sampled_from(["GET", "GET", "POST", "HEAD", "OPTIONS", "*", "BREW", "WHEN"]),
        st.tuples(st.lists(SEGMENT, max_size=4), st.sampled_from(["", "a", "<path:rest>"])).map(
            lambda parts: "/".join(["", *parts[0], parts[1]])
        ),
    ),
    max_size=14,
)
PATHS = st.lists(st.sampled_from(["a", "b", "1", "-2", "99999999999", "", "c"]), min_size=1, max_size=6).map(
    lambda parts: "/" + "/".join(parts)
)


@settings(max_examples=300)
@given(ROUTES, st.lists(st.tuples(st.sampled_from([*METHODS, "BREW", "WHAT"]), PATHS), min_size=1, max_size=10))
def test_against_model(core, drawn, requests):
    routes, seen = [], set()
    for method, pattern in drawn:
        # Names are numbered, as each may come once; a route differs by more than its names.
        same = (method, pattern)
        if same not in seen:
            seen.add(same)
            count = iter(range(100))
            routes.append((method, re.sub(r"x>", lambda _, count=count: f"x{next(count)}>", pattern)))
    router = Router(core, routes)
    for method, path in requests:
        assert router.find(method, path) == model(routes, method, path), (method, path)
