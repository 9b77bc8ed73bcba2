"""No page shows the name of a class: renaming one once put `LoadOutcome` over a column."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.paths import ROOT

PAGES = ("web", "portal", "http")
A_COMPOUND = re.compile(r"\b[A-Z][a-z]+[A-Z]\w+")


def class_names() -> set[str]:
    found = set()
    for path in (ROOT / "app").rglob("*.py"):
        found |= set(re.findall(r"^class (\w+)", path.read_text(), re.MULTILINE))
    return found


def texts_of(tree: ast.Module) -> Iterator[str]:
    """String constants that are neither documentation nor annotations."""
    hidden: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            hidden.add(node.value)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                hidden.update(ast.walk(annotation))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in hidden:
            yield node.value


def test_no_page_shows_the_name_of_a_class() -> None:
    ours, shown = class_names(), []
    for room in PAGES:
        for path in (ROOT / "app" / room).rglob("*"):
            if path.suffix not in {".py", ".html"}:
                continue
            text = path.read_text()
            texts = (
                texts_of(ast.parse(text)) if path.suffix == ".py" else [re.sub(r"(?s)\{#.*?#\}", "", text)]
            )
            shown += [
                (path.name, name) for each in texts for name in A_COMPOUND.findall(each) if name in ours
            ]
    assert shown == []
