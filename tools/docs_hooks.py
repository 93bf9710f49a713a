"""What the site has beside docs/: the README as its first page, and a page for each file that is linked.

Links are as GitHub wants them, relative to where a page lies in the repository; here they become the site's.
"""

import posixpath
import re
import subprocess
from pathlib import Path

from mkdocs.structure.files import File

import markdown_page

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = {".c": "c", ".h": "c", ".py": "python", ".pyi": "python", ".mjs": "javascript", ".js": "javascript",
             ".json": "json", ".cmake": "cmake", ".sh": "sh", ".yml": "yaml", ".html": "html", ".mk": "make"}

def is_docs(path):
    return path.startswith("docs/")


def place(path):
    """Where the site has a file of the repository."""
    if is_docs(path):
        return path.removeprefix("docs/")
    if path == "README.md":
        return "index.md"
    if (ROOT / path).is_dir():
        return f"repository/{path}/index.md"
    return f"repository/{path}" if path.endswith((".md", ".png", ".svg")) else f"repository/{path}.md"


def target(page, link):
    """What a link of a page names, as a path in the repository."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) if link else page
    return f"{path}/README.md" if (ROOT / path / "README.md").is_file() and path != "." else path


def relinked(page, text):
    """The page's text with the site's links."""
    here = posixpath.dirname(place(page))

    def change(path, fragment):
        where = posixpath.relpath(place(target(page, path)), here or ".") if path else ""
        return where + ("#" + fragment if fragment else "")

    return unescaped(markdown_page.relink(text, change))


def unescaped(text):
    """GitHub wants a bar in a table's code escaped; Python-Markdown would show that."""
    rows = re.compile(r"^\|.*$", re.MULTILINE)
    return rows.sub(lambda row: re.sub(r"`[^`]+`", lambda code: code[0].replace("\\|", "|"), row[0]), text)


def listed(directory):
    """The files of a directory that the repository has."""
    names = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", directory], cwd=ROOT, check=False,
                           capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name] or [
        str(path.relative_to(ROOT)) for path in sorted((ROOT / directory).rglob("*")) if path.is_file()]


def content(path):
    """The page that shows a file or a directory."""
    if (ROOT / path).is_dir():
        rows = (f"- [{name}]({posixpath.relpath(name, path)})" if posixpath.dirname(name) == path and is_text(name)
                else f"- {name}" for name in listed(path))
        return relinked(path + "/", f"# {path}\n\n" + "\n".join(rows) + "\n")
    text = (ROOT / path).read_text()
    if path.endswith(".md"):
        return relinked(path, text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`{3,}", text)), default=2))
    return f"# {path}\n\n{fence}{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}\n{fence}\n"


def is_text(path):
    try:
        return bool((ROOT / path).read_text())
    except (UnicodeDecodeError, OSError):
        return False


def linked(path):
    """The repository's files that a page links, or a directory's page lists."""
    if (ROOT / path).is_dir():
        return [name for name in listed(path) if posixpath.dirname(name) == path and is_text(name)]
    if not path.endswith(".md"):
        return []
    targets = (target(path, link.partition("#")[0]) for _, _, link in markdown_page.links((ROOT / path).read_text()))
    return [name for name in targets if (ROOT / name).exists()]


def beside_docs():
    """All files and directories beside docs/ that the site shows."""
    found = ["README.md"]
    queue = [f"docs/{path.relative_to(ROOT / 'docs')}" for path in (ROOT / "docs").rglob("*.md")] + found
    for path in queue:
        new = [name for name in dict.fromkeys(linked(path)) if name not in queue and not is_docs(name)]
        queue += new
        found += new
    return found


def on_files(files, config):
    for path in beside_docs():
        source = place(path)
        if source.endswith(".md"):
            files.append(File.generated(config, source, content=content(path)))
        else:
            files.append(File.generated(config, source, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    generated = page.file.generated_by is not None
    return markdown if generated else relinked("docs/" + page.file.src_uri, markdown)
