"""Cases as text: lines of bytes in Python's escapes, which are joined as they are, then `=>` and what is expected.

A comment before a case is its name.
"""

from pathlib import Path


def read_cases(name):
    """(name, bytes, expectation) of each case of a file."""
    cases, title, data = [], [], []
    for number, line in enumerate((Path(__file__).parent / name).read_text().splitlines(), 1):
        if line.startswith("=>"):
            cases.append((" ".join(title) or f"line {number}", b"".join(data), line[2:].strip()))
            title, data = [], []
        elif line.startswith("# "):
            title.append(line[2:].strip())
        elif line:
            data.append(line.encode("latin-1").decode("unicode_escape").encode("latin-1"))
    if data or title:
        raise ValueError(f"{name}: no => at the end")
    return cases
