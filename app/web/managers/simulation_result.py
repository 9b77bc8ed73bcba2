"""The result of a simulation: its figures, its rules and its charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from babel.dates import format_skeleton
from starlette.requests import Request

from app.core.labels import CHANNEL_LABELS
from app.core.types import JsonObject, Values
from app.http.formats import reader_locale
from app.operations.simulation.rules import MEASURE_WORDS, measures
from app.web.rendering import Tone

DECISION_WORDS: Mapping[str, tuple[str, Tone]] = {
    "sent": ("Would leave", "good"),
    "call_task": ("Call task", "info"),
    "task": ("Task", "info"),
    "refused": ("Refused", "bad"),
    "withheld": ("Stopped before sending", "warn"),
}
SIDES = {"live": "Live", "candidate": "Candidate"}


def sides_of(result: Values) -> list[tuple[str, Values]]:
    return [(name, result[name]) for name in SIDES if result[name]]


def figures_of(result: Values) -> list[JsonObject]:
    """A row a measure that is not zero everywhere, with both sides and what differs."""
    live = measures(result["live"])
    other = measures(result["candidate"]) if result["candidate"] else None
    rows = []
    for name, words in MEASURE_WORDS.items():
        if name == "cost" and not result["prices_in"]:
            continue
        if live[name] or (other and other[name]):
            there = other[name] if other else None
            rows.append(
                {
                    "name": name,
                    "words": words + (f", {result['prices_in']}" if name == "cost" else ""),
                    "live": live[name],
                    "candidate": there,
                    "difference": None if there is None else there - live[name],
                }
            )
    return rows


def rules_of(result: Values) -> list[JsonObject]:
    """A row a rule, channel and decision, with how often on each side."""
    rows: dict[tuple[str, ...], JsonObject] = {}
    for side, found in sides_of(result):
        for rule, citation, channel, decision, n in found["rules"]:
            about = {"rule": rule, "citation": citation, "channel": channel, "decision": decision}
            row = rows.setdefault((rule, channel, decision), {**about, "live": 0, "candidate": 0})
            row[side] += n
    return sorted(rows.values(), key=lambda row: -max(row["live"], row["candidate"]))


def charts_of(request: Request, result: Values) -> list[tuple[str, JsonObject]]:
    first, last = date.fromisoformat(result["first_on"]), date.fromisoformat(result["last_on"])
    days = [first + timedelta(days=n) for n in range((last - first).days + 2)]
    locale = reader_locale(request)
    labels = [format_skeleton("MMMd", on, locale=locale) for on in days]
    charts = []
    for name, side in sides_of(result):
        title = f"{SIDES[name]}, {side['strategy']}"
        series = _by_channel(side, [str(on) for on in days])
        if series:
            charts.append((f"Messages and calls by day: {title}", _bars(labels, series, stacked=True)))
    hours = [f"{hour:02d}" for hour in range(24)]
    for name, side in sides_of(result):
        series = {CHANNEL_LABELS[channel]: counts for channel, counts in side["hours"].items()}
        if series:
            title = f"Messages by hour, as fast as each channel is: {SIDES[name]}, {side['strategy']}"
            charts.append((title, _bars(hours, series, stacked=True)))
    return charts


def _by_channel(side: Values, days: Sequence[str]) -> dict[str, list[int]]:
    found: dict[tuple[str, str], int] = {}
    for day, channel, decision, n in side["contacts"]:
        if decision in ("sent", "call_task"):
            found[day, channel] = found.get((day, channel), 0) + n
    series = {
        words: [found.get((day, channel), 0) for day in days] for channel, words in CHANNEL_LABELS.items()
    }
    return {words: values for words, values in series.items() if any(values)}


def _bars(labels: Sequence[str], series: Mapping[str, Sequence[int]], *, stacked: bool) -> JsonObject:
    return {
        "type": "bar",
        "labels": list(labels),
        "unit": "count",
        "stacked": stacked,
        "series": [{"name": name, "values": list(values)} for name, values in series.items()],
    }
