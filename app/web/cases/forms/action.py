"""Send a form of a case's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.casework.presence.service import end_call
from app.core.staff.rules import Staff
from app.core.text import isolated
from app.http.formats import reader_locale
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.case_page import case_page
from app.web.cases.presence import ask_about_callers
from app.web.form_action import Flash, FormAction, MakeResponse
from app.web.forms import Fields, FormState, Typed, Wrong
from app.web.rendering import redirect
from app.web.timeline import PageReader


@dataclass(frozen=True, slots=True)
class Place:
    """A page beside the case's that has forms of its own."""

    show: Callable[[CaseFile, FormState, int], Response]
    """The page with the form open, and the status of the response."""
    back: Callable[[], str]
    """Where it goes once the form was obeyed; asked after that."""
    keeps_drafts: bool = True
    """What was typed into a form that is not obeyed is kept for its author; not where it may name an illness or an
    address that nobody may find."""


SENT: Flash = ("Sent to a manager. The answer comes back to you as a task.", "good")

ON_FIGURES = frozenset({"promise", "plan", "settlement"})
"""Forms whose amounts are those of the debt when they were opened: sent on other figures they are looked at again."""


def _changed(request: Request, file: CaseFile) -> str:
    reader = PageReader(reader_locale(request), file.book.currency, file.portfolio.timezone)
    past_due, balance = reader.money(file.owes.past_due), reader.money(file.owes.balance)
    return (
        f"The figures changed since this form was opened: {past_due} is past due now, the balance is {balance}. "
        "Check the amounts, then send it again."
    )


def submit(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Flash | Wrong],
    *,
    now: datetime,
    tab: str = "timeline",
    names: Mapping[str, str] | None = None,
    onward: str = "",
    place: Place | None = None,
) -> Response:
    """Do what the form asks, all or nothing; or show the page again with what was typed. A Wrong that `act` returns
    instead of raising leaves on record what was done until then. `onward`: the page that follows, of another customer.
    `place`: the page of the form, where it is not the case's own."""
    file = open_case_file(session, case_id, now, lock=True)

    def show(state: FormState, status: int) -> Response:
        if place:
            return place.show(file, state, status)
        return case_page(request, session, staff, file, state, now=now, status=status)

    plain = PageReader(reader_locale(request), file.book.currency, file.portfolio.timezone).plain
    subject = str(case_id) if place is None or place.keeps_drafts else ""
    action = FormAction(
        request, session, staff, form, typed, show, now, names or {}, subject=subject, plain=plain
    )

    def do(_savepoint: SessionTransaction) -> MakeResponse:
        back = onward or (place.back() if place else f"{file.path}?tab={tab}#content")
        if action.was_sent_before():
            said: Flash = ("This was saved already; it was not done a second time.", "info")
            return lambda: redirect(request, back, *said)
        if form in ON_FIGURES and typed.seen and typed.seen != file.figures_mark:
            raise Wrong({"": _changed(request, file)})
        fields = Fields(typed, file.book, file.zone, reader_locale(request))
        if form == "call":
            ask_about_callers(request, session, file, fields, staff, now)
        done = act(file, fields)
        if isinstance(done, Wrong):
            return lambda: action.refuse(done, 409)
        back = place.back() if place else back
        if form == "call":
            end_call(session, case_id, staff.username)
        words, tone = done
        if onward:  # the page that follows is another customer's
            words = f"{isolated(file.customer.full_name)}, {file.case.reference}: {words}"
        return lambda: redirect(request, back, words or None, tone)

    return action.run(do)
