"""The type stubs: mypy finds nothing in them or in the examples, and they say what the code has, no more and no less.

Names of C's types are compared with dir() and getattr() on the host build, how many arguments their methods take with
the macros in modhttp/py that define them; Python's with the source, parameter by parameter.
"""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import griffe
import pytest

import target as targets
from docs_api import documented

ROOT = Path(__file__).resolve().parents[2]
STUBS = ROOT / "python/stubs"
SOURCE = ROOT / "python/modhttp"
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
EXAMPLES = [path for path in EXAMPLES if not path.stem.endswith("_before")]  # for another server, without types
STRICT = ["--strict", "--allow-untyped-defs", "--allow-untyped-calls", "--allow-untyped-decorators",
          "--disable-error-code", "var-annotated"]  # programs without types are taken as they are

# MicroPython's own stubs have errors in themselves, which are not to be shown.
QUIET = ["--follow-imports", "silent", "--no-error-summary", "--hide-error-context"]


def mypy(words, cache):
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache), "--no-color-output", *map(str, words)]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, env={"PATH": os.defpath})


@pytest.fixture(scope="module")
def micropython(tmp_path_factory):
    """The types of MicroPython's own modules, out of the environment, where mypy would not take them from."""
    directory = tmp_path_factory.mktemp("typings")
    for package in "micropython-rp2-rpi-pico-w-stubs", "micropython-stdlib-stubs":
        for file in importlib.metadata.files(package):
            if file.suffix in (".pyi", ".py") or file.name == "VERSIONS":
                (directory / file).parent.mkdir(parents=True, exist_ok=True)
                (directory / file).symlink_to(file.locate())
    return directory


def complaints(files, micropython):
    """What mypy says of programs for the board, each a program of its own."""
    config = micropython / "mypy.ini"
    config.write_text(f"[mypy]\nmypy_path = {STUBS}:{micropython}\ncustom_typeshed_dir = {micropython}\n")
    found = []
    for file in files:
        done = mypy(["--config-file", config, *STRICT, *QUIET, file], micropython / ".cache")
        assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
        found += [line for line in done.stdout.splitlines() if f"/{micropython.name}/" not in line]
    return found


def test_stubs_are_consistent(tmp_path):
    done = mypy(["--strict", STUBS / "_modhttp.pyi", STUBS / "modhttp"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_examples_fit_the_types(micropython):
    assert complaints(EXAMPLES, micropython) == []


def test_wrong_programs_do_not_fit(micropython, tmp_path):
    """mypy sees our types: what is wrong is told."""
    wrong = tmp_path / "wrong.py"
    lines = "import modhttp", "app = modhttp.Server(max_conections=3)", "app.start(port='80')", "modhttp.nothing()"
    wrong.write_text("\n".join(lines))
    said = "\n".join(complaints([wrong], micropython))
    assert "max_conections" in said and 'expected "int"' in said and "nothing" in said


# ---- names of C's types

PROBE = '''
import json
import _modhttp
import modhttp

def names(thing):
    return [name for name in dir(thing) if not name.startswith("_")]

def has(thing, wanted):
    found = []
    for name in wanted:
        try:
            getattr(thing, name)
        except AttributeError:
            continue
        except Exception:
            pass  # it is there, and does not fit this request
        found.append(name)
    return found

WANTED = json.loads(%r)
app = modhttp.Server()
sensor = app.sensor("/sensor", a=1)
value = app.value("/value", "text/plain", "")

@app.get("/module")
def module(request):
    things = {"modhttp": names(modhttp) + [name for name, _ in modhttp._LATER], "_modhttp": names(_modhttp)}
    for name in _modhttp.__dict__:
        thing = getattr(_modhttp, name)
        if isinstance(thing, type):
            things[name] = names(thing)
    return things

@app.post("/objects")
def objects(request):
    found = {"Request": request, "Headers": request.headers, "Sensor": sensor, "Value": value, "_Server": app._core,
             "_Metrics": app._metrics}
    return {name: has(thing, WANTED[name]) for name, thing in found.items()}

app.run(port=80)
'''

# Of C's types, what is the Python layer's own business.
INNER = {
    "Request": {"close", "on_lost"},
    "Sensor": {"endpoint", "metrics", "common"},
    "Value": {"endpoint"},
}
SHARED = ("Field", "HTTPError", "Headers", "Request", "Stream")


def module(path):
    return griffe.visit(path.stem, filepath=path, code=path.read_text())


PUBLIC = {path.stem: module(path) for path in sorted((STUBS / "modhttp").glob("*.pyi"))}
NATIVE = module(STUBS / "_modhttp.pyi")


def public(object):
    return {name for name, member in object.members.items() if not name.startswith("_") and not member.is_alias}


def class_of_c(name):
    return PUBLIC["__init__"][name] if name in (*SHARED, "Sensor", "Value") else NATIVE[name]


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """What the host build has: (names of modules and types, which of the stubs' names its objects have)."""
    targets.prepare("host")
    wanted = {name: sorted(public(class_of_c(name))) for name in ("Request", "Headers", "Sensor", "Value")}
    wanted |= {"_Server": sorted(public(NATIVE["Server"])), "_Metrics": sorted(public(NATIVE["Metrics"]))}
    program = PROBE % json.dumps(wanted)
    with targets.Program("host", program, tmp_path_factory.mktemp("probe")) as running, running.client() as client:
        has = client.post("/objects", json={}).json()
        return client.get("/module").json(), wanted, has


def test_module_has_what_the_stub_says(there):
    names, _, _ = there
    stub = {name for name in NATIVE.members if not name.startswith("_")} - {"Callable", "Any", "Union"}
    assert stub == set(names["_modhttp"])


def test_package_has_what_the_stub_says(there):
    names, _, _ = there
    modules = {path.stem for path in SOURCE.glob("*.py")}
    offered = set(names["modhttp"]) - modules
    code = public(PUBLIC["__init__"])
    named = {name for name in code if PUBLIC["__init__"][name].is_class or PUBLIC["__init__"][name].is_function}
    assert offered <= named
    assert named - offered == ONLY_TYPES


# Classes of objects that a program gets, and does not make by name.
ONLY_TYPES = {"AsyncPart", "AsyncWebSocket", "CallbackResponse", "CaptivePortal", "File", "Headers", "Part", "Parts",
              "Readable", "Reader", "Sensor", "Service", "Stream", "Value"}


def test_objects_have_what_the_stubs_say(there):
    _, wanted, has = there
    assert {name: sorted(found) for name, found in has.items()} == wanted


TYPES_OF_C = ["Blob", "Dns", "Form", "Guard", "Headers", "Mdns", "Metrics", "Request", "Server", "Stream"]


@pytest.mark.parametrize("name", TYPES_OF_C)
def test_stubs_leave_no_method_out(there, name):
    names, _, _ = there
    assert set(names[name]) - INNER.get(name, set()) - public(class_of_c(name)) == set()
    methods = {one for one in public(class_of_c(name)) if class_of_c(name)[one].is_function}
    assert methods <= set(names[name])


# ---- how many arguments C takes

C_SOURCE = "\n".join(path.read_text() for path in sorted((ROOT / "modhttp/py").glob("*.c")))


def arity(function):
    """(least, most) positional arguments of a C function, as its macro says; None: keywords, too."""
    macro = re.search(rf"MP_DEFINE_CONST_FUN_OBJ_(\w+)\({function}_obj, ([^)]*)\)", C_SOURCE)
    if macro[1] == "KW":
        return None
    if macro[1] == "VAR_BETWEEN":
        least, most = macro[2].split(",")[:2]
        return int(least), int(most)
    return int(macro[1]), int(macro[1])


def stub_arity(function):
    """(least, most) as a stub has it, over all its overloads."""
    parameters = [p for p in function.parameters if p.kind.value in ("positional-only", "positional or keyword")]
    return sum(1 for p in parameters if p.default is None), len(parameters)


def table(name):
    """{method: C function} of a type, or of the module."""
    found = re.search(rf"{name}_table\[\] = {{(.*?)\n}};", C_SOURCE, re.DOTALL)[1]
    pairs = re.findall(r"MP_QSTR_([a-z]\w*)\), MP_ROM_PTR\(&(\w+)_obj\)", found)
    return {method: function for method, function in pairs if f"{function}_obj," in C_SOURCE}


TABLES = {"Blob": "blob_locals", "Form": "form_locals", "Guard": "guard_locals", "Headers": "headers_locals",
          "Metrics": "metrics_locals", "Request": "request_locals", "Server": "server_locals",
          "Stream": "stream_locals", "Dns": "dns_locals", "Mdns": "mdns_locals", "_Socket": "socket_locals"}


@pytest.mark.parametrize("name", TABLES)
def test_methods_take_what_the_stubs_say(name):
    compared = 0
    for method, function in table(TABLES[name]).items():
        if method in INNER.get(name, ()) or function.startswith("mp_"):
            continue
        if (wanted := arity(function)) is not None:
            stub = class_of_c(name).members[method]
            assert stub_arity(stub) == wanted, f"{name}.{method}"
            compared += 1
    assert compared


def test_functions_take_what_the_stubs_say():
    functions = table("modhttp_module_globals")
    functions = {name: c for name, c in functions.items() if re.search(rf"FUN_OBJ_\w+\({c}_obj", C_SOURCE)}
    assert len(functions) >= 10
    assert {name: stub_arity(NATIVE[name]) for name in functions} == {name: arity(c) for name, c in functions.items()}


def test_limits_are_as_the_stub_says():
    """Server's keywords and defaults, of which C has the table."""
    limits = {name: int(default) for name, default in re.findall(r"{ MP_QSTR_(\w+), (\d+), \d+, \w+ },", C_SOURCE)}
    init = PUBLIC["__init__"]["Server"]["__init__"]
    stub = {p.name: p.default for p in init.parameters if p.kind.value == "keyword-only"}
    assert len(limits) == 10
    switches = {"debug": "False", "secure_headers": "False"}
    assert stub == {name: str(default) for name, default in limits.items()} | switches


def test_documented_limits_are_those():
    text = (ROOT / "docs/limits.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+)[^|]*\| ([\d,]+), ([^|]+?) \|", text, re.MULTILINE)
    said = [(name, default.replace(",", ""), low, high.replace(",", "")) for name, default, low, high in rows]
    code = re.findall(r"{ MP_QSTR_(\w+), (\d+), (\d+), (\w+) },", C_SOURCE)
    assert said == [(*row[:3], "1 G" if row[3] == "0x3fffffff" else row[3]) for row in code]


# ---- Python's classes and functions

def sources():
    """{class or function: its definition} of the source, over all modules."""
    found = {}
    for path in sorted(SOURCE.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.setdefault(node.name, []).append((path.stem, node))
    return found


FOUND = sources()
OF_C = {*SHARED, "Sensor", "Value", "Readable"}
NAMES = [(stem, name) for stem, one in PUBLIC.items() for name in sorted(public(one))]
CLASSES = [(stem, name) for stem, name in NAMES if PUBLIC[stem][name].is_class and name not in OF_C]
FUNCTIONS = [(stem, name) for stem, name in NAMES if PUBLIC[stem][name].is_function]


def definition(stem, name):
    """Of a name in a stub: of its module, or, at the top, of whichever has it."""
    return next(node for where, node in FOUND[name] if stem in ("__init__", where))


def members(node):
    """{name: definition, or None of an attribute} of a class, with what it has from those below it."""
    found = {}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in FOUND:
            found |= members(FOUND[base.id][0][1])
    for one in node.body:
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            is_property = any(isinstance(d, ast.Name) and d.id == "property" for d in one.decorator_list)
            found[one.name] = None if is_property else one
        elif isinstance(one, ast.Assign):
            found |= {target.id: None for target in one.targets if isinstance(target, ast.Name)}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and isinstance(inner.value, ast.Name):
            if inner.value.id == "self":
                found.setdefault(inner.attr, None)
    return found


def parameters(node):
    """[(name, default or None)] of a definition, and whether it takes any keywords."""
    args = node.args
    positional = args.posonlyargs + args.args
    defaults = [None] * (len(positional) - len(args.defaults)) + args.defaults
    pairs = [*zip(positional, defaults, strict=True), *zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    named = [(arg.arg, None if default is None else ast.unparse(default)) for arg, default in pairs]
    return named, args.kwarg is not None


def stub_parameters(function):
    named = (parameter for parameter in function.parameters if not parameter.kind.value.startswith("variadic"))
    return [(one.name, None if one.default is None else str(one.default)) for one in named]


def same_default(stub, code):
    """Whether the stub's is that of the code, or leaves it open, or has the value of a constant's name."""
    if None in (stub, code):
        return stub is code
    return stub == "..." or code.isupper() or ast.unparse(ast.parse(stub, mode="eval")) == code


def check_parameters(name, stub, node):
    in_code, any_keywords = parameters(node)
    in_stub = stub_parameters(stub)
    if any_keywords:  # what it takes by name it hands on
        assert [one for one in in_code if one[0] not in dict(in_stub)] == [], name
        return
    assert [one[0] for one in in_stub] == [one[0] for one in in_code], name
    for (parameter, default), (_, code) in zip(in_stub, in_code, strict=True):
        assert same_default(default, code), f"{name}({parameter})"


@pytest.mark.parametrize("stem, name", CLASSES)
def test_class_is_as_the_stub_says(stem, name):
    stub, code = PUBLIC[stem][name], members(definition(stem, name))
    code |= {"sensor": None} if name == "Server" else {}
    missing = public(stub) - set(code)
    assert missing == set(), f"{name} has no {missing}"
    for method in stub.members:
        if code.get(method) is not None and stub[method].is_function:
            check_parameters(f"{name}.{method}", stub[method], code[method])
    if not any(base for base in definition(stem, name).bases):
        own = {one for one, what in code.items() if not one.startswith("_") and what is not None}
        assert own - public(stub) - BETWEEN_MODULES == set()


# Methods that are one module's for another's use.
BETWEEN_MODULES = {"represent"}


@pytest.mark.parametrize("stem, name", FUNCTIONS)
def test_function_is_as_the_stub_says(stem, name):
    check_parameters(name, PUBLIC[stem][name], definition(stem, name))


# ---- what is documented

def described(object, words, prefix=""):
    """The public names that neither the stub nor the source has a word for."""
    for name in sorted(public(object)):
        member = object[name]
        text = member.docstring or words.get(prefix + name)
        if not text and not (member.is_attribute and prefix == ""):  # an alias of types says itself what it is
            yield prefix + name
        if member.is_class:
            yield from described(member, words, f"{prefix}{name}.")


@pytest.mark.parametrize("stem", PUBLIC)
def test_every_name_is_described(stem):
    assert list(described(PUBLIC[stem], documented(SOURCE))) == []
