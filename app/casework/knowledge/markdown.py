"""Markdown of articles: as safe HTML for pages, and as plain paragraphs for letters. Pure.

Headings, lists, emphasis and links are known; raw HTML is text. Links lead to web pages, e-mail addresses and telephone
numbers, nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.casework.knowledge.rules import ArticleLine, fill

LONGEST_PARAGRAPH = 420
"""Characters of a paragraph or an item: a letter takes 500, and placeholders grow."""
LINKS = ("https://", "http://", "mailto:", "tel:")
_LAYOUT = re.compile(r"^(?:#{1,2} |- |\[ \] |__ |\||! |= = =|---|- - -)+")
"""Marks of a printed letter's layout (docs/letters.md): text may not begin with one."""


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    reader = MarkdownIt("zero", {"html": False, "linkify": False, "typographer": False})
    reader.enable(
        ["heading", "list", "blockquote", "emphasis", "link", "autolink", "newline", "escape", "entity"]
    )
    reader.validateLink = _is_safe  # type: ignore[method-assign]
    return reader


def _is_safe(url: str) -> bool:
    return url.strip().lower().startswith(LINKS)


def to_html(text: str, values: Mapping[str, str]) -> Markup:
    """The article for a page, with the values of its placeholders. Headings begin at the third level, because a page
    and an article's title have the first two."""
    reader = _markdown()
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        for child in token.children or ():
            if child.type == "text":
                child.content = fill(child.content, values)
            elif child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer")
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 - made by the renderer, which escapes


def to_lines(text: str, values: Mapping[str, str]) -> tuple[ArticleLine, ...]:
    """The article as paragraphs, with the values of its placeholders; items of a numbered list keep their numbers."""
    said: list[tuple[str, str]] = []
    lists: list[int | None] = []
    """Of each open list the number of its next item; None = it has none."""
    kind = "paragraph"
    for token in _markdown().parse(text):
        match token.type:
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_open":
                lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "heading_open":
                kind = "heading"
            case "heading_close":
                kind = "paragraph"
            case "inline":
                words = _LAYOUT.sub("", fill(_spoken(token.children or ()), values).strip())
                if not words:
                    continue
                if lists and lists[-1] is not None and kind == "paragraph":
                    words = f"{lists[-1]}. {words}"
                    lists[-1] += 1
                    said.append(("paragraph", words))
                else:
                    said.append(("item" if lists and kind == "paragraph" else kind, words))
    return tuple(
        ArticleLine(
            kind,
            words,
            "yes" if kind == "item" and (n == 0 or said[n - 1][0] != "item") else "",
            "yes" if kind == "item" and (n + 1 == len(said) or said[n + 1][0] != "item") else "",
        )
        for n, (kind, words) in enumerate(said)
    )


def to_text(text: str, values: Mapping[str, str]) -> str:
    """The article as plain text."""
    lines = to_lines(text, values)
    return "\n\n".join(f"- {each.text}" if each.kind == "item" else each.text for each in lines)


def _spoken(tokens: Sequence[Token]) -> str:
    """The words of a line; a link tells its address behind its words, unless they are the address."""
    words: list[str] = []
    began = 0
    address = ""
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                words.append(token.content)
            case "softbreak" | "hardbreak":
                words.append(" ")
            case "link_open":
                began, address = len(words), str(token.attrGet("href") or "")
            case "link_close":
                shown = address.removeprefix("mailto:").removeprefix("tel:")
                if shown and shown not in "".join(words[began:]):
                    words.append(f" ({shown})")
    return "".join(words)
