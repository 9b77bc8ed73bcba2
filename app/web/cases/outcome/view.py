"""The outcome bar of one case, from what its page has read."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request

from app.book.customers.rules import PointKind
from app.casework.cases.events import unanswered_of
from app.web.cases.gate_answers import point_words
from app.web.cases.outcome.bar import OutcomeBar, Situation, outcome_bar
from app.web.cases.reads import CASE_READS, CaseView
from app.web.forms import FormState
from app.web.timeline import PageReader


def bar_of(
    request: Request, view: CaseView, form: FormState, reader: PageReader, now: datetime
) -> OutcomeBar:
    """The chosen result is the one of a form that was sent, or of the address (`?result=`)."""
    file, found = view.file, view.found
    chosen = form.of("call").values.get("result") or request.query_params.get("result", "")
    due = file.case.callback_at is not None and file.case.callback_at <= now
    numbers = [
        (point.value, f"{point.value} ({point_words(point)})")
        for point in view.points
        if point.kind is PointKind.PHONE and not point.ended_at and not point.is_main
    ]
    situation = Situation(
        locale=reader.locale,
        today=file.book.today,
        attempts=len(unanswered_of((row.data, row.at) for row in found[CASE_READS.calls])),
        has_task=due or bool(found[CASE_READS.call_tasks]),
    )
    return outcome_bar(
        view.codes, chosen, situation, number="" if numbers else file.customer.mobile, numbers=numbers
    )
