"""Plain text of wikitext: prose without templates, tables, references, pictures and the marks of links.

The time is linear in the length of a page, whatever is in it, since a dump has twenty million of them.
mwparserfromhell was tried instead: it reads a tenth as many bytes a second, takes quadratic time for some
damaged pages, and leaves damaged references and tables in the text.

Reference: https://www.mediawiki.org/wiki/Help:Formatting and the pages that it links
"""

import html
import re
from collections.abc import Iterator

# What stands between these tags is no prose.
DROPPED = {
    *("ref", "references", "math", "chem", "ce", "score", "hiero", "syntaxhighlight", "source", "inputbox"),
    *("gallery", "timeline", "imagemap", "graph", "mapframe", "maplink", "table", "categorytree"),
    *("templatestyles", "indicator", "style", "script"),
}
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b([^<>]*)>")
MARK = re.compile(r"\{\{|\}\}|^[:*# ]*\{\||\|\}|\[\[|\]\]", re.MULTILINE)
CLOSES = {"}}": "{{", "|}": "{|", "]]": "[["}
DEEPEST = 60  # what is nested deeper is damaged
CLOSING = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in {*DROPPED, "nowiki"}}
# What a link shows or sorts rather than names: pictures, categories, and the same page in other languages.
SHOWN = re.compile(
    r"\s*(?:(?i:file|image|media|category)\s*:|[a-z]{2,12}(?:-[a-z]{2,12}){1,3}:|[a-z]{2,3}:(?! ))"
)
EXTERNAL = re.compile(r"\[(?:(?:https?:|ftps?:|irc:)?//|mailto:)[^\s\[\]]*(?:[ \t]([^\[\]\n]*))?\]")
HEADING = re.compile(r"^=[^\n]*", re.MULTILINE)
LIST = re.compile(r"^[*#:;]+[ \t]*|^-{4,}", re.MULTILINE)
SWITCH = re.compile(r"__[A-Z]{3,30}__")
QUOTES = re.compile(r"'{2,}")
# What is left around a template that is gone, such as a pronunciation in brackets.
LEFT = (
    (re.compile(r"\( ?[,;] ?(?=[^,; ])"), "("),
    (re.compile(r"[,; ]{1,20}\)"), ")"),
    (re.compile(r" ?\( ?\)"), ""),
    (re.compile(r" (?=[,.;:])"), ""),
)


def plain(text: str) -> str:
    """Text of a page in one line, without its markup."""
    text = "".join(_without_comments(text))
    text = "".join(_without_tags(text))
    text = _without_nested(text)
    text = EXTERNAL.sub(r"\1", text)
    text = SWITCH.sub("", HEADING.sub(_heading, LIST.sub("", text)))
    text = QUOTES.sub("", text)
    # Written twice, an entity stands for its own name: once for XML, which the parser undid, and once here.
    text = html.unescape(text)
    text = " ".join(text.split())
    for marks, instead in LEFT:
        text = marks.sub(instead, text)
    return text.strip()


def _heading(match: re.Match[str]) -> str:
    """A heading as a sentence; any other line that begins so stays as it is."""
    line = match[0].rstrip()
    return f"{line.strip('= ')}." if len(line) > 2 and line.endswith("=") else line


def _without_comments(text: str) -> Iterator[str]:
    place = 0
    while (start := text.find("<!--", place)) >= 0:
        yield text[place:start]
        end = text.find("-->", start)
        if end < 0:
            return
        place = end + 3
    yield text[place:]


def _without_tags(text: str) -> Iterator[str]:
    """Parts outside of tags, and of whole elements that hold no prose."""
    place, unclosed = 0, set()
    while (match := TAG.search(text, place)) is not None:
        yield text[place : match.start()]
        place, name = match.end(), match[2].lower()
        opens = not match[1] and not match[3].rstrip().endswith("/")
        if name == "br":
            yield "\n"
        if not opens or name not in CLOSING or name in unclosed:
            continue
        end = CLOSING[name].search(text, place)
        if end is None:
            unclosed.add(name)  # looked for once only
            continue
        if name == "nowiki":
            yield MARK.sub("", text[place : end.start()])
        place = end.start()
    yield text[place:]


def _without_nested(text: str) -> str:
    """Text without templates and tables, and with what links show in their place."""
    stack: list[tuple[str, list[str]]] = [("", [])]
    place = 0
    while (match := MARK.search(text, place)) is not None:
        mark = match[0].lstrip(":*# ")
        parts = stack[-1][1]
        parts.append(text[place : match.start()])
        place = match.end()
        if mark in CLOSES:
            if stack[-1][0] == CLOSES[mark]:
                kind, inner = stack.pop()
                if kind == "[[":
                    stack[-1][1].append(_shown("".join(inner)))
            elif mark == "|}":  # the first half may belong to a template, the second to its end
                parts.append("|")
                place = match.end() - 1
        elif len(stack) <= DEEPEST:
            stack.append((mark, []))
    stack[-1][1].append(text[place:])
    # What was never closed is prose after all, as far as anyone can tell.
    return "".join(part for _, parts in stack for part in parts)


def _shown(link: str) -> str:
    """What a link shows: its last part; nothing of a picture, a category or the same page in a language."""
    if SHOWN.match(link):
        return ""
    target, _, label = link.partition("|")
    return label.rpartition("|")[2] if label else target.strip().removeprefix(":")
