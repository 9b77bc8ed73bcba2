"""Checks of the code: sizes of files and packages, `Any`, missing words, stale names. Part of `desk.py lint`.

Prints each breach with its place and remedy, and exits with 1 if there is one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.paths import ROOT

CODE = ("app", "reference")
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
MEDIAN_FILE = 120
MOST_FILES = 12
CATALOGS = {"app/policy/kinds": "one file a rule kind, and nothing else"}
"""Rooms that are a list and may be longer, with the reason."""
MOST_LAYERS, MOST_FLOORS = 20, 10
BY_DESIGN = "by design"
"""Stands, with the reason, in the first line of a file that is longer than `LONGEST_FILE`, or has a function that is
longer than `LONGEST_FUNCTION`."""

ANY_IS_FORCED = {
    "app/adapters/": "libraries without types: Twilio, typst, pikepdf",
    "app/api/description.py": "OpenAPI is a tree of JSON",
    "app/core/database/bulk.py": "statements of SQLAlchemy's core, whose rows have as many types as tables",
    "app/core/database/engine.py": "SQLAlchemy's type decorators",
    "app/core/database/together.py": "statements and rows of SQLAlchemy's core, of as many types as tables",
    "app/core/kit/": "readers of strangers' files",
    "app/http/": "Starlette's state and ASGI scopes",
    "app/web/rendering.py": "Jinja's environment",
}
"""Where a library forces `Any`, by folder or file, and which."""

MOST_ANY_ELSEWHERE = 22
"""Uses of `Any` in all other files together. The number may only fall: lower it when you have typed some."""

FORBIDDEN = {
    re.compile(r"\b(\w*_id|id|number) or 0\b"): "a missing id is nobody's: use id_of(row)",
    re.compile(r"\.(data|payload)\)?\.(i?contains|i?like|startswith|regexp_match)\("): (
        "no LIKE on JSON decides anything: give the fact a column"
    ),
    re.compile(r"\bby: str\b(?! = Field)(?=[,)])"): "who acts is an Actor",
    re.compile(r"\bkey\.(r?partition|r?split)\("): "a key is never taken apart: ask the contact row",
}


def python_files() -> list[Path]:
    """Return every module of the product, without tests, measurements and migrations."""
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def long_files() -> Iterator[str]:
    """Yield files over the limit whose first line gives no reason."""
    for path in [*python_files(), *(ROOT / "alembic").rglob("*.py")]:
        lines = path.read_text().splitlines()
        if len(lines) > LONGEST_FILE and BY_DESIGN not in lines[0]:
            yield f"{name_of(path)}: {len(lines)} lines; split it, or say why in its first line ({BY_DESIGN}: ...)"
    sizes = [len(path.read_text().splitlines()) for path in python_files() if path.name != "__init__.py"]
    if median(sizes) > MEDIAN_FILE:
        yield f"the median file has {median(sizes):.0f} lines, at most {MEDIAN_FILE} are wanted"


def long_functions() -> Iterator[str]:
    """Yield functions over the limit in files whose first line gives no reason."""
    for path in python_files():
        text = path.read_text()
        if BY_DESIGN in text.split("\n", 1)[0]:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines; split it"


def full_rooms() -> Iterator[str]:
    """Yield folders with more than `MOST_FILES` modules."""
    rooms = Counter(path.parent for path in python_files() if path.name != "__init__.py")
    for room, count in sorted(rooms.items()):
        if count > MOST_FILES and name_of(room) not in CATALOGS:
            yield f"{name_of(room)}: {count} files, at most {MOST_FILES}; make packages of it"


def untyped() -> Iterator[str]:
    """Yield the number of uses of `Any` that no library forces, if it is too high."""
    uses = Counter[str]()
    for path in python_files():
        name = name_of(path)
        if not any(name.startswith(place) for place in ANY_IS_FORCED):
            nodes = ast.walk(ast.parse(path.read_text()))
            uses[name] += sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)
    if uses.total() > MOST_ANY_ELSEWHERE:
        most = ", ".join(f"{name} {count}" for name, count in uses.most_common(5))
        yield (
            f"Any stands {uses.total()} times, at most {MOST_ANY_ELSEWHERE} are wanted (most in {most}); "
            "name the type, see app/core/types.py"
        )


def forbidden_lines() -> Iterator[str]:
    """Yield lines that match a forbidden pattern."""
    for path in python_files():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern, why in FORBIDDEN.items():
                if pattern.search(line):
                    yield f"{name_of(path)}:{number}: {why}"


def unknown_kinds() -> Iterator[str]:
    """Yield payloads that `desk migrate` does not see: a program that imports one would call the database old."""
    for path in python_files():
        if path.name != "events.py" and re.search(r"^    KIND = ", path.read_text(), re.MULTILINE):
            yield f"{name_of(path)}: a kind of event stands in the events.py of its package"


def floors() -> Iterator[str]:
    """Yield a breach where the layers are too many, or stand on too many floors. That no import points up is the
    contract's to check; a layer stands one floor above the highest of those that it imports."""
    below: dict[str, set[str]] = {}
    for path in python_files():
        package, *rest = path.relative_to(ROOT).parts
        if package == "app" and len(rest) > 1:
            known = re.findall(r"^\s*(?:from|import) app\.(\w+)", path.read_text(), re.MULTILINE)
            below.setdefault(rest[0], set()).update(known)

    def floor(layer: str) -> int:
        return 1 + max((floor(each) for each in below[layer] & below.keys() - {layer}), default=0)

    if len(below) > MOST_LAYERS:
        yield f"app has {len(below)} layers, at most {MOST_LAYERS} are wanted"
    if (highest := max(map(floor, below))) > MOST_FLOORS:
        yield f"app has {highest} floors, at most {MOST_FLOORS} are wanted; see docs/decisions/0168"


def missing_words() -> Iterator[str]:
    """Yield tables without a glossary entry."""
    glossary = (ROOT / "docs" / "glossary.md").read_text().lower()
    for path in python_files():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and any(word.arg == "table" for word in node.keywords):
                words = re.sub(r"(?<!^)(?=[A-Z])", " ", node.name).lower()
                spellings = {words, words.replace(" ", "-")}
                if not any(f"| {spelling} |" in glossary for spelling in spellings):
                    yield f"docs/glossary.md: no entry for {words!r} ({name_of(path)})"


def words_in_order() -> Iterator[str]:
    """Yield glossary entries that stand before an earlier letter."""
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    words = [line.split("|")[1].strip().lower() for line in lines if line.startswith("| ")][1:]
    for before, word in pairwise(words):
        if word < before:
            yield f"docs/glossary.md: {word!r} stands before {before!r} in the alphabet"


NAMED = re.compile(
    r"`((?:app|alembic|bench|letters|reference|tests)/[\w/.]*[\w/])`(?: `(\w+)`)?|`(app(?:\.\w+)+)`"
)
"""A file or folder in a document, perhaps with a name in it behind it; or a dotted name in a docstring."""

NAMED_BEFORE = re.compile(r"`(\w+)` \(`((?:app|bench|tests)/[\w/]+\.py)`\)")
"""A name in a document, with its file behind it in brackets."""


BESIDE = re.compile(r"`(\w+\.py)`")
"""A file without its folder, named by one that lies near it."""


def stale_names() -> Iterator[str]:
    """Files, folders and functions that a document or a docstring names and that are not there."""
    documents = [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
    files = {
        path.name for folder in (*CODE, "alembic", "bench", "tests") for path in (ROOT / folder).rglob("*.py")
    }
    files.add("desk.py")
    for path in [*documents, *python_files()]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name, place in NAMED_BEFORE.findall(line):
                if not _has(ROOT / place, name):
                    yield f"{name_of(path)}:{number}: {place} {name} does not exist; name its place of today"
            for place, name, dotted in NAMED.findall(line):
                if not (_has_module(dotted) if dotted else _has(ROOT / place, name)):
                    missing = dotted or f"{place} {name}".strip()
                    yield f"{name_of(path)}:{number}: {missing} does not exist; name its place of today"
            for beside in BESIDE.findall(line):
                if beside not in files:
                    yield f"{name_of(path)}:{number}: there is no {beside}; name its file of today"


def _has(path: Path, name: str) -> bool:
    if not name or not path.is_file():
        return path.exists()
    return bool(re.search(rf"^(?:def|class) {name}\b|^{name}\b.* = ", path.read_text(), re.M))


def _has_module(dotted: str) -> bool:
    """Is this a package, a module, or a name of a module?"""
    path = ROOT.joinpath(*dotted.split("."))
    module = path.parent.with_suffix(".py")
    return (
        path.is_dir() or path.with_suffix(".py").is_file() or (module.is_file() and _has(module, path.name))
    )


def unused_functions() -> Iterator[str]:
    """Yield private functions of a module that their module does not use, and private names that another imports."""
    for path in python_files():
        text = path.read_text()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("_"):
                is_module_hook = node.name.startswith("__")
                routed = bool(node.decorator_list)
                if not (is_module_hook or routed) and len(re.findall(rf"\b{node.name}\b", text)) < 2:
                    yield f"{name_of(path)}:{node.lineno}: {node.name} is not used in its module; delete it"
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app"):
                for alias in node.names:
                    if alias.name.startswith("_") and not alias.name.startswith("__"):
                        yield f"{name_of(path)}:{node.lineno}: {alias.name} is private to {node.module}; name it openly"


def broken_imports() -> Iterator[str]:
    """Yield imports of measurements and tests that name a module or a name of ours which is not there."""
    for path in sorted(path for folder in ("bench", "tests") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] not in (
                "bench",
                *CODE,
            ):
                continue
            module = ROOT.joinpath(*(node.module or "").split("."))
            source = module.with_suffix(".py") if not module.is_dir() else module / "__init__.py"
            for name in (alias.name for alias in node.names):
                there = source.is_file() and re.search(rf"\b{name}\b", source.read_text())
                if not there and not _has_module(f"{node.module}.{name}"):
                    yield f"{name_of(path)}:{node.lineno}: {node.module} has no {name}"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


CHECKS = (
    long_files,
    long_functions,
    full_rooms,
    floors,
    untyped,
    forbidden_lines,
    unknown_kinds,
    missing_words,
    words_in_order,
    stale_names,
    unused_functions,
    broken_imports,
)


def main() -> int:
    breaches = [breach for check in CHECKS for breach in check()]
    for breach in breaches:
        sys.stdout.write(breach + "\n")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
