"""The API reference's docstrings: of what is written in Python those of the source, python/modhttp; of C's, the stubs'.

An extension of griffe, which reads both for mkdocstrings. The stubs say what there is and of which types.
"""

import ast
import re
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parent.parent


def documented(path):
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
        look(griffe.visit(file.stem, filepath=file, code=file.read_text()), "")
    return found


class SourceDocstrings(griffe.Extension):
    """Has the source describe what the stubs name."""

    def on_package(self, *, pkg, loader, **kwargs):
        if pkg.name == "modhttp":
            fill(pkg, documented(ROOT / "python/modhttp"), "")


def presentable(text):
    """A docstring as Markdown: plain text, but for names in backticks, and names of pages, which become links."""
    text = re.sub(r"(`[^`]*`)|([<*\[])", lambda found: found[1] or {"<": "&lt;"}.get(found[2], "\\" + found[2]), text)
    return re.sub(r"\bdocs/(\w+)\.md", r"[\1](../\1.md)", text)


def fill(object, words, prefix):
    for name, member in object.members.items():
        if member.is_alias:
            continue
        if member.is_module:
            source = (ROOT / f"python/modhttp/{name}.py").read_text()
            words_of_it = ast.get_docstring(ast.parse(source)).split("\n\n")[0]
            member.docstring = griffe.Docstring(presentable(words_of_it), parent=member)
            fill(member, words, "")
            continue
        text = words.get(prefix + name, member.docstring and member.docstring.value)
        if text:
            member.docstring = griffe.Docstring(presentable(text), parent=member)
        if member.is_class:
            fill(member, words, f"{prefix}{name}.")
