"""Contacts and refusals of a period: decisions, contacts made, refusals by rule, and each answer in full."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel import Locale
from babel.dates import format_date
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.core.clock import local_date, local_instant
from app.core.errors import Invalid, NotFound
from app.core.labels import CHANNEL_LABELS
from app.core.types import Cells, JsonObject
from app.core.vocabulary import Channel
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.outreach.gate import queries
from app.outreach.gate.queries import DECISIONS, Decision, Period, RuleCounts
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader
from app.web.wording import rule_words, strategy_words

router = Router(prefix="/contacts")

DEFAULT_DAYS = 30
MAX_DAYS = 92
PAGE = 50
WORDS = {
    "cleared": ("Cleared", "good", "the gate permitted it"),
    "waiting": ("Waiting", "info", "permitted later; asked again by itself"),
    "refused": ("Refused", "bad", "the gate said no"),
    "withheld": ("Stopped before sending", "warn", "checked again at delivery, or cancelled by a person"),
    "sent": ("Sent or call logged", "neutral", "the provider accepted it, or a call was logged"),
    "simulated": ("Printed to the console", "warn", "no provider is set up: nothing left"),
    "delivered": ("Delivered", "good", "the provider says it arrived"),
    "failed": ("Failed", "bad", "it did not arrive"),
    "unknown": ("Unknown", "warn", "it may or may not have left"),
}
COLUMNS = [
    Column("When"),
    Column("Decision"),
    Column("Channel"),
    Column("Customer"),
    Column("About"),
    Column("Why"),
]


@dataclass(frozen=True, slots=True)
class DecisionWords:
    """The words of decisions for one reader."""

    reader: PageReader

    def rule(self, rule: str) -> str:
        return rule_words(rule)

    def strategy(self, ref: str) -> str:
        return strategy_words(ref)

    def about(self, data: JsonObject) -> str:
        """The letter, the step or the result of a call."""
        if result := data.get("result"):
            return str(data.get("label") or str(result).replace("_", " ").capitalize())
        name = str(data.get("letter") or data.get("step") or "")
        return re.sub("[-_]", " ", name).capitalize()


@dataclass(frozen=True, slots=True)
class ContactsPage(Page):
    template = "managers/contacts.html"
    portfolios: Sequence[Portfolio]
    portfolio: Portfolio | None
    zone: str
    first_on: date
    last_on: date
    max_days: int
    wanted: Mapping[str, object]
    words: Mapping[str, tuple[str, str, str]]
    channel_words: Mapping[str, str]
    says: DecisionWords
    matrix: Mapping[str, object]
    day_chart: Mapping[str, object] | None
    rules: RuleCounts
    chart: Mapping[str, object] | None
    columns: Sequence[Column]
    decisions: Sequence[Decision]
    next_cursor: str | None


@router.get("")
def contacts(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    now: Now,
    portfolio: str = "",
    first: str = "",
    last: str = "",
    decision: str = "",
    channel: str = "",
    rule: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    portfolios = list(session.scalars(select(Portfolio).order_by(col(Portfolio.code))))
    chosen = next((p for p in portfolios if p.code == portfolio), None)
    if portfolio and chosen is None:
        raise NotFound(f"There is no portfolio {portfolio}. Choose one from the list.")
    zone = (chosen or portfolios[0]).timezone if portfolios else "UTC"
    first_on, last_on = _days(session, first, last, zone, now)
    period = Period(
        local_instant(first_on, 0, 0, zone),
        local_instant(last_on + timedelta(days=1), 0, 0, zone),
        chosen.id if chosen and len(portfolios) > 1 else None,
    )
    wanted: JsonObject = {
        "decision": decision if decision in DECISIONS else "",
        "channel": Channel(channel) if channel in set(Channel) else None,
        "rule": rule[:100],
    }
    if format == "csv":
        rows = queries.all_decisions(session, period, **wanted)
        return csv_download(f"contacts-{first_on}-{last_on}.csv", CSV_HEADER, csv_rows(rows))
    rules = queries.rule_counts(session, period)
    shown = queries.decisions(
        session, period, **wanted, after=decode_cursor(cursor, 2, datetime.fromisoformat, int), limit=PAGE + 1
    )
    last_row = shown[PAGE - 1] if len(shown) > PAGE else None
    return page(
        request,
        ContactsPage(
            portfolios=portfolios,
            portfolio=chosen,
            zone=zone,
            first_on=first_on,
            last_on=last_on,
            max_days=MAX_DAYS,
            wanted=wanted,
            words=WORDS,
            channel_words=CHANNEL_LABELS,
            says=DecisionWords(PageReader(reader_locale(request), "", zone, staff_names(session))),
            matrix=_matrix(queries.counts(session, period)),
            day_chart=_day_chart(
                queries.day_counts(session, period, zone), first_on, last_on, reader_locale(request)
            ),
            rules=rules,
            chart=_rule_chart(rules),
            columns=COLUMNS,
            decisions=shown[:PAGE],
            next_cursor=encode_cursor(last_row.at.isoformat(), last_row.event_id) if last_row else None,
        ),
    )


def _days(session: Session, first: str, last: str, zone: str, now: datetime) -> tuple[date, date]:
    """Return the days asked for; otherwise the thirty days up to the last decision."""
    last_on = _day(last, "last")
    if last_on is None:
        latest = queries.last_decision_at(session)
        last_on = local_date(min(latest, now) if latest else now, zone)
    first_on = _day(first, "first") or last_on - timedelta(days=DEFAULT_DAYS - 1)
    if first_on > last_on:
        raise Invalid("The period ends before it begins.", "first")
    if (last_on - first_on).days >= MAX_DAYS:
        raise Invalid(f"Ask for at most {MAX_DAYS} days at a time.", "first")
    return first_on, last_on


def _day(text: str, field: str) -> date | None:
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("Give days like 2026-01-31.", field) from None
    if found is not None and not 1990 <= found.year <= 2199:
        raise Invalid(
            "That day is out of range. Choose one from 1990 to 2199.",
            field,
        )
    return found


def _matrix(found: Mapping[tuple[str, Channel | None], int]) -> JsonObject:
    """Rows by channel, columns by decision, and their sums; decisions that never happened are left out."""
    names = [name for name in DECISIONS if name != "unknown" or any(key[0] == name for key in found)]
    rows = [(channel, [found.get((name, channel), 0) for name in names]) for channel in Channel]
    total = [sum(n for (kind, _), n in found.items() if kind == name) for name in names]
    return {"names": names, "rows": rows, "total": total, "any": any(total)}


def _rule_chart(rules: RuleCounts) -> JsonObject | None:
    top = [entry for entry in rules.rules if entry.refused or entry.withheld][:12]
    if not top:
        return None
    series = [{"name": "Refused", "values": [entry.refused for entry in top]}]
    if any(entry.withheld for entry in top):
        series.append({"name": "Stopped before sending", "values": [entry.withheld for entry in top]})
    return {
        "type": "bar",
        "labels": [rule_words(entry.rule) for entry in top],
        "unit": "count",
        "stacked": True,
        "horizontal": True,
        "series": series,
    }


def _day_chart(
    found: Mapping[tuple[date, str], int], first_on: date, last_on: date, locale: Locale
) -> JsonObject | None:
    """Chart the gate's answers by day."""
    if not found:
        return None
    days = [first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1)]
    names = [
        name for name in ("cleared", "waiting", "refused", "withheld") if any(n == name for _, n in found)
    ]
    return {
        "type": "bar",
        "labels": [format_date(day, "d MMM", locale=locale) for day in days],
        "unit": "count",
        "stacked": True,
        "series": [
            {"name": WORDS[name][0], "values": [found.get((day, name), 0) for day in days]} for name in names
        ],
    }


CSV_HEADER = (
    "id", "at", "decision", "channel", "case", "customer", "purpose", "letter", "step", "rules", "details", "pack",
    "by",
)  # fmt: skip


def csv_rows(rows: Iterator[Decision]) -> Iterator[Cells]:
    for row in rows:
        yield (
            row.event_id,
            row.at,
            row.decision,
            row.channel.value if row.channel else "",
            case_reference(row.case_id) if row.case_id else "",
            row.customer_name,
            row.data.get("purpose", ""),
            row.data.get("letter", ""),
            row.data.get("step", ""),
            "; ".join(reason["rule"] for reason in row.reasons),
            "; ".join(reason["detail"] for reason in row.reasons) or row.data.get("error", ""),
            row.data.get("pack", ""),
            row.by,
        )
