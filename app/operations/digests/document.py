"""A digest in words: one list of parts, written as plain text, HTML, the data of its PDF, and JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape

from app.operations.digests.told import COMPARE_WORDS, DigestContent, ToldFigure
from app.reporting.changes.rules import Compare

DISCLAIMER = "Figures, names of slices and counts only: a digest holds no customer's data."


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


def title_of(content: DigestContent) -> str:
    return f"{content.portfolio}: digest of {_day(content.business_date)}"


def parts_of(content: DigestContent) -> list[Part]:
    """The parts in the order of the morning page: decisions, thresholds, what failed, what changed and why."""
    parts = [
        Part(
            "What needs a decision",
            heads=("Work", "Waiting"),
            rows=[(Cell(w.label, w.href), Cell(f"{w.count:,}", number=True)) for w in content.decisions],
        )
        if content.decisions
        else Part("What needs a decision", "Nothing waits for a decision in this portfolio.")
    ]
    if content.thresholds:
        rows = [(Cell(t.figure, t.href), Cell(t.limit), Cell(_day(t.since))) for t in content.thresholds]
        parts.append(Part("Thresholds that are crossed", heads=("Figure", "Threshold", "Since"), rows=rows))
    if content.failures:
        failed = [(Cell(f.title), Cell(f.detail), Cell(_day(f.since))) for f in content.failures]
        sentence = "Do not use this portfolio’s figures until these are over."
        parts.append(Part("Proofs that failed", sentence, ("Check", "What it found", "Since"), failed))
    return [*parts, _changed(content)]


def _changed(content: DigestContent) -> Part:
    compared = {Compare(name): day for name, day in content.compared.items()}
    main = next(iter(compared))
    if not content.changed:
        return Part(
            "What changed",
            f"No figure moved by a tenth of a point against {COMPARE_WORDS[main]}, {_day(compared[main])}, "
            "or that day has no figures.",
        )
    said = f"Against {COMPARE_WORDS[main]}, {_day(compared[main])}; what got worse comes first."
    heads = ("Figure", "Now", *(f"Against {COMPARE_WORDS[each]}" for each in compared), "Why")
    rows = [
        (
            Cell(each.title, each.href),
            Cell(_value(each), number=True),
            *(
                Cell(_step(each, each.changes.get(name.value), name is main), number=True)
                for name in compared
            ),
            Cell("; ".join(_reasons(each))),
        )
        for each in content.changed
    ]
    return Part("What changed", said, heads, rows)


def _reasons(figure: ToldFigure) -> Iterator[str]:
    for why in figure.why:
        yield f"{why.dimension.replace('_', ' ')} {why.member or 'none'} {_step(figure, why.amount, is_main=False)}"


NOTICEABLE = 0.05
"""Tenths are shown."""
_UNITS = {100: "%", 1000: "per 1,000", 1: "days"}
_STEPS = _UNITS | {100: "points"}


def _value(figure: ToldFigure) -> str:
    if figure.value is None:
        return "nothing yet"
    return f"{figure.value * figure.per:,.1f} {_UNITS[figure.per]}"


def _step(figure: ToldFigure, amount: float | None, is_main: bool) -> str:  # noqa: FBT001
    if amount is None:
        return "–"
    if abs(amount) * figure.per < NOTICEABLE:
        return "no change"
    sign = "+" if amount > 0 else "−"
    step = f"{abs(amount) * figure.per:,.1f} {_STEPS[figure.per]}"
    judged = {"good": ", better", "bad": ", worse"}.get(figure.tone, "") if is_main else ""
    return f"{sign}{step}{judged}"


def _day(iso: str) -> str:
    on = date.fromisoformat(iso)
    return f"{on.day} {on:%B %Y}"


# --- as text, HTML, PDF and JSON ----------------------------------------------------------------------------


def as_text(content: DigestContent) -> str:
    lines = [f"{content.creditor} ({content.portfolio}) at the end of {_day(content.business_date)}.", ""]
    for part in parts_of(content):
        lines += [part.heading, "-" * len(part.heading)]
        lines += [part.sentence] if part.sentence else []
        for row in part.rows:
            first, *others = row
            said = [f"{cell.text}" for cell in others if cell.text]
            lines.append(f"* {first.text}: {' | '.join(said)}")
            lines += [f"  {first.href}"] if first.href else []
        lines.append("")
    return "\n".join([*lines, f"The morning page of that day: {content.href}", DISCLAIMER, ""])


_TABLE = "border-collapse:collapse;width:100%"
_CELL = "padding:6px 10px;border-bottom:1px solid #b9bec5;text-align:left;vertical-align:top"


def as_html(content: DigestContent) -> str:
    """A page that mail programs show: no script, no picture, nothing fetched."""
    pieces = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title_of(content))}</title></head>"
        '<body style="font-family:system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem">'
        f"<h1>{escape(title_of(content))}</h1><p>{escape(content.creditor)}</p>"
    ]
    for part in parts_of(content):
        pieces.append(f"<h2>{escape(part.heading)}</h2>")
        if part.sentence:
            pieces.append(f"<p>{escape(part.sentence)}</p>")
        if part.rows:
            heads = "".join(f'<th scope="col" style="{_CELL}">{escape(head)}</th>' for head in part.heads)
            rows = "".join(f"<tr>{''.join(_html_cell(cell) for cell in row)}</tr>" for row in part.rows)
            pieces.append(
                f'<table style="{_TABLE}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
            )
    link = f'<a href="{escape(content.href)}">The morning page of that day</a>'
    return "".join([*pieces, f"<p>{link}</p><p>{escape(DISCLAIMER)}</p></body></html>"])


def _html_cell(cell: Cell) -> str:
    style = _CELL.replace("text-align:left", "text-align:right;white-space:nowrap") if cell.number else _CELL
    text = f'<a href="{escape(cell.href)}">{escape(cell.text)}</a>' if cell.href else escape(cell.text)
    return f'<td style="{style}">{text}</td>'


def as_pdf_data(content: DigestContent) -> dict[str, object]:
    """The data that `digest.typ` lays out, every value as text."""
    return {
        "title": title_of(content),
        "creditor": content.creditor,
        "href": content.href,
        "disclaimer": DISCLAIMER,
        "parts": [asdict(part) for part in parts_of(content)],
    }


def as_webhook(content: DigestContent, key: str, made_at: str) -> bytes:
    """The published JSON of a digest (docs/digest.md)."""
    body = {"type": "digest.made", "timestamp": made_at, "id": key, "data": asdict(content)}
    return json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
