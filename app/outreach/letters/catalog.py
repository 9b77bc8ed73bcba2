"""Letters: the words of `letters/`, checked once when loaded, then rendered per channel and language.

A letter is a folder: `letter.toml` says what it is for, on which channels and in which languages it exists, which
variables its author may use and which standard blocks it must carry; each language folder holds one file a form.
Blocks that every letter shares (opt-out, disclosure, help ...) live in `_base/<language>/blocks.toml`, so that a
change of law is one edit. See docs/letters.md.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date as babel_format_date
from babel.numbers import NumberPattern
from jinja2 import DictLoader, StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from markupsafe import escape as html_escape

from app.core import money
from app.core.vocabulary import Channel
from app.outreach.letters.compiled import CompiledLetter, Worded, as_dict, trees_can_be_cut, values_of
from app.outreach.letters.statutory import COSTS_CURRENCY, AnswerTime

FALLBACK_LANGUAGE = "en"
PURPOSES = frozenset({"reminder", "confirmation", "notice"})
MAX_VALUE_LENGTH = 500
"""Longest text a single variable may bring into a letter, in characters; the rest is cut."""

_BASE = "_base"
_SUBJECT = "email.subject.txt"
_BODY_FORMS = {
    Channel.SMS: "sms.txt",
    Channel.EMAIL: "email.txt",
    Channel.POST: "post.txt",
    Channel.CALL: "call.txt",
}
_FORMS: Mapping[Channel, tuple[str, ...]] = {
    Channel.SMS: ("sms.txt",),
    Channel.EMAIL: (_SUBJECT, "email.txt", "email.html"),
    Channel.POST: ("post.txt",),
    Channel.CALL: ("call.txt",),
}
_BLOCK_FORMS = {
    "sms": "sms.txt",
    "email": "email.txt",
    "html": "email.html",
    "post": "post.txt",
    "call": "call.txt",
}
_LOCALES = {
    "en": "en_US",
    "id": "id_ID",
    "nb": "nb_NO",
    "nl": "nl_NL",
    "zh": "zh_Hant_TW",
    "zh-Hans": "zh_Hans_CN",
}
"""Language of a letter -> the locale its amounts and dates are written in."""
_ENGLISH = {
    country: f"en_{country}" for country in ("US", "GB", "AU", "CA", "HK", "IN", "SG")
} | dict.fromkeys(("AS", "GU", "MP", "PR", "VI"), "en_US")
"""English has no one manner: who lives anywhere else reads it in that of the United Kingdom."""


class BadLetter(ValueError):
    """A letter's files are incomplete or wrong, or it cannot be rendered as asked; the message names the file."""


class Unsayable(BadLetter):
    """The letter is right, and cannot be written to this customer: it would say something empty or false. The message
    says what is missing."""


@dataclass(slots=True)  # not frozen, which would take four times as long: each message of a night has one
class AccountLine:
    """One account as a letter shows it; amounts already formatted."""

    product: str
    last4: str
    past_due: str
    balance: str
    days_past_due: int
    currency: str


@dataclass(frozen=True, slots=True)
class InstalmentLine:
    n: int
    due_on: str
    amount: str


@dataclass(frozen=True, slots=True)
class ItemLine:
    """How the debt on one account came to be since a date (12 CFR 1006.34(c)(2)); amounts already formatted."""

    product: str
    last4: str
    since: str
    owed: str
    interest: str
    fees: str
    other: str
    """'' = nothing else was charged."""
    paid: str
    now: str


@dataclass(slots=True)  # not frozen either
class LetterContext:
    """All that a letter may speak of. Dates and amounts are text, already in the letter's language."""

    customer_name: str
    creditor: str
    collector_kind: str
    """`first_party` or `third_party`; the disclosure block depends on it."""
    reference: str
    accounts: tuple[AccountLine, ...]
    past_due_total: str
    oldest_due_on: str
    today: str
    contact_phone: str
    contact_email: str
    preferences_url: str
    amount: str = ""
    promise_on: str = ""
    instalments: tuple[InstalmentLine, ...] = ()
    due_on: str = ""
    answer_by: str = ""
    balance_total: str = ""
    missed_on: str = ""
    missed_amount: str = ""
    settlement_amount: str = ""
    settle_by: str = ""
    received_on: str = ""
    review_on: str = ""
    collection_costs: str = ""
    total_with_costs: str = ""
    itemization: tuple[ItemLine, ...] = ()
    sender_address: str = ""
    """On one line; empty = not told."""
    answer: str = ""
    """What one of our people writes to a customer who wrote."""
    register_number: str = ""
    """Of an agency in the register of its country, where the law wants it named (Netherlands); empty = none."""
    sender: str = ""
    """Who is writing: the agency's name when it is not the creditor. Empty = the creditor itself."""


VARIABLES = frozenset(f.name for f in dataclasses.fields(LetterContext))
OPTIONAL = frozenset(
    f.name for f in dataclasses.fields(LetterContext) if f.default is not dataclasses.MISSING
) - {"amount", "promise_on", "instalments", "sender"}
"""Variables that most letters have nothing to say about."""
LISTS: Mapping[str, type] = {"accounts": AccountLine, "instalments": InstalmentLine, "itemization": ItemLine}
"""Variables that are lists, and what one of their lines is."""
MAY_BE_EMPTY = frozenset({"collector_kind", "instalments"})
"""Printed by letters that say something without them: a plan of one payment has no instalments."""
ABOUT = frozenset({"case", "plan", "settlement", "hold", "closed case", "statement", "message"})
"""What there must be before a letter has something to say."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter ready to store and send. `language` is the one it is really in; `blocks` what it carries."""

    subject: str
    text: str
    html: str
    language: str
    version: str
    blocks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Printed:
    """Variables, and attributes of a list's lines, that templates print without asking whether they have a value."""

    variables: tuple[str, ...]
    attributes: frozenset[str]
    contact: bool
    """It gives a telephone number or an e-mail address to answer to."""


@dataclass(frozen=True)
class Letter:
    name: str
    title: str
    purpose: str
    channels: frozenset[Channel]
    languages: tuple[str, ...]
    variables: frozenset[str]
    required: Mapping[Channel, frozenset[str]]
    """Blocks each channel's text must carry, or it is not rendered at all."""
    about: str
    """One of `ABOUT`; only letters about the case itself are steps of a strategy or sent by hand."""
    answer: AnswerTime | None
    places: frozenset[str]
    """Countries whose law the letter follows (ISO 3166); empty = any."""
    collector: str
    """`third_party` = only for those who collect another's debts."""
    sent_in: tuple[str, ...]
    """Languages it may leave in; in the others of `languages` our own people read it. Empty = all."""
    encloses: bool
    """Whether an e-mail brings the printed letter along, to be kept."""
    needs: frozenset[str]
    """Variables without which it says too little to go out."""
    follows_up: bool
    """It says that we wrote before, and leaves only where an earlier letter of the case was sent."""
    version: str
    """First 12 hex digits of the SHA-256 over this letter's files and the shared ones."""
    environment: ImmutableSandboxedEnvironment = field(repr=False, compare=False)
    carries: Mapping[tuple[Channel, str], tuple[str, ...]] = field(default_factory=dict)
    """Blocks that its words carry for everybody, sorted, by channel and language."""
    prints: Mapping[tuple[Channel, str], Printed] = field(default_factory=dict, repr=False, compare=False)
    """What may not be empty, by channel and language."""
    stencils: Mapping[tuple[Channel, str], CompiledLetter] = field(
        default_factory=dict, repr=False, compare=False
    )
    """By channel and language, where the letter's templates allow it."""
    _language: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def language_for(self, wanted: str) -> str:
        """The language this letter would be sent in to somebody who reads `wanted` ('zh-TW' -> 'zh', 'fr' -> 'en')."""
        language = self._language.get(wanted)
        if language is None:
            found = known_language(wanted, self.sent_in or self.languages)
            language = found if not self.sent_in or found in self.sent_in else self.sent_in[0]
            if len(self._language) < 1000:
                self._language[wanted] = language
        return language

    def locale_for(self, wanted: str, country: str) -> str:
        """How its dates and amounts are written to somebody there, as `format_date` and `format_amount` take it."""
        return locale_for(self.language_for(wanted), country)

    def misfit(self, country: str, collector: str, currency: str, told: Collection[str]) -> str:
        """Why the letter is not one for this customer, '' = it is. `told` are the needed variables we have."""
        if self.places and country not in self.places:
            return f"this letter is for {' and '.join(sorted(self.places))} only"
        if self.collector and collector != self.collector:
            return "this letter is for those who collect another's debts"
        if "collection_costs" in self.variables and currency != COSTS_CURRENCY:
            return f"this letter is for debts in {COSTS_CURRENCY} only"
        if lacking := self.needs.difference(told):
            return f"this letter needs {' and '.join(sorted(lacking))}; see the settings"
        return ""


@lru_cache(maxsize=1000)
def known_language(wanted: str, languages: tuple[str, ...] = tuple(_LOCALES)) -> str:
    """The language for a tag ('nl-BE' -> 'nl', 'zh-CN' -> 'zh-Hans') if it is among `languages`, otherwise English."""
    base, *rest = re.split(r"[-_]", wanted.strip().lower())
    if base == "zh" and {"hans", "cn", "sg"} & set(rest) and "zh-Hans" in languages:
        return "zh-Hans"
    base = _NORWEGIAN.get(base, base)
    return base if base in languages else FALLBACK_LANGUAGE


@lru_cache(maxsize=1000)
def locale_for(language: str, country: str) -> str:
    """The letters' language in the manner of a country (ISO 3166): ('en', 'AU') -> 'en_AU', ('en', 'FR') -> 'en_GB',
    ('nl', 'BE') -> 'nl'."""
    return _ENGLISH.get(country, "en_GB") if language == "en" else language


_NORWEGIAN = {"no": "nb", "nn": "nb"}
"""Who reads Norwegian in general, or Nynorsk, is written to in Bokmål rather than in English."""


# ------------------------------------------------------------------------------------------------- rendering


def render(
    letter: Letter, channel: Channel, language: str, context: LetterContext, *, leaves: bool = False
) -> Rendered:
    """The letter's words for one channel, in `language` or, where it does not exist in that, in English.

    Raises BadLetter if the letter does not exist on the channel, names something unknown, or lacks a required block;
    Unsayable where it `leaves` and a figure, name or address that it prints is empty: our own people may look at a
    draft.
    """
    if channel not in letter.channels:
        raise BadLetter(f"letter {letter.name} has no {channel} form")
    language = known_language(language, letter.languages)
    values = _values(letter, channel, context)
    if leaves:
        _check_complete(letter, channel, language, values)
    stencils = letter.stencils.get((channel, language))
    if stencils is not None:
        (subject, text, html), blocks = stencils.words(values)
    else:
        (subject, text, html), blocks = word(letter, channel, language, values)
    if channel is Channel.POST:
        subject = heading(text)
    return Rendered(subject, text, html, language, letter.version, blocks)


def _check_complete(letter: Letter, channel: Channel, language: str, values: Mapping[str, Any]) -> None:
    """That nothing is left blank."""
    prints = letter.prints[channel, language]
    if prints.contact and not values["contact_phone"] and not values["contact_email"]:
        raise Unsayable(
            f"{letter.name}: there is neither a telephone number nor an e-mail address to answer to"
        )
    for name in prints.variables:
        value = values[name]
        if not value:
            raise Unsayable(f"{letter.name}: it has no {name.replace('_', ' ')} to show")
        if type(value) is tuple:
            for line in value:
                for attribute, shown in as_dict(line).items():
                    if shown == "" and attribute in prints.attributes:
                        raise Unsayable(
                            f"{letter.name}: a line of its {name} has no {attribute.replace('_', ' ')}"
                        )


def heading(post: str) -> str:
    """What a printed letter is about: its first heading, '' if it has none."""
    return next((line[2:] for line in post.splitlines() if line.startswith("# ")), "")


def word(letter: Letter, channel: Channel, language: str, values: Mapping[str, Any]) -> Worded:
    """(subject, text, HTML) straight from the templates, and the blocks they carry; raises as `render` does."""
    carried: dict[str, frozenset[str]] = {}
    words: dict[str, str] = {}
    for form in _FORMS[channel]:
        words[form], carried[form] = _fill(letter, language, form, values)
        if form != _SUBJECT:
            _check_required(letter, channel, f"{letter.name}/{language}/{form}", carried[form])

    subject, html = "", ""
    text = words[_BODY_FORMS[channel]]
    if channel is Channel.SMS:
        text = _one_plain_line(text)
    if channel is Channel.EMAIL:
        subject = _one_line(words[_SUBJECT])
        html = _page(letter, language, words[_SUBJECT], words["email.html"])
    return (subject, text, html), frozenset().union(*carried.values())


def _fill(letter: Letter, language: str, form: str, values: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    """One file's words with its blocks in place, and the names of the blocks it used."""
    used: set[str] = set()

    def block(name: str) -> str:
        source = _block_path(language, name, form)
        used.add(name)
        words = letter.environment.get_template(source).render(values).strip()
        return Markup(words) if form.endswith(".html") else words  # noqa: S704 - the block was escaped when rendered

    path = f"{letter.name}/{language}/{form}"
    try:
        words = letter.environment.get_template(path).render(values, block=block)
    except (TemplateError, TypeError) as problem:
        raise BadLetter(f"{path}: {problem}") from problem
    return _tidy(words), frozenset(used)


def _page(letter: Letter, language: str, subject: str, body: str) -> str:
    """The e-mail's HTML body in the page all letters share."""
    template = letter.environment.get_template(f"{_BASE}/email.html")
    return template.render(language=language, subject=subject, body=Markup(body))  # noqa: S704 - rendered and escaped


def _values(letter: Letter, channel: Channel, context: LetterContext) -> dict[str, Any]:
    """Only what the letter declares, made harmless: a name cannot add a header, a line or a table cell."""
    names, read = _reader(letter.variables)
    post = channel is Channel.POST
    values: dict[str, Any] = {
        name: _harmless(value, post)
        if type(value) is str
        else tuple([_harmless_line(line, post) for line in value])
        for name, value in zip(names, read(context), strict=True)
    }
    if values.get("sender") == "":
        values["sender"] = _harmless(context.creditor, post)
    return values


@lru_cache(maxsize=1000)
def _reader(variables: frozenset[str]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names, and what reads them all of a context at once."""
    names = tuple(sorted(variables))
    # One name would be read without the tuple around it.
    return names, attrgetter(*names) if len(names) > 1 else lambda context: tuple(
        getattr(context, n) for n in names
    )


def _harmless_line(line: Any, post: bool) -> Any:
    """A line of a list; its numbers are harmless."""
    return type(line)(*[_harmless(value, post) if type(value) is str else value for value in values_of(line)])


def _harmless(value: str, post: bool) -> str:
    # Whatever is not harmless is not printable either.
    if value.isprintable() and len(value) <= MAX_VALUE_LENGTH and not post:
        return value.strip()
    text = value if value.isprintable() else "".join(_harmless_character(c) for c in value)
    if post:
        text = text.replace("|", "/")  # the bar separates table cells in post.txt
    return text.strip()[:MAX_VALUE_LENGTH]


def _harmless_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    # Surrogates cannot be encoded; direction overrides could make an amount read backwards.
    if category == "Cs" or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        return ""
    return character


def _tidy(words: str) -> str:
    """No trailing blanks, and never more than one empty line: blocks may be empty (no disclosure, say)."""
    lines = "\n".join(line.rstrip() for line in words.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


# ------------------------------------------------------------------------------------------- amounts and dates


@lru_cache(maxsize=10_000)
def format_amount(minor: int, currency: str, language: str) -> str:
    """Minor units as a reader of `language` writes them, with the decimals we bill in (TWD none, KWD three)."""
    style = _amount_style(currency, language)
    if style is None or minor < 0:
        return amount_by_locale(minor, currency, language)
    before, group, in_twos, point, after = style
    decimals = money.exponent(currency)
    units, rest = divmod(minor, 10**decimals)
    whole = _in_twos(units, group) if in_twos else f"{units:,}".replace(",", group)
    return f"{before}{whole}{point}{rest:0{decimals}}{after}" if decimals else f"{before}{whole}{after}"


@lru_cache(maxsize=100)
def _amount_style(currency: str, language: str) -> tuple[str, str, bool, str, str] | None:
    """(before, group separator, whether groups are of two above the thousands, decimal point, after), read off one
    amount as the locale writes it; None where it groups in another way."""
    shown = amount_by_locale(1_234_567 * 10 ** money.exponent(currency), currency, language)
    whole = r"1(?P<three>\D)234(?P=three)567|12(?P<two>\D)34(?P=two)567"
    found = re.fullmatch(rf"(?P<before>\D*)(?:{whole})(?:(?P<point>\D)0+)?(?P<after>\D*)", shown)
    if found is None:
        return None
    group = found["three"] or found["two"]
    return found["before"], group, found["two"] is not None, found["point"] or "", found["after"]


def _in_twos(units: int, group: str) -> str:
    """Lakhs and crores: 12,34,567."""
    above, below = divmod(units, 1000)
    if not above:
        return str(below)
    digits = str(above)
    pairs = [digits[max(0, end - 2) : end] for end in range(len(digits), 0, -2)]
    return group.join([*reversed(pairs), f"{below:03}"])


def amount_by_locale(minor: int, currency: str, language: str) -> str:
    """What `format_amount` gives, slowly: as Unicode's locale data has it."""
    locale = _locale(language)
    value = Decimal(money.to_decimal_string(minor, currency))
    text = _amount_pattern(locale, money.exponent(currency)).apply(
        value, locale, currency=currency, currency_digits=False
    )
    text = re.sub(r"([A-Z])(\d)", "\\1\u00a0\\2", text)  # IDR 100: a code, unlike a symbol, stands apart
    if currency == "TWD" and "NT$" not in text:
        text = text.replace("$", "NT$")  # a bare $ would be read as dollars of another country
    return text


@lru_cache(maxsize=1_000)
def format_date(d: date, language: str) -> str:
    """The date with the month spelled out, so that no reader takes the month for the day."""
    return babel_format_date(d, "long", locale=_locale(language))


@lru_cache(maxsize=100)
def _locale(language: str) -> Locale:
    return Locale.parse(language if language in _ENGLISH.values() else _LOCALES[known_language(language)])


@lru_cache
def _amount_pattern(locale: Locale, decimals: int) -> NumberPattern:
    # The locale's own count of decimals differs from what issuers bill in (CLDR gives TWD two).
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern


# -------------------------------------------------------------------------------------------------------- SMS

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = frozenset("^{}\\[~]|€\f")
_PLAIN = str.maketrans(
    {
        "\u00a0": " ", "\u202f": " ", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-",
        "\u20b9": "Rs ",
    }
)  # fmt: skip


def sms_segments(text: str) -> int:
    """How many SMS the text is billed as: 160/153 characters in GSM 7-bit, else 70/67 in UCS-2 (3GPP TS 23.038)."""
    if sms_encoding(text) == GSM:
        units, single, part = sum(2 if c in _GSM_DOUBLE else 1 for c in text), 160, 153
    else:
        units, single, part = len(text.encode("utf-16-be")) // 2, 70, 67
    return 1 if units <= single else -(-units // part)


GSM, UCS2 = "GSM-7", "UCS-2"


def sms_encoding(text: str) -> str:
    """How the text goes over the air: one character outside the GSM alphabet makes all of it UCS-2."""
    return GSM if all(c in _GSM or c in _GSM_DOUBLE for c in text) else UCS2


def _one_plain_line(text: str) -> str:
    """One line without typographic characters: a single no-break space, or sign of the rupee, would more than halve
    what an SMS holds."""
    return _one_line(text.translate(_PLAIN))


def _one_line(text: str) -> str:
    return " ".join(text.split())


# ---------------------------------------------------------------------------------------------------- loading


def load_letters(directory: Path) -> Mapping[str, Letter]:
    """Every letter under `directory` by name, each checked in all its channels and languages.

    Checking is reading: nothing is rendered, so a start takes no longer for a letter that is never sent. Raises
    BadLetter, naming the file, for a missing file, an undeclared variable, an unknown block or a missing one.
    """
    folders = sorted(
        p for p in directory.iterdir() if p.is_dir() and p.name != _BASE and not p.name.startswith(".")
    )
    if not folders:
        raise BadLetter(f"no letters in {directory}")
    shelf = _Shelf(directory)
    return {folder.name: _load(shelf, folder) for folder in folders}


class _Shelf:
    """All files of `letters/`, read once: what was read and hashed is what is sent until the next start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._base = {path: path.read_bytes() for path in sorted(_files(directory / _BASE))}
        self.sources: dict[str, str] = {f"{_BASE}/email.html": self._base_text("email.html")}
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
        read = {path: path.read_bytes() for path in sorted(_files(folder))}
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
        path = self.directory / _BASE / language / "blocks.toml"
        paths = [f"{_BASE}/email.html"]
        for name, forms in _read_toml(path).items():
            for form, source in forms.items():
                if form not in _BLOCK_FORMS:
                    raise BadLetter(f"{path}: [{name}] has unknown form {form!r}")
                paths.append(_block_path(language, name, _BLOCK_FORMS[form]))
                self.sources[paths[-1]] = source
        self._plain_blocks[language] = trees_can_be_cut([self.tree(path) for path in paths])

    def tree(self, path: str) -> nodes.Template:
        """What the template says, read once. BadLetter if it is missing or no template."""
        if path not in self._trees:
            if path not in self.sources:
                raise BadLetter(f"missing file {path}")
            try:
                self._trees[path] = self.environment.parse(self.sources[path])
            except TemplateError as problem:
                raise BadLetter(f"{path}: {problem}") from problem
        return self._trees[path]

    def spoken_of(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        """The variables that the template speaks of, and attributes of whatever it is."""
        if path not in self._spoken_of:
            tree = self.tree(path)
            names = list(tree.find_all(nodes.Name))
            made = {name.name for name in names if name.ctx != "load"}  # by a loop
            attributes = {found.attr for found in tree.find_all(nodes.Getattr)}
            attributes |= {
                found.value.value
                for found in tree.find_all(nodes.Keyword)
                if found.key == "attribute" and isinstance(found.value, nodes.Const)
            }
            self._spoken_of[path] = frozenset(name.name for name in names) - made, frozenset(attributes)
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

    def can_be_cut(self, language: str, paths: Sequence[str]) -> bool:
        return self._plain_blocks[language] and trees_can_be_cut([self.tree(path) for path in paths])

    def _base_text(self, name: str) -> str:
        path = self.directory / _BASE / name
        if path not in self._base:
            raise BadLetter(f"missing file {path}")
        return self._base[path].decode()


def _questions(tree: nodes.Template) -> Iterator[nodes.Node]:
    """What `{% if x %}` and `x or y` ask about."""
    found: list[nodes.Node] = [*tree.find_all(nodes.Or)]
    found += [each.test for each in tree.find_all(nodes.If)]
    found += [each.test for each in tree.find_all(nodes.CondExpr)]
    while found:
        question = found.pop()
        if isinstance(question, (nodes.And, nodes.Or)):
            found += [question.left, question.right]
        elif isinstance(question, nodes.Not):
            found.append(question.node)
        else:
            yield question


def _load(shelf: _Shelf, folder: Path) -> Letter:
    path = folder / "letter.toml"
    about = _read_toml(path)
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
            sent_in=tuple(about.get("sent_in", ())),
            encloses=bool(about.get("encloses", False)),
            needs=frozenset(about.get("needs", ())),
            follows_up=bool(about.get("follows_up", False)),
            version=shelf.add_letter(folder),
            environment=shelf.environment,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise BadLetter(f"{path}: {problem}") from problem
    _check_declared(path, letter)
    for language in letter.languages:
        shelf.add_blocks(language)
    return dataclasses.replace(
        letter,
        carries=_read_through(shelf, letter),
        prints=_prints(shelf, letter),
        stencils=_stencils(shelf, letter),
    )


def _check_declared(path: Path, letter: Letter) -> None:
    """That what letter.toml says is something we know."""
    if letter.purpose not in PURPOSES:
        raise BadLetter(f"{path}: unknown purpose {letter.purpose!r}")
    if FALLBACK_LANGUAGE not in letter.languages:
        raise BadLetter(f"{path}: every letter exists in {FALLBACK_LANGUAGE}")
    if unknown := frozenset(letter.languages) - frozenset(_LOCALES):
        raise BadLetter(f"{path}: unknown language {', '.join(sorted(unknown))}")
    if unknown := letter.variables - VARIABLES:
        raise BadLetter(f"{path}: unknown variable {', '.join(sorted(unknown))}")
    if letter.about not in ABOUT:
        raise BadLetter(f"{path}: unknown about {letter.about!r}")
    if unknown := frozenset(letter.sent_in) - frozenset(letter.languages):
        raise BadLetter(f"{path}: sent_in {', '.join(sorted(unknown))}, in which it does not exist")
    if letter.encloses and not {Channel.EMAIL, Channel.POST} <= letter.channels:
        raise BadLetter(f"{path}: encloses its printed form in an e-mail, and lacks one of the two")
    if unknown := letter.needs - letter.variables:
        raise BadLetter(f"{path}: needs {', '.join(sorted(unknown))} and does not declare it")


def _block_path(language: str, name: str, form: str) -> str:
    return f"{_BASE}/{language}/blocks/{name}.{form}"


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadLetter(f"missing file {path}") from None
    except tomllib.TOMLDecodeError as problem:
        raise BadLetter(f"{path}: {problem}") from problem


def _read_through(shelf: _Shelf, letter: Letter) -> dict[tuple[Channel, str], tuple[str, ...]]:
    """Read every file of the letter before a customer's turn comes; the blocks that it carries for everybody."""
    carries: dict[tuple[Channel, str], tuple[str, ...]] = {}
    for channel in sorted(letter.channels):
        for language in letter.languages:
            carried = []
            for form in _FORMS[channel]:
                path = f"{letter.name}/{language}/{form}"
                _check_names(shelf, letter, path)
                blocks = _blocks_in(shelf, letter, path, language, form)
                if form != _SUBJECT:
                    _check_required(letter, channel, path, blocks)
                    carried.append(blocks)
            carries[channel, language] = tuple(sorted(frozenset.intersection(*carried)))
    return carries


def _prints(shelf: _Shelf, letter: Letter) -> dict[tuple[Channel, str], Printed]:
    found = {}
    for channel in letter.channels:
        for language in letter.languages:
            names: set[str] = set()
            attributes: set[str] = set()
            spoken: set[str] = set()
            for form in _FORMS[channel]:
                path = f"{letter.name}/{language}/{form}"
                calls = [call for call, _ in _calls(shelf.tree(path), sometimes=False)]
                blocks = [_block_path(language, call.args[0].value, form) for call in calls]  # type: ignore[attr-defined]
                for each in (path, *blocks):
                    printed = shelf.printed(each)
                    names |= printed[0]
                    attributes |= printed[1]
                    spoken |= shelf.spoken_of(each)[0]
            contact = {"contact_phone", "contact_email"}
            gives = bool(spoken & contact) and contact <= letter.variables
            wanted = tuple(sorted((names & letter.variables) - MAY_BE_EMPTY))
            found[channel, language] = Printed(wanted, frozenset(attributes), gives)
    return found


def _blocks_in(shelf: _Shelf, letter: Letter, path: str, language: str, form: str) -> frozenset[str]:
    """The blocks it carries for everybody: not those that only some condition puts in place. All must exist."""
    always = set()
    for call, sometimes in _calls(shelf.tree(path), sometimes=False):
        name = call.args[0].value if call.args and isinstance(call.args[0], nodes.Const) else ""
        block = _block_path(language, name, form)
        if block not in shelf.sources:
            raise BadLetter(f"{path}: there is no block {name!r} for it")
        _check_names(shelf, letter, path, block)
        if not sometimes:
            always.add(name)
    return frozenset(always)


def _calls(node: nodes.Node, *, sometimes: bool) -> Iterator[tuple[nodes.Call, bool]]:
    """Each `block(...)` below this node, and whether it stands under a condition or in a loop."""
    if isinstance(node, nodes.Call):
        yield node, sometimes
    inner = sometimes or isinstance(node, (nodes.If, nodes.For, nodes.CondExpr))
    for child in node.iter_child_nodes():
        yield from _calls(child, sometimes=inner)


def _check_required(letter: Letter, channel: Channel, path: str, blocks: Collection[str]) -> None:
    if missing := letter.required.get(channel, frozenset()).difference(blocks):
        raise BadLetter(f"{path} lacks required block {', '.join(sorted(missing))}")


def _check_names(shelf: _Shelf, letter: Letter, path: str, of: str = "") -> None:
    """Only declared names may be spoken of, by it and by the blocks in it, and of lists only what their lines have."""
    names, attributes = shelf.spoken_of(of or path)
    where = f"{path}, block {of.rpartition('/')[2]}" if of else path
    if undeclared := names - letter.variables - {"block"}:
        raise BadLetter(f"{where}: undeclared variable {', '.join(sorted(undeclared))}")
    if unknown := attributes - _LINE_ATTRIBUTES:
        raise BadLetter(f"{where}: no line of a list has {', '.join(sorted(unknown))}")


_LINE_ATTRIBUTES = frozenset(f.name for line in LISTS.values() for f in dataclasses.fields(line))


def _stencils(shelf: _Shelf, letter: Letter) -> dict[tuple[Channel, str], CompiledLetter]:
    """For each form whose templates, blocks included, do nothing but print, compare and count."""
    found = {}
    for channel in letter.channels:
        for language in letter.languages:
            if shelf.can_be_cut(language, [f"{letter.name}/{language}/{form}" for form in _FORMS[channel]]):
                fit = (_one_line, _one_plain_line if channel is Channel.SMS else str, html_escape)
                found[channel, language] = CompiledLetter(partial(word, letter, channel, language), fit)
    return found
