"""Documents name files and functions that are there."""

from __future__ import annotations

import re

import pytest

from tests.paths import ROOT

DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")], key=lambda path: path.name
)
PATH = re.compile(r"`((?:app|tests|bench|reference|alembic|letters)/[\w./-]*)`")
FUNCTION = re.compile(r"`(app/[\w/]+\.py)` `(\w+)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_of_a_document_exists(document) -> None:
    missing = [name for name in PATH.findall(document.read_text()) if not (ROOT / name).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_function_that_a_document_names_is_in_its_file(document) -> None:
    missing = [
        f"{path}: {name}"
        for path, name in FUNCTION.findall(document.read_text())
        if not re.search(rf"^\s*(def|class) {name}\b", (ROOT / path).read_text(), flags=re.M)
    ]
    assert missing == []
