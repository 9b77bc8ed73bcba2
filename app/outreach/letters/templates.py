"""Templates: the files of `letters/`, read once, and the variables of each template."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import DictLoader, StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.core.types import JsonObject
from app.outreach.letters.compiled import trees_can_be_compiled
from app.outreach.letters.forms import BASE, BLOCK_FORMS, block_path
from app.outreach.letters.letter import BadLetter


class LetterFiles:
    """The files of `letters/`, read once: the files as read and hashed are sent until the next start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._base = {path: path.read_bytes() for path in sorted(files_in(directory / BASE))}
        self.sources: dict[str, str] = {f"{BASE}/email.html": self._base_text("email.html")}
        self.environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(self.sources),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name and name.endswith(".html")),
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._trees: dict[str, nodes.Template] = {}
        self._spoken_of: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._asked_of: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._plain_blocks: dict[str, bool] = {}

    def add_letter(self, folder: Path) -> str:
        """Read a letter's files; returns its version."""
        digest = hashlib.sha256()
        read = {path: path.read_bytes() for path in sorted(files_in(folder))}
        for path, content in (*read.items(), *self._base.items()):
            digest.update(path.relative_to(self.directory).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(content).digest())
        for path, content in read.items():
            if path.suffix in {".txt", ".html"}:
                self.sources[path.relative_to(self.directory).as_posix()] = content.decode()
        return digest.hexdigest()[:12]

    def add_blocks(self, language: str) -> None:
        """Read the paragraphs that letters in this language share."""
        if language in self._plain_blocks:
            return
        path = self.directory / BASE / language / "blocks.toml"
        paths = [f"{BASE}/email.html"]
        for name, forms in read_toml(path).items():
            for form, source in forms.items():
                if form not in BLOCK_FORMS:
                    raise BadLetter(f"{path}: [{name}] has form {form!r}, which is unknown.")
                paths.append(block_path(language, name, BLOCK_FORMS[form]))
                self.sources[paths[-1]] = source
        self._plain_blocks[language] = trees_can_be_compiled([self.tree(path) for path in paths])

    def tree(self, path: str) -> nodes.Template:
        """Parse the template, once. BadLetter if it is missing or no template."""
        if path not in self._trees:
            if path not in self.sources:
                raise BadLetter(f"File {path} is missing.")
            try:
                self._trees[path] = self.environment.parse(self.sources[path])
            except TemplateError as problem:
                raise BadLetter(f"{path}: {problem}") from problem
        return self._trees[path]

    def spoken_of(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        """Names of the variables and of the attributes that the template reads."""
        if path not in self._spoken_of:
            names: set[str] = set()
            made: set[str] = set()
            """Names that a loop makes."""
            attributes: set[str] = set()
            # One walk for all: the start of the web application waits for it.
            for found in self.tree(path).find_all((nodes.Name, nodes.Getattr, nodes.Keyword)):
                if isinstance(found, nodes.Name):
                    (names if found.ctx == "load" else made).add(found.name)
                elif isinstance(found, nodes.Getattr):
                    attributes.add(found.attr)
                elif (
                    isinstance(found, nodes.Keyword)
                    and found.key == "attribute"
                    and isinstance(found.value, nodes.Const)
                ):
                    attributes.add(found.value.value)
            self._spoken_of[path] = frozenset(names - made), frozenset(attributes)
        return self._spoken_of[path]

    def printed(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        """Of what it speaks of, the variables and attributes of which it does not ask whether there is a value."""
        if path not in self._asked_of:
            names: set[str] = set()
            attributes: set[str] = set()
            for question in _questions(self.tree(path)):
                if isinstance(question, nodes.Name):
                    names.add(question.name)
                elif isinstance(question, nodes.Getattr):
                    attributes.add(question.attr)
            spoken, found = self.spoken_of(path)
            self._asked_of[path] = spoken - names, found - attributes
        return self._asked_of[path]

    def can_be_compiled(self, language: str, paths: Sequence[str]) -> bool:
        return self._plain_blocks[language] and trees_can_be_compiled([self.tree(path) for path in paths])

    def _base_text(self, name: str) -> str:
        path = self.directory / BASE / name
        if path not in self._base:
            raise BadLetter(f"File {path} is missing.")
        return self._base[path].decode()


def _questions(tree: nodes.Template) -> Iterator[nodes.Node]:
    """Nodes that `{% if x %}` and `x or y` test."""
    found: list[nodes.Node] = [
        each.test if isinstance(each, (nodes.If, nodes.CondExpr)) else each
        for each in tree.find_all((nodes.Or, nodes.If, nodes.CondExpr))
    ]
    while found:
        question = found.pop()
        if isinstance(question, (nodes.And, nodes.Or)):
            found += [question.left, question.right]
        elif isinstance(question, nodes.Not):
            found.append(question.node)
        else:
            yield question


def files_in(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def read_toml(path: Path) -> JsonObject:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadLetter(f"File {path} is missing.") from None
    except tomllib.TOMLDecodeError as problem:
        raise BadLetter(f"{path}: {problem}") from problem


def block_calls(node: nodes.Node, *, sometimes: bool) -> Iterator[tuple[nodes.Call, bool]]:
    """Each `block(...)` below this node, and whether it stands under a condition or in a loop."""
    if isinstance(node, nodes.Call):
        yield node, sometimes
    inner = sometimes or isinstance(node, (nodes.If, nodes.For, nodes.CondExpr))
    for child in node.iter_child_nodes():
        yield from block_calls(child, sometimes=inner)
