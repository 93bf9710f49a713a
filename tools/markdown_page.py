"""What a Markdown page has: links, anchors, blocks of code. As GitHub reads it, and the site (tools/docs.py) likewise.

Standard library only.
"""

import re
from collections import namedtuple
from urllib.parse import unquote

Block = namedtuple("Block", "line language code comments")

FENCE = re.compile(r"^( *)(```+|~~~+) *(\S*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
LINK = re.compile(r"(\]\(|<(?:img|a)\b[^>]*?\b(?:src|href)=\")([^)\s\"]+)")
HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)


def blocks(text):
    """The fenced blocks of a page, each with the comments that stand right before it."""
    found, previous = [], 0
    for fence in FENCE.finditer(text):
        before = re.search(r"(?:<!--(?:(?!-->).)*-->\s*)*\Z", text[previous : fence.start()], re.DOTALL)[0]
        comments = [comment.strip() for comment in COMMENT.findall(before)]
        indent = len(fence[1])
        code = "".join(line[indent:] for line in fence[4].splitlines(keepends=True))
        found.append(Block(text.count("\n", 0, fence.start()) + 2, fence[3], code, comments))
        previous = fence.end()
    return found


def _blanked(text, pattern):
    """The text with what the pattern matches turned into spaces: all else stays where it is."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def prose(text):
    """The text without code and comments, everything where it was."""
    return _blanked(_blanked(_blanked(text, FENCE), SPAN), COMMENT)


def links(text):
    """(begin, end, target) of each link and picture that the page has, but for those with a scheme."""
    found = [(*match.span(2), match[2]) for match in LINK.finditer(prose(text))]
    return [link for link in found if not re.match(r"[a-z]+:", link[2])]


def relink(text, change):
    """The text with each link's target changed: change(path, fragment), both without their percent signs."""
    pieces, end = [], 0
    for begin, after, target in links(text):
        path, _, fragment = target.partition("#")
        pieces += [text[end:begin], change(unquote(path), fragment)]
        end = after
    return "".join(pieces) + text[end:]


def slug(heading):
    """The anchor that GitHub gives a heading."""
    heading = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", heading)  # the text of a link
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").replace("*", "").strip().lower()).replace(" ", "-")


def anchors(text):
    """The anchors of a page's headings; of several alike, all after the first are numbered."""
    found = []
    for heading in HEADING.findall(_blanked(_blanked(text, FENCE), COMMENT)):
        name = slug(heading)
        count = sum(1 for other in found if other == name or re.fullmatch(re.escape(name) + r"-\d+", other))
        found.append(f"{name}-{count}" if name in found else name)
    return found
