"""The agreement on the cardholder's page, after their identity check: the next payment, its
reference, what came; one date may be moved, and the payday told. Nothing here grants more than the agreement does."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.people.household import record_answer
from app.actions.people.page_check import PageCheck, PageQuestion, check_reader, questions_for
from app.actions.plans.instalments import move_instalment
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import cases_of
from app.casework.cases.rules import CaseStatus
from app.casework.negotiation.household.queries import newest_answer
from app.casework.negotiation.household.service import Answer
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import REGULAR, Cadence, InstalmentChange
from app.casework.plans.terms import Payday
from app.casework.plans.tracking.changes import moved_in_month
from app.casework.plans.tracking.payments import progress_of
from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState, PlanProgress
from app.casework.plans.tracking.references import in_groups, reference_of
from app.core.actor import CUSTOMER
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.http import security
from app.http.context import Now, ports_of, settings_of
from app.http.formats import format_money
from app.http.rendering import render
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.outreach.agreements.payment_code import payment_code
from app.outreach.planning.letterhead import Letterhead
from app.portal.limits import changes_too_often
from app.portal.link import BY_TOKEN, MAX_BODY, Fields, holder_of
from app.portal.moving import MoveRange, move_range
from app.portal.page import Holder, catalogue, language_of, quietly

router = Router(prefix="/u")
WORDS = Path(__file__).with_name("agreement.toml")
COOKIE, PURPOSE = "desk_reader", "reader"
KNOWN_FOR = 30 * 60
"""Seconds for which a reader who answered is known."""
STATES: Mapping[InstalmentState, str] = {
    InstalmentState.PAID: "is_paid",
    InstalmentState.NEARLY_PAID: "is_paid",
    InstalmentState.COVERED: "is_paid",
    InstalmentState.TO_COME: "is_open",
    InstalmentState.IN_GRACE: "is_late",
    InstalmentState.MISSED: "is_missed",
    InstalmentState.SKIPPED: "is_skipped",
}
PAID_EVERY = tuple(reversed(REGULAR))
DONE = ("wrong", "locked", "saved", "moved", "wrong_day", "wrong_payday")
"""The messages that the page may show after a form."""


@lru_cache
def agreement_words() -> Mapping[str, Mapping[str, str]]:
    """Language -> key -> words."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class OwnPlan:
    """A running agreement as its customer sees it."""

    plan: Plan
    portfolio: Portfolio
    progress: PlanProgress
    next: InstalmentProgress | None
    movable: MoveRange | None
    reference: str = ""
    """What the next payment is marked with."""
    has_code: bool = False
    """The printed agreement has its payment code."""
    missed: InstalmentProgress | None = None
    """A payment that was not complete when its grace days ended: the agreement ends with the day unless a person helps,
    so nothing is moved here."""


@router.get("/{token}/agreement", dependencies=BY_TOKEN)
def show_agreement(request: Request, token: str, session: ReadSession, now: Now, done: str = "") -> Response:
    holder = holder_of(request, session, token, now)
    done = done if done in DONE else ""
    if holder.replaced:
        return quietly(RedirectResponse(f"/u/{token}", status_code=303))
    if not _is_known(request, holder, now):
        return _ask(request, holder, done)
    return _agreement(request, session, holder, done, now)


@router.post("/{token}/agreement/check", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def check(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    holder = holder_of(request, session, token, now, lock=True)
    if holder.replaced:
        return _back(holder)
    answers = {question: str(fields.get(question.value) or "") for question in PageQuestion}
    verdict = check_reader(session, holder.customer, answers, now=now)
    if verdict is not PageCheck.KNOWN:
        return _back(holder, verdict.value)
    response, settings = _back(holder), settings_of(request)
    known = {"c": holder.customer.id, "n": holder.customer.link_number, "u": int(now.timestamp()) + KNOWN_FOR}
    security.set_cookie(
        response, settings, COOKIE, security.sign(settings, PURPOSE, known), max_age=KNOWN_FOR
    )
    return response


@router.post("/{token}/agreement/move", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def move(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Move the next payment, once, as far as the portfolio lets a date be moved."""
    holder = holder_of(request, session, token, now, lock=True)
    if holder.replaced or not _is_known(request, holder, now):
        return _back(holder)
    own, to_on = _own_plan(session, holder, now), _day(fields.get("due_on"))
    if own is None or own.next is None or own.movable is None:
        return _back(holder)
    if to_on is None or not own.movable.first <= to_on <= own.movable.last or to_on == own.next.due_on:
        return _back(holder, "wrong_day")
    try:
        with session.begin_nested():
            reason = "Moved on the cardholder's page."
            letters = ports_of(request).catalog
            move_instalment(session, own.plan, own.next.n, to_on, letters, reason, by=CUSTOMER, now=now)
    except (Invalid, Conflict):
        return _back(holder, "wrong_day")
    return _back(holder, "moved")


@router.post("/{token}/agreement/payday", dependencies=BY_TOKEN, max_body_size=MAX_BODY)
def tell_payday(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Record when the customer is paid; what they said before of the amount stays."""
    holder = holder_of(request, session, token, now, lock=True)
    case = _case_of(session, holder)
    if holder.replaced or case is None or not _is_known(request, holder, now):
        return _back(holder)
    often, day = str(fields.get("often")), _day(fields.get("payday"))
    if day is None or often not in PAID_EVERY:
        return _back(holder, "wrong_payday")
    if changes_too_often(session, holder.customer, now=now):
        return _back(holder, "locked")
    before = newest_answer(session, id_of(holder.customer))
    said = Answer(
        before.monthly_minor if before else None,
        before.once_minor if before else 0,
        Payday(day, Cadence(often)),
    )
    try:
        with session.begin_nested():
            record_answer(session, case, said, by=CUSTOMER, now=now)
    except Invalid:
        return _back(holder, "wrong_payday")
    return _back(holder, "saved")


def _ask(request: Request, holder: Holder, done: str) -> Response:
    """The questions, without a word of what is behind them."""
    words = agreement_words()[language_of(holder.customer)]
    shown = render(
        request, "agreement_check.html", 200,
        words=words, common=_common(holder), at=f"/u/{holder.token}", done=done, tag=_tag(holder),
        questions=[question.value for question in questions_for(holder.customer)],
    )  # fmt: skip
    return quietly(shown)


def _agreement(request: Request, session: Session, holder: Holder, done: str, now: datetime) -> Response:
    words = agreement_words()[language_of(holder.customer)]
    own = _own_plan(session, holder, now)
    locale = Locale.parse(_tag(holder), sep="-")

    def day(on: date) -> str:
        return str(format_date(on, "long", locale))

    def money(minor: int) -> str:
        return format_money(minor, own.portfolio.currency, locale) if own else ""

    told: dict[str, str] = {}
    if own:
        told = {"paid": money(own.progress.paid), "total": money(own.progress.total)}
    if own and own.next:
        until = own.next.grace_until if own.next.state is InstalmentState.IN_GRACE else own.next.due_on
        told |= {"amount": money(own.next.short), "day": day(until)}
    if own and own.plan.review_on and own.plan.review_on >= own.progress.on:
        told["review"] = day(own.plan.review_on)
    if own and own.missed:
        told |= {"open": money(own.missed.short), "open_day": day(own.missed.due_on)}
    if own and own.movable:
        told |= {"first": day(own.movable.first), "last": day(own.movable.last)}
    shown = render(
        request, "agreement.html", 200,
        words=words, told=told, common=_common(holder), at=f"/u/{holder.token}", done=done, tag=_tag(holder),
        own=own, relief="rest" if own and own.plan.is_token else "larger",
        day=day, amount=money, states=STATES, cadences=[each.value for each in PAID_EVERY],
        has_case=_case_of(session, holder) is not None,
    )  # fmt: skip
    return quietly(shown)


def _own_plan(session: Session, holder: Holder, now: datetime) -> OwnPlan | None:
    """The customer's running agreement."""
    case = _case_of(session, holder)
    plan = live_plan(session, id_of(case)) if case else None
    if plan is None:
        return None
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    today = local_date(now, portfolio.timezone)
    progress = progress_of(session, plan, today)
    part = progress.next
    missed = next((each for each in progress.instalments if each.state is InstalmentState.MISSED), None)
    if part is None:
        return OwnPlan(plan, portfolio, progress, None, None, missed=missed)
    left = portfolio.moves_a_month - moved_in_month(session, plan, today, portfolio.timezone)
    if missed or _has_moved(session, plan) or (case and case.with_legal_since):
        left = 0
    movable = move_range(progress, part, days=portfolio.move_days, moves_left=left)
    reference = reference_of(id_of(plan), part.n)
    code = payment_code(Letterhead.of(portfolio).payee, part.amount, portfolio.currency, reference)
    return OwnPlan(plan, portfolio, progress, part, movable, in_groups(reference), bool(code), missed)


def _has_moved(session: Session, plan: Plan) -> bool:
    """The customer moved a date of this agreement by themselves before."""
    query = select(PlanChange.id).where(
        PlanChange.plan_id == plan.id,
        col(PlanChange.change) == InstalmentChange.MOVED,
        PlanChange.by == CUSTOMER,
    )
    return session.scalar(query.limit(1)) is not None


def _case_of(session: Session, holder: Holder) -> CollectionsCase | None:
    open_cases = [
        case for case in cases_of(session, id_of(holder.customer)) if case.status is CaseStatus.OPEN
    ]
    return open_cases[0] if open_cases else None


def _is_known(request: Request, holder: Holder, now: datetime) -> bool:
    settings = settings_of(request)
    shown = request.cookies.get(security.cookie_name(settings, COOKIE))
    known = security.unsign(settings, PURPOSE, shown) if shown else None
    return known is not None and (
        known["c"] == holder.customer.id
        and known["n"] == holder.customer.link_number
        and known["u"] > now.timestamp()
    )


def _common(holder: Holder) -> Mapping[str, str]:
    return catalogue()[language_of(holder.customer)]


def _tag(holder: Holder) -> str:
    return _common(holder)["tag"]


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text or ""))
    except ValueError:
        return None


def _back(holder: Holder, done: str = "") -> Response:
    end = f"?done={done}" if done else ""
    return quietly(RedirectResponse(f"/u/{holder.token}/agreement{end}", status_code=303))
