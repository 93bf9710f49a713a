"""`make docs` builds the site without a warning; each page is in its navigation, each public name in its reference."""

import html
import os
import re
import shutil
import signal
import subprocess

import httpx
import pytest
import yaml

import build
import typed
from target import ROOT, free_port

STUBS = ROOT / "python/stubs/modhttp"


@pytest.fixture(scope="module")
def site():
    done = typed.make("docs")
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build/site"


def test_warnings_are_errors(tmp_path):
    """A link that leads nowhere fails the build, and is named."""
    shutil.copytree(ROOT, tmp_path / "copy", ignore=shutil.ignore_patterns("build", ".git", "node_modules", "corpus"))
    with open(tmp_path / "copy/docs/events.md", "a") as page:
        page.write("\n[nothing](nothing.md) [nowhere](files.md#nowhere)\n")
    done = typed.make("docs", cwd=tmp_path / "copy")
    assert done.returncode != 0
    assert "nothing.md" in done.stderr and "#nowhere" in done.stderr


def test_site_is_served_while_it_is_written():
    port = free_port()
    command = ["make", "docs", "SERVE=1", f"PORT={port}"]
    with subprocess.Popen(command, cwd=ROOT, env=build.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as serving:
        try:
            for line in serving.stdout:
                if "Serving on" in line:
                    break
            page = httpx.get(f"http://127.0.0.1:{port}/tutorial.html", timeout=60, trust_env=False)
            assert "Ten minutes" in page.text
        finally:
            os.killpg(serving.pid, signal.SIGTERM)


def leaves(nav):
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from leaves(value) if isinstance(value, list) else [value]


class Loader(yaml.SafeLoader):
    """mkdocs.yml names a function, which is not needed here."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


def test_navigation_has_each_page():
    nav = list(leaves(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)["nav"]))
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert len(nav) == len(set(nav))
    assert set(nav) == pages | {"index.md"}


def test_site_needs_nothing_from_elsewhere(site):
    """No font, script or style of another host."""
    loads = re.compile(r"<(?:script|img|link rel=\"(?:stylesheet|icon|preload)\")[^>]*(?:src|href)=\"(https?:[^\"]+)")
    for page in site.rglob("*.html"):
        assert loads.findall(page.read_text()) == [], page


def test_readme_is_the_first_page(site):
    text = (site / "index.html").read_text()
    assert "lives in the firmware" in text and 'href="tutorial.html"' in text


def test_bars_in_tables_are_bars(site):
    assert "TARGET=host|rp2040" in (site / "index.html").read_text()


def test_linked_files_are_pages(site):
    assert "modhttp" in (site / "repository/examples/files.py.html").read_text()
    assert 'href="repository/examples/files.py.html"' in (site / "files.html").read_text()


def public_names():
    """(the anchor, its first words) of each public class, function and member in the stubs."""
    import griffe

    for path in sorted(STUBS.glob("*.pyi")):
        module = "modhttp" if path.stem == "__init__" else f"modhttp.{path.stem}"
        tree = griffe.visit(path.stem, filepath=path, code=path.read_text())
        for name, member in tree.members.items():
            if name.startswith("_") or member.is_alias or member.is_attribute or name == "Readable":
                continue
            yield f"{module}.{name}"
            if member.is_class:
                yield from (f"{module}.{name}.{inner}" for inner in member.members if not inner.startswith("_"))


def test_reference_has_each_public_name(site):
    text = "".join(page.read_text() for page in (site / "reference").glob("*.html"))
    anchors = set(re.findall(r'id="(modhttp[\w.]*)"', text))
    names = set(public_names())
    assert len(names) > 190
    assert names - anchors == set()
    assert "modhttp.auth.Digest.required" in anchors  # what it has from a class that has no page


def test_reference_has_the_sources_words(site):
    """Docstrings of what is written in Python, whose stubs say less; with what looks like a tag."""
    text = html.unescape((site / "reference/server.html").read_text())
    assert "Segments of a path may be <name>, <int:name> or, last, <path:name>." in re.sub(r"\s+", " ", text)
    assert 'href="../files.html"' in text  # of "docs/files.md"
