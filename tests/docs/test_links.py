"""Every link of every page leads somewhere: files, directories and anchors, as GitHub finds them."""

import posixpath
import re
from urllib.parse import unquote

import pytest

from markdown_page import anchors, links
from target import ROOT as PROJECT

SKIPPED = ("build/", "node_modules/", ".")
PAGES = [path for path in (str(file.relative_to(PROJECT)) for file in sorted(PROJECT.rglob("*.md")))
         if not path.startswith(SKIPPED) and "/node_modules/" not in path]


def broken(page, text):
    """The links of a page that lead nowhere."""
    for _, _, target in links(text):
        path, _, fragment = target.partition("#")
        where = PROJECT / posixpath.join(posixpath.dirname(page), unquote(path)) if path else PROJECT / page
        if not where.exists() or not where.resolve().is_relative_to(PROJECT.resolve()):
            yield target
        elif fragment and (where.suffix != ".md" or fragment not in anchors(where.read_text())):
            yield target


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert list(broken(page, (PROJECT / page).read_text())) == []


def test_broken_links_are_found():
    text = "[a](nothing.md) [b](architecture.md#no-such) [c](architecture.md#rooms) `[d](no.md)` [e](../../outside)"
    assert list(broken("docs/http.md", text)) == ["nothing.md", "architecture.md#no-such", "../../outside"]


def test_readme_links_each_page():
    """Whoever reads on GitHub finds all of docs/ from the README, or from the page of its directory."""
    text = (PROJECT / "README.md").read_text()
    linked = {target.partition("#")[0] for _, _, target in links(text)}
    for directory in ("docs/howto", "docs/reference"):
        index = (PROJECT / directory / "index.md").read_text()
        linked |= {f"{directory}/{target.partition('#')[0]}" for _, _, target in links(index)}
    pages = {page for page in PAGES if re.match("docs/", page)}
    assert pages - linked == set()
