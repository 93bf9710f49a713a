"""What mip installs: a .json for the Python layer and for each drop-in, which names all of its files."""

import ast
import json
import re

import pytest

from target import ROOT

COMPAT = ROOT / "python/compat"
VERSION = re.search(r'__version__ = "(.*)"', (ROOT / "python/modhttp/__init__.py").read_text())[1]

# Where a module's file is to be on the board, and where it is here. Those of circuitpython/ are modules by themselves.
FILES = {
    str(path.relative_to(COMPAT)).removeprefix("circuitpython/"): str(path.relative_to(COMPAT))
    for path in COMPAT.rglob("*.py")
}
PACKAGES = sorted({place.split("/")[0].removesuffix(".py") for place in FILES.values() if not place.startswith("_")})


def imported_by(path):
    """The first names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def files_of(package):
    """(name on the board, place here) of its own files, and of those in this directory that they import."""
    found = {(name, place) for name, place in FILES.items() if place.split("/")[0].removesuffix(".py") == package}
    needed = {module for _, place in found for module in imported_by(COMPAT / place)} - {package}
    return found.union(*(files_of(module) for module in needed if f"{module}.py" in FILES.values()))


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_whole(package):
    said = json.loads((ROOT / f"python/{package}.json").read_text())
    assert {tuple(pair) for pair in said["urls"]} == {(name, f"compat/{place}") for name, place in files_of(package)}
    assert said["version"] == VERSION


def test_package_of_the_python_layer_is_whole():
    said = json.loads((ROOT / "package.json").read_text())
    python = ROOT / "python"
    files = [str(path.relative_to(python)) for path in sorted((python / "modhttp").rglob("*")) if path.suffix != ".pyc"]
    assert said["urls"] == [[name, f"python/{name}"] for name in files if (python / name).is_file()]
    assert said["version"] == VERSION


def test_every_package_is_of_a_drop_in():
    assert sorted(path.stem for path in (ROOT / "python").glob("*.json")) == PACKAGES
