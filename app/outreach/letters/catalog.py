"""Letter catalog: the letters of `letters/`, each checked once when loaded.

A letter is a folder: `letter.toml` says what it is for, on which channels and in which languages it exists, which
variables its author may use and which standard blocks it must carry; each language folder holds one file a form.
Blocks that every letter shares (opt-out, disclosure, help ...) live in `_base/<language>/blocks.toml`, so that a
change of law is one edit. See docs/letters.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from markupsafe import escape as html_escape

from app.core.vocabulary import Channel
from app.outreach.letters.compiled import CompiledLetter
from app.outreach.letters.forms import (
    BASE,
    FORMS,
    SUBJECT,
    block_path,
    check_required,
)
from app.outreach.letters.letter import (
    ABOUT,
    LISTS,
    MAY_BE_EMPTY,
    PURPOSES,
    VARIABLES,
    BadLetter,
    Letter,
    RequiredValues,
)
from app.outreach.letters.locales import FALLBACK_LANGUAGE, LOCALES
from app.outreach.letters.rendering import word
from app.outreach.letters.sms import one_line, one_plain_line
from app.outreach.letters.statutory import AnswerTime
from app.outreach.letters.templates import LetterFiles, read_toml


def load_letters(directory: Path) -> Mapping[str, Letter]:
    """Every letter under `directory` by name, each checked in all its channels and languages.

    Checking is reading: nothing is rendered, so a start takes no longer for a letter that is never sent. Raises
    BadLetter, naming the file, for a missing file, an undeclared variable, an unknown block or a missing one.
    """
    folders = sorted(
        p for p in directory.iterdir() if p.is_dir() and p.name != BASE and not p.name.startswith(".")
    )
    if not folders:
        raise BadLetter(f"There are no letters in {directory}.")
    files = LetterFiles(directory)
    return {folder.name: _load(files, folder) for folder in folders}


def _load(files: LetterFiles, folder: Path) -> Letter:
    path = folder / "letter.toml"
    about = read_toml(path)
    try:
        letter = Letter(
            name=folder.name,
            title=str(about["title"]),
            purpose=str(about["purpose"]),
            channels=frozenset(Channel(c) for c in about["channels"]),
            languages=tuple(about["languages"]),
            variables=frozenset(about["variables"]),
            required={Channel(c): frozenset(blocks) for c, blocks in about.get("required", {}).items()},
            about=str(about.get("about", "case")),
            answer=AnswerTime(**about["answer"]) if "answer" in about else None,
            places=frozenset(about.get("places", ())),
            collector=str(about.get("collector", "")),
            packs=frozenset(about.get("packs", ())),
            sent_in=tuple(about.get("sent_in", ())),
            on_request=frozenset(about.get("on_request", ())),
            encloses=bool(about.get("encloses", False)),
            needs=frozenset(about.get("needs", ())),
            by_hand=bool(about.get("by_hand", False)),
            not_charged_off=bool(about.get("not_charged_off", False)),
            follows_up=bool(about.get("follows_up", False)),
            version=files.add_letter(folder),
            environment=files.environment,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise BadLetter(f"{path}: {problem}") from problem
    _check_declared(path, letter)
    for language in letter.languages:
        files.add_blocks(language)
    return dataclasses.replace(
        letter,
        carries=_read_through(files, letter),
        prints=_prints(files, letter),
        compiled=_compiled(files, letter),
    )


def _check_declared(path: Path, letter: Letter) -> None:
    """Check that letter.toml names only purposes, languages, variables and channels that exist."""
    if letter.purpose not in PURPOSES:
        raise BadLetter(f"{path}: purpose {letter.purpose!r} is unknown.")
    if FALLBACK_LANGUAGE not in letter.languages:
        raise BadLetter(f"{path}: the letter is missing in {FALLBACK_LANGUAGE}. Every letter exists in it.")
    if unknown := frozenset(letter.languages) - frozenset(LOCALES):
        raise BadLetter(f"{path}: language {', '.join(sorted(unknown))} is unknown.")
    if unknown := letter.variables - VARIABLES:
        raise BadLetter(f"{path}: variable {', '.join(sorted(unknown))} is unknown.")
    if letter.about not in ABOUT:
        raise BadLetter(f"{path}: about = {letter.about!r} is unknown.")
    if unknown := frozenset(letter.sent_in) - frozenset(letter.languages):
        raise BadLetter(
            f"{path}: sent_in names {', '.join(sorted(unknown))}, in which the letter does not exist."
        )
    if letter.on_request - frozenset(letter.sent_in[1:]):
        raise BadLetter(f"{path}: on_request names languages that are not in sent_in, after its first.")
    if letter.encloses and not {Channel.EMAIL, Channel.POST} <= letter.channels:
        raise BadLetter(
            f"{path}: the letter encloses its printed form in an e-mail, and lacks one of the two."
        )
    if unknown := letter.needs - letter.variables:
        raise BadLetter(f"{path}: the letter needs {', '.join(sorted(unknown))}. Declare it under variables.")


def _read_through(files: LetterFiles, letter: Letter) -> dict[tuple[Channel, str], tuple[str, ...]]:
    """Read every file of the letter ahead of its first use. Returns the blocks that it carries for every customer."""
    carries: dict[tuple[Channel, str], tuple[str, ...]] = {}
    for channel in sorted(letter.channels):
        for language in letter.languages:
            carried = []
            for form in FORMS[channel]:
                path = f"{letter.name}/{language}/{form}"
                _check_names(files, letter, path)
                blocks = _blocks_in(files, letter, path, language, form)
                if form != SUBJECT:
                    check_required(letter, channel, path, blocks)
                    carried.append(blocks)
            carries[channel, language] = tuple(sorted(frozenset.intersection(*carried)))
    return carries


def _prints(files: LetterFiles, letter: Letter) -> dict[tuple[Channel, str], RequiredValues]:
    found = {}
    for channel in letter.channels:
        for language in letter.languages:
            names: set[str] = set()
            attributes: set[str] = set()
            spoken: set[str] = set()
            for form in FORMS[channel]:
                path = f"{letter.name}/{language}/{form}"
                blocks = [block_path(language, name, form) for name, _ in files.template(path).blocks]
                for each in map(files.template, (path, *blocks)):
                    names |= each.printed_names
                    attributes |= each.printed_attributes
                    spoken |= each.names
            contact = {"contact_phone", "contact_email"}
            gives = bool(spoken & contact) and contact <= letter.variables
            wanted = tuple(sorted((names & letter.variables) - MAY_BE_EMPTY))
            found[channel, language] = RequiredValues(wanted, frozenset(attributes), gives)
    return found


def _blocks_in(files: LetterFiles, letter: Letter, path: str, language: str, form: str) -> frozenset[str]:
    """The blocks it carries for every customer, without those under a condition. All must exist."""
    always = set()
    for name, sometimes in files.template(path).blocks:
        block = block_path(language, name, form)
        if block not in files.sources:
            raise BadLetter(f"{path}: block {name!r} does not exist. Add it to blocks.toml of the language.")
        _check_names(files, letter, path, block)
        if not sometimes:
            always.add(name)
    return frozenset(always)


def _check_names(files: LetterFiles, letter: Letter, path: str, of: str = "") -> None:
    """Check that the letter and its blocks use declared variables only, and of lists only what lines have."""
    template = files.template(of or path)
    where = f"{path}, block {of.rpartition('/')[2]}" if of else path
    if undeclared := template.names - letter.variables - {"block"} - ({"item"} if of else set()):
        raise BadLetter(
            f"{where}: variable {', '.join(sorted(undeclared))} is not declared. Add it to letter.toml."
        )
    if unknown := template.attributes - _LINE_ATTRIBUTES:
        raise BadLetter(f"{where}: no line of a list has {', '.join(sorted(unknown))}.")


_LINE_ATTRIBUTES = frozenset(f.name for line in LISTS.values() for f in dataclasses.fields(line))


def _compiled(files: LetterFiles, letter: Letter) -> dict[tuple[Channel, str], CompiledLetter]:
    """For each form whose templates, blocks included, do nothing but print, compare and count."""
    found = {}
    for channel in letter.channels:
        for language in letter.languages:
            if files.can_be_compiled(
                language, [f"{letter.name}/{language}/{form}" for form in FORMS[channel]]
            ):
                fit = (one_line, one_plain_line if channel is Channel.SMS else str, html_escape)
                found[channel, language] = CompiledLetter(partial(word, letter, channel, language), fit)
    return found
