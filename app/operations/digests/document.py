"""A digest in words: one list of parts, written as plain text, HTML, the data of its PDF, and JSON. Pure.

Its figures and lists were put into the reader's language when the digest was made; what stands around them is said
here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from app.core.text import Say
from app.operations.digests.told import COMPARE_WORDS, DigestContent, ToldFigure
from app.reporting.changes.rules import Compare


class Words:
    """What a digest says around its figures, in English; each is looked up in the reader's catalogue."""

    TITLE = "{portfolio}: digest of {day}"
    STANDS = "{creditor} ({portfolio}) at the end of {day}."
    DISCLAIMER = "Figures, names of slices and counts only: a digest holds no customer's data."
    MORNING = "The morning page of that day"
    DECISIONS = "What needs a decision"
    NO_DECISION = "Nothing waits for a decision in this portfolio."
    WORK, WAITING = "Work", "Waiting"
    THRESHOLDS = "Thresholds that are crossed"
    FIGURE, THRESHOLD, SINCE = "Figure", "Threshold", "Since"
    FAILED = "Proofs that failed"
    DO_NOT_USE = "Do not use this portfolio’s figures until these are over."
    CHECK, FOUND = "Check", "What it found"
    CHANGED = "What changed"
    NOTHING_CHANGED = (
        "No figure moved by a tenth of a point against {what}, {day}, or that day has no figures."
    )
    AGAINST_DAY = "Against {what}, {day}; what got worse comes first."
    NOW, AGAINST, WHY = "Now", "Against {what}", "Why"
    NONE, NOTHING_YET, NO_CHANGE = "none", "nothing yet", "no change"
    BETTER, WORSE = "better", "worse"
    POINTS, PER_1000, OF_5, DAYS = "points", "per 1,000", "of 5", "days"
    PAGE = "Page"


def words_of_digests() -> Iterator[str]:
    """Every text, for the catalogues."""
    yield from (text for name, text in vars(Words).items() if not name.startswith("_"))
    yield from COMPARE_WORDS.values()


@dataclass(frozen=True, slots=True)
class Voice:
    """How a reader is spoken to: their catalogue, and how their language writes days and numbers."""

    say: Say
    locale: Locale

    def put(self, text: str, **given: str) -> str:
        return self.say(text).format(**given)

    def day(self, iso: str) -> str:
        return format_date(date.fromisoformat(iso), "d MMMM y", locale=self.locale)

    def number(self, value: float, pattern: str = "#,##0") -> str:
        return format_decimal(value, format=pattern, locale=self.locale)


ENGLISH = Voice(str, Locale("en"))


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, and where it leads; '' = nowhere."""

    text: str
    href: str = ""
    number: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with a sentence, or a table, or both; never empty."""

    heading: str
    sentence: str = ""
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()


def title_of(content: DigestContent, voice: Voice = ENGLISH) -> str:
    return voice.put(Words.TITLE, portfolio=content.portfolio, day=voice.day(content.business_date))


def parts_of(content: DigestContent, voice: Voice = ENGLISH) -> list[Part]:
    """The parts in the order of the morning page: decisions, thresholds, what failed, what changed and why."""
    say, day = voice.say, voice.day
    parts = [
        Part(
            say(Words.DECISIONS),
            heads=(say(Words.WORK), say(Words.WAITING)),
            rows=[
                (Cell(w.label, w.href), Cell(voice.number(w.count), number=True)) for w in content.decisions
            ],
        )
        if content.decisions
        else Part(say(Words.DECISIONS), say(Words.NO_DECISION))
    ]
    if content.thresholds:
        rows = [(Cell(t.figure, t.href), Cell(t.limit), Cell(day(t.since))) for t in content.thresholds]
        heads = (say(Words.FIGURE), say(Words.THRESHOLD), say(Words.SINCE))
        parts.append(Part(say(Words.THRESHOLDS), heads=heads, rows=rows))
    if content.failures:
        failed = [(Cell(f.title), Cell(f.detail), Cell(day(f.since))) for f in content.failures]
        heads = (say(Words.CHECK), say(Words.FOUND), say(Words.SINCE))
        parts.append(Part(say(Words.FAILED), say(Words.DO_NOT_USE), heads, failed))
    return [*parts, _changed(content, voice)]


def _changed(content: DigestContent, voice: Voice) -> Part:
    say = voice.say
    compared = {Compare(name): day for name, day in content.compared.items()}
    main = next(iter(compared))
    against = {"what": say(COMPARE_WORDS[main]), "day": voice.day(compared[main])}
    if not content.changed:
        return Part(say(Words.CHANGED), voice.put(Words.NOTHING_CHANGED, **against))
    others = (voice.put(Words.AGAINST, what=say(COMPARE_WORDS[each])) for each in compared)
    heads = (say(Words.FIGURE), say(Words.NOW), *others, say(Words.WHY))
    rows = [
        (
            Cell(each.title, each.href),
            Cell(_value(each, voice), number=True),
            *(
                Cell(_step(each, each.changes.get(name.value), voice, is_main=name is main), number=True)
                for name in compared
            ),
            Cell("; ".join(_reasons(each, voice))),
        )
        for each in content.changed
    ]
    return Part(say(Words.CHANGED), voice.put(Words.AGAINST_DAY, **against), heads, rows)


def _reasons(figure: ToldFigure, voice: Voice) -> Iterator[str]:
    for why in figure.why:
        step = _step(figure, why.amount, voice, is_main=False)
        yield f"{voice.say(why.dimension.replace('_', ' '))} {why.member or voice.say(Words.NONE)} {step}"


NOTICEABLE = 0.05
"""Tenths are shown."""
_UNITS = {"percent": "%", "per_1000": Words.PER_1000, "score": Words.OF_5, "days": Words.DAYS}
_STEPS = _UNITS | {"percent": Words.POINTS}
_TENTHS = "#,##0.0"


def _value(figure: ToldFigure, voice: Voice) -> str:
    if figure.value is None:
        return voice.say(Words.NOTHING_YET)
    return f"{voice.number(figure.value * figure.per, _TENTHS)} {voice.say(_UNITS[figure.scale])}"


def _step(figure: ToldFigure, amount: float | None, voice: Voice, *, is_main: bool) -> str:
    if amount is None:
        return "–"
    if abs(amount) * figure.per < NOTICEABLE:
        return voice.say(Words.NO_CHANGE)
    sign = "+" if amount > 0 else "−"
    step = f"{voice.number(abs(amount) * figure.per, _TENTHS)} {voice.say(_STEPS[figure.scale])}"
    judged = {"good": Words.BETTER, "bad": Words.WORSE}.get(figure.tone) if is_main else None
    return f"{sign}{step}, {voice.say(judged)}" if judged else f"{sign}{step}"


# --- as text, HTML, PDF and JSON ----------------------------------------------------------------------------


def as_text(content: DigestContent, voice: Voice = ENGLISH) -> str:
    day = voice.day(content.business_date)
    lines = [voice.put(Words.STANDS, creditor=content.creditor, portfolio=content.portfolio, day=day), ""]
    for part in parts_of(content, voice):
        lines += [part.heading, "-" * len(part.heading)]
        lines += [part.sentence] if part.sentence else []
        for row in part.rows:
            first, *others = row
            said = [f"{cell.text}" for cell in others if cell.text]
            lines.append(f"* {first.text}: {' | '.join(said)}")
            lines += [f"  {first.href}"] if first.href else []
        lines.append("")
    return "\n".join([*lines, f"{voice.say(Words.MORNING)}: {content.href}", voice.say(Words.DISCLAIMER), ""])


_TABLE = "border-collapse:collapse;width:100%"
_CELL = "padding:6px 10px;border-bottom:1px solid #b9bec5;text-align:left;vertical-align:top"


def as_html(content: DigestContent, voice: Voice = ENGLISH) -> str:
    """A page that mail programs show: no script, no picture, nothing fetched."""
    title = escape(title_of(content, voice))
    pieces = [
        f'<!doctype html><html lang="{_tag(voice)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title></head>"
        '<body style="font-family:system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem">'
        f"<h1>{title}</h1><p>{escape(content.creditor)}</p>"
    ]
    for part in parts_of(content, voice):
        pieces.append(f"<h2>{escape(part.heading)}</h2>")
        if part.sentence:
            pieces.append(f"<p>{escape(part.sentence)}</p>")
        if part.rows:
            heads = "".join(f'<th scope="col" style="{_CELL}">{escape(head)}</th>' for head in part.heads)
            rows = "".join(f"<tr>{''.join(_html_cell(cell) for cell in row)}</tr>" for row in part.rows)
            pieces.append(
                f'<table style="{_TABLE}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
            )
    link = f'<a href="{escape(content.href)}">{escape(voice.say(Words.MORNING))}</a>'
    disclaimer = escape(voice.say(Words.DISCLAIMER))
    return "".join([*pieces, f"<p>{link}</p><p>{disclaimer}</p></body></html>"])


def _tag(voice: Voice) -> str:
    """The language as HTML names it: `zh-Hant`."""
    return str(voice.locale).replace("_", "-")


def _html_cell(cell: Cell) -> str:
    style = _CELL.replace("text-align:left", "text-align:right;white-space:nowrap") if cell.number else _CELL
    text = f'<a href="{escape(cell.href)}">{escape(cell.text)}</a>' if cell.href else escape(cell.text)
    return f'<td style="{style}">{text}</td>'


def as_pdf_data(content: DigestContent, voice: Voice = ENGLISH) -> dict[str, object]:
    """The data that `digest.typ` lays out, every value as text."""
    return {
        "title": title_of(content, voice),
        "creditor": content.creditor,
        "href": content.href,
        "morning": voice.say(Words.MORNING),
        "page": voice.say(Words.PAGE),
        "language": voice.locale.language,
        "disclaimer": voice.say(Words.DISCLAIMER),
        "parts": [asdict(part) for part in parts_of(content, voice)],
    }


def as_webhook(content: DigestContent, key: str, made_at: str) -> bytes:
    """The published JSON of a digest (docs/digest.md), in English."""
    body = {"type": "digest.made", "timestamp": made_at, "id": key, "data": asdict(content)}
    return json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
