"""The table of verbs: what it lists is what a verb does, and listing imports none of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app.programs.cli.main import VERBS, load


@pytest.mark.parametrize("name", VERBS)
def test_the_listed_help_is_the_verbs_own(name: str) -> None:
    verb = VERBS[name]
    own = " ".join((load(name, verb).help or "").split())
    assert own.startswith(verb.help.removesuffix("."))


def every_help(command: Any) -> Iterator[str]:
    yield command.help or ""
    yield from (getattr(param, "help", None) or "" for param in command.params)
    for sub in getattr(command, "commands", {}).values():
        yield from every_help(sub)


@pytest.mark.parametrize("name", VERBS)
def test_no_help_says_what_the_terminal_takes_for_markup(name: str) -> None:
    """`[[rules]]` was printed as `[]`."""
    assert [text for text in every_help(load(name, VERBS[name])) if "[" in text] == []


def test_listing_imports_neither_database_nor_domain() -> None:
    code = (
        "import sys\nsys.argv = ['desk', '--help']\nfrom app.programs.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('sqlalchemy', 'pydantic', 'polars', 'fastapi') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "portfolio" in done.stdout
    assert "legal-desk" in done.stdout


def test_the_web_application_starts_without_what_only_loading_a_feed_needs() -> None:
    code = (
        "import sys\nimport app.programs.ports\nimport app.programs.web\n"
        "print([m for m in ('polars', 'psycopg') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_verb_is_told_what_could_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.programs", "portfolios"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Did you mean 'portfolio'" in " ".join(done.stderr.split())
