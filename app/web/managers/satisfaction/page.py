"""Satisfaction: scores by month with their interval, by what was closed, reason and person; and the comments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import FEWEST, AskedAfter, Scores
from app.casework.support_needs.sight import sight_over
from app.core.dates import add_months, month_start
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.core.timeline.sight import Sight
from app.core.types import Cells, JsonObject
from app.core.vocabulary import Channel
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.reporting.satisfaction.queries import (
    Asked,
    SatisfactionReport,
    answers,
    refused_questions,
    satisfaction_report,
)
from app.web.lists import Column, csv_download
from app.web.lookups import staff_names
from app.web.managers.figures.choice import choose_portfolio
from app.web.managers.figures.dashboard_charts import chart_spec
from app.web.rendering import Page, page

router = Router(prefix="/satisfaction")
MONTHS, MOST_MONTHS, PAGE = 6, 24, 25
AFTER: Mapping[AskedAfter, str] = {
    AskedAfter.CASE: "A case that closed",
    AskedAfter.CALL: "A call",
    AskedAfter.MESSAGE: "An answered message",
}
SCORES: Mapping[str, tuple[int, ...]] = {"low": (1, 2), "middle": (3,), "high": (4, 5)}
"""The choices of the filter over the comments."""
COLUMNS = [Column("Asked"), Column("Score", numeric=True), Column("About"), Column("Case"), Column("Comment")]
CSV_HEADER = (
    "id", "asked_on", "answered_on", "case", "after", "reason", "channel", "score", "comment"
)  # fmt: skip


def reason_words(name: str) -> str:
    """The reason in words: an outcome, a result code, a meaning."""
    return name.replace("_", " ").capitalize() or "Not told"


@dataclass(frozen=True, slots=True)
class SatisfactionPage(Page):
    template = "managers/satisfaction/page.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    months: Sequence[date]
    asked: Asked
    report: SatisfactionReport | None
    refused: int
    people: Sequence[tuple[str, Scores]]
    """In the order of names, whatever the scores are."""
    chart: JsonObject | None
    after: Mapping[AskedAfter, str]
    channels: Sequence[Channel]
    channel_words: Mapping[str, str]
    wanted: str
    fewest: int
    columns: Sequence[Column]
    rows: Sequence[Survey]
    next_cursor: str | None
    reason: Callable[[str], str]
    case_ref: Callable[[int], str]


@router.get("")
def satisfaction(
    request: Request, staff: Manager, session: StreamSession, now: Now, portfolio: str = "", first: str = "",
    last: str = "", after: str = "", channel: str = "", reason: str = "", score: str = "", cursor: str = "",
    format: str = "",
) -> Response:  # fmt: skip
    """`?first=2026-01&last=2026-03`; the last six months if not given."""
    portfolios, chosen = choose_portfolio(session, portfolio)
    today = local_today(session, id_of(chosen), now) if chosen else now.date()
    asked = _asked(first, last, after, channel, reason[:60], today)
    scores = SCORES.get(score, ())
    if chosen is not None and format == "csv":
        name = f"satisfaction-{chosen.code}-{asked.first:%Y-%m}-{asked.last:%Y-%m}.csv"
        rows = answers(session, chosen, asked, scores=scores)
        sight = sight_over(session, {row.customer_id for row in rows}, staff.role, staff.by)
        return csv_download(name, CSV_HEADER, _csv_rows(rows, sight))
    seen = decode_cursor(cursor, 1, int)
    found = (
        answers(
            session, chosen, asked, scores=scores, with_comment=True, before=int(seen[0]) if seen else None,
            limit=PAGE + 1,
        )
        if chosen
        else []
    )  # fmt: skip
    shown, names = found[:PAGE], staff_names(session)
    report = satisfaction_report(session, chosen, asked) if chosen else None
    people = [(names.get(name, name), cell) for name, cell in report.by_person.items()] if report else []
    return page(
        request,
        SatisfactionPage(
            portfolio=chosen,
            portfolios=portfolios,
            months=[add_months(month_start(today), -n) for n in range(MOST_MONTHS)],
            asked=asked,
            report=report,
            refused=refused_questions(session, chosen, asked) if chosen else 0,
            people=sorted(people),
            chart=_chart(report, asked) if report and report.total.answers else None,
            after=AFTER,
            channels=(Channel.EMAIL, Channel.SMS),
            channel_words=CHANNEL_LABELS,
            wanted=score if score in SCORES else "",
            fewest=FEWEST,
            columns=COLUMNS,
            rows=shown,
            next_cursor=encode_cursor(id_of(shown[-1])) if len(found) > PAGE else None,
            reason=reason_words,
            case_ref=case_reference,
        ),
        sight=sight_over(session, {row.customer_id for row in shown}, staff.role, staff.by),
    )


def _asked(first: str, last: str, after: str, channel: str, reason: str, today: date) -> Asked:
    end = _month(last, "last") or month_start(today)
    begin = _month(first, "first") or add_months(end, 1 - MONTHS)
    if begin > end:
        raise Invalid("The period ends before it begins.", "first")
    if (end.year - begin.year) * 12 + end.month - begin.month >= MOST_MONTHS:
        raise Invalid(f"Ask for at most {MOST_MONTHS} months at a time.", "first")
    return Asked(
        begin,
        end,
        AskedAfter(after) if after in set(AskedAfter) else None,
        Channel(channel) if channel in set(Channel) else None,
        reason,
    )


def _month(text: str, field: str) -> date | None:
    try:
        found = date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        raise Invalid("Give months like 2026-01.", field) from None
    if found is not None and not 1990 <= found.year <= 2199:
        raise Invalid("That month is out of range. Choose one from 1990 to 2199.", field)
    return found


def _chart(report: SatisfactionReport, asked: Asked) -> JsonObject:
    """The mean of each month between the ends of its interval; a month without an answer is a gap."""
    count = (asked.last.year - asked.first.year) * 12 + asked.last.month - asked.first.month + 1
    months = [f"{add_months(asked.first, n):%Y-%m}" for n in range(count)]
    cells = [report.by_month.get(month, Scores(0)) for month in months]
    lines: dict[str, Sequence[float | None]] = {
        "Mean score": [_rounded(cell.mean) for cell in cells],
        "Low end of the interval": [_rounded(cell.interval[0]) if cell.interval else None for cell in cells],
        "High end of the interval": [_rounded(cell.interval[1]) if cell.interval else None for cell in cells],
    }
    return chart_spec("line", months, "count", lines)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _csv_rows(rows: Sequence[Survey], sight: Sight) -> Iterator[Cells]:
    for row in rows:
        yield (
            row.id, row.asked_on, row.answered_on, case_reference(row.case_id), row.after.value, row.reason,
            row.channel.value, row.score, sight.cover(row.comment),
        )  # fmt: skip
