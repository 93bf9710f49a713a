"""The API reference's docstrings: a name of python/stubs that has none has that of the source, python/modhttp.

An extension of griffe, which reads both for mkdocstrings. The stubs say what there is and of which types.
"""

from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parent.parent


def documented(kind, path):
    """{path below the package: docstring} of the source's classes, functions and methods."""
    found = {}

    def look(object, prefix):
        for name, member in object.members.items():
            if member.is_alias or not (member.is_class or member.is_function or member.is_attribute):
                continue
            if member.docstring:
                found.setdefault(prefix + name, member.docstring.value)
            if member.is_class:
                look(member, f"{prefix}{name}.")

    for file in sorted(path.glob("*.py")):
        look(kind.visit(file.stem, filepath=file, code=file.read_text()), "")
    return found


class SourceDocstrings(griffe.Extension):
    """Gives what the stubs do not describe the source's words."""

    def on_package(self, *, pkg, loader, **kwargs):
        if pkg.name == "modhttp":
            fill(pkg, documented(griffe, ROOT / "python/modhttp"), "")


def fill(object, words, prefix):
    for name, member in object.members.items():
        if member.is_alias:
            continue
        if member.is_module:
            fill(member, words, "")
            continue
        if not member.docstring and prefix + name in words:
            member.docstring = griffe.Docstring(words[prefix + name], parent=member)
        if member.is_class:
            fill(member, words, f"{prefix}{name}.")
