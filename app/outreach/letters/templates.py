"""Templates: the files of `letters/`, read once, and what each template does.

What a template does stands in its code, and most translations of a form have the same code around other words. So each
distinct code is parsed once, without its words: 171 texts instead of 878 when this was written.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.core.types import JsonObject
from app.outreach.letters.compiled import HARMLESS_FILTERS
from app.outreach.letters.forms import BASE, BLOCK_FORMS, block_path
from app.outreach.letters.letter import NEVER_EMPTY, BadLetter

_ONLY_TAGS = re.compile(r"\s*(\{%[^%]*%\}\s*)*")
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Template:
    """The use that a template makes of its variables."""

    names: frozenset[str]
    """The variables that it reads."""
    attributes: frozenset[str]
    """The attributes that it reads of them."""
    printed_names: frozenset[str]
    """Of `names`, those of which it does not ask whether there is a value."""
    printed_attributes: frozenset[str]
    blocks: tuple[tuple[str, bool], ...]
    """The blocks that it carries, and whether each stands under a condition or in a loop; '' = no name."""
    plain: bool
    """It does nothing to a value that a compiled letter would not see."""


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
        self._templates: dict[str, Template] = {}
        """By their code."""
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
                self.sources[path.relative_to(self.directory).as_posix()] = with_line_ends(content.decode())
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
                self.sources[paths[-1]] = with_line_ends(source)
        self._plain_blocks[language] = all(self.template(path).plain for path in paths)

    def template(self, path: str) -> Template:
        """The analysis of a template. BadLetter if it is missing or no template."""
        if path not in self.sources:
            raise BadLetter(f"File {path} is missing.")
        source = self.sources[path]
        code = "".join(_CODE.findall(source))
        if code not in self._templates:
            try:
                self._templates[code] = read_template(self.environment, code)
            except TemplateError:
                self._templates[code] = self._read_whole(path, source)
        return self._templates[code]

    def _read_whole(self, path: str, source: str) -> Template:
        """Read a template whose code alone is none: it says on which line, or a text in it has the marks of code."""
        try:
            return read_template(self.environment, source)
        except TemplateError as problem:
            raise BadLetter(f"{path}: {problem}") from problem

    def can_be_compiled(self, language: str, paths: Sequence[str]) -> bool:
        return self._plain_blocks[language] and all(self.template(path).plain for path in paths)

    def _base_text(self, name: str) -> str:
        path = self.directory / BASE / name
        if path not in self._base:
            raise BadLetter(f"File {path} is missing.")
        return self._base[path].decode()


def with_line_ends(source: str) -> str:
    """The source of a template in which a line of words that ends with a tag keeps its end: jinja takes the line break
    after every tag (`trim_blocks`), and with it the blank line between two paragraphs."""
    return "\n".join(
        f"{line[:-2].rstrip()} +%}}" if _is_words_with_tag(line) else line for line in source.split("\n")
    )


def _is_words_with_tag(line: str) -> bool:
    return line.endswith("%}") and line[-3] not in "+-" and _ONLY_TAGS.fullmatch(line) is None


def read_template(environment: Environment, source: str) -> Template:
    """Read a template by one walk of its tree, for which the start of the web application waits."""
    names: set[str] = set()
    made: set[str] = set()
    """Names that a loop makes."""
    attributes: set[str] = set()
    asked: list[nodes.Node] = []
    blocks: list[tuple[str, bool]] = []
    plain = True
    rest: list[tuple[nodes.Node, bool]] = [(environment.parse(source), False)]
    while rest:
        node, sometimes = rest.pop()
        match node:
            case nodes.Name():
                (names if node.ctx == "load" else made).add(node.name)
            case nodes.Getattr():
                attributes.add(node.attr)
            case nodes.Keyword(key="attribute", value=nodes.Const(value=name)):
                attributes.add(name)
            case nodes.Call():
                first = node.args[0] if node.args else None
                blocks.append((first.value if isinstance(first, nodes.Const) else "", sometimes))
            case nodes.Or():
                asked.append(node)
            case nodes.If() | nodes.CondExpr():
                asked.append(node.test)
                sometimes = True
            case nodes.For():
                # Of a list that may not be empty, there is a first line.
                listed = isinstance(node.iter, nodes.Name) and node.iter.name in NEVER_EMPTY
                sometimes = sometimes or not listed or node.test is not None
                if node.test is not None:
                    asked.append(node.test)
            case nodes.Filter():
                plain = plain and node.name in HARMLESS_FILTERS
            case nodes.Test():
                plain = False
        rest += [(child, sometimes) for child in node.iter_child_nodes()]
    asked_names, asked_attributes = _asked(asked)
    return Template(
        frozenset(names - made),
        frozenset(attributes),
        frozenset(names - made - asked_names),
        frozenset(attributes - asked_attributes),
        tuple(blocks),
        plain,
    )


def _asked(questions: list[nodes.Node]) -> tuple[set[str], set[str]]:
    """Names and attributes of which `{% if x %}` and `x or y` ask whether there is a value."""
    names: set[str] = set()
    attributes: set[str] = set()
    while questions:
        question = questions.pop()
        if isinstance(question, (nodes.And, nodes.Or)):
            questions += [question.left, question.right]
        elif isinstance(question, nodes.Not):
            questions.append(question.node)
        elif isinstance(question, nodes.Name):
            names.add(question.name)
        elif isinstance(question, nodes.Getattr):
            attributes.add(question.attr)
    return names, attributes


def files_in(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def read_toml(path: Path) -> JsonObject:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadLetter(f"File {path} is missing.") from None
    except tomllib.TOMLDecodeError as problem:
        raise BadLetter(f"{path}: {problem}") from problem
