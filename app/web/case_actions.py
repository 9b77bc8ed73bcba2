"""What an agent does on a case: every form of its page.

Each handler reads its form, calls the verbs in a savepoint, and either goes back to the page with a message or
shows the page again with the form as it was typed and the reason beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.cases import service
from app.cases.models import CaseHold
from app.cases.rules import CallResult, HoldKind
from app.compliance.holds import hold_customer, release_customer
from app.compliance.rules import Answer, Clearance, WaitUntil
from app.compliance.service import set_consent
from app.db import upsert
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.inbound.call_results import CONFIRMED_BY, CallEffects, CallReport, record_call
from app.legal.service import nominate
from app.outreach.occasions import acknowledge_hold, offer_in_writing
from app.outreach.service import confirm_plan
from app.plans.models import Plan
from app.plans.rules import Instalment, is_unusual_promise, may_let_off, schedule
from app.plans.service import (
    accept,
    cancel,
    offer_instalments,
    offer_settlement,
    owed_on_late_accounts,
    promise_to_pay,
)
from app.staff.models import SentForm
from app.staff.rules import Role, Staff
from app.timeline.queries import last_call
from app.timeline.rules import Channel
from app.web.case import CHANNELS, CaseId, File, FormState, assignable, case_page, open_file
from app.web.case_words import CHANNEL_WORDS, HOLD_WORDS, PLAN_WORDS, Teller
from app.web.deps import CaseReader, CaseWorker, Now, ReadSession, WriteSession, ports_of
from app.web.forms import Fields, Typed, Wrong, beside, sentence
from app.web.rendering import Tone, page, reader_locale, redirect
from app.web.worklist import staff_names

router = APIRouter(prefix="/cases")

FORM_KEPT = timedelta(days=1)
"""How long a form that was sent is known."""
ANOTHER_CALL = timedelta(minutes=10)
"""A colleague's call this short a time ago is pointed out before another is logged."""

Done = tuple[str, Tone]
"""What to say about an action that was taken."""


def attempt(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[File, Fields], Done | Wrong],
    *,
    now: datetime,
    tab: str = "timeline",
    names: Mapping[str, str] | None = None,
) -> Response:
    """Do it, all or nothing; or show the page again with what was typed. `names` maps a verb's name of a field
    to the form's. A Wrong that is returned, not raised, leaves on record what was done until then."""
    file = open_file(session, case_id, now, lock=True)
    asks = ""
    try:
        with session.begin_nested():
            if sent_before(session, staff, request.url.path, typed.once, now=now):
                said = "This was saved already; it was not done a second time."
                return redirect(request, f"{file.path}?tab={tab}#content", said, "info")
            done = act(file, Fields(typed, file.book, file.zone, reader_locale(request)))
    except Wrong as wrong:
        errors, status, asks = dict(wrong.errors), 422, wrong.asks
    except (Invalid, Conflict, Forbidden) as refused:
        errors, status = beside(refused, typed, names or {}), refused.status
    else:
        if not isinstance(done, Wrong):
            return redirect(request, f"{file.path}?tab={tab}#content", *done)
        errors, status = dict(done.errors), 409
    shown = FormState(form, typed.values(), errors, asks=asks)
    return case_page(request, session, staff, file, shown, now=now, status=status)


def sent_before(session: Session, staff: Staff, path: str, once: str, *, now: datetime) -> bool:
    """Whether this very form of this very page was sent and obeyed before; if not, it is from now on. A form that is
    refused leaves no trace, with the rest of its savepoint."""
    if not once:
        return False
    session.execute(sa.delete(SentForm).where(col(SentForm.created_at) <= now - FORM_KEPT))
    key = hashlib.sha256("\0".join((staff.username, path, once)).encode()).hexdigest()
    insert = upsert(session, SentForm).values(key=key, created_at=now).on_conflict_do_nothing()
    return session.execute(insert.returning(sa.literal_column("key"))).scalar() is None


# --- talking ------------------------------------------------------------------------------------------------


class CallForm(Typed):
    result: str = ""
    note: str = ""
    callback_at: str = ""
    amount: str = ""
    due_on: str = ""
    sure: str = ""


@router.post("/{case_id}/call")
def log_call(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[CallForm, Form()],
) -> Response:
    """The call, and what came of it, in one go: a hold, a number that rests, a time to call back, a promise."""

    def act(file: File, fields: Fields) -> Done:
        result = fields.choice("result", CallResult)
        callback_at = fields.moment("callback_at")
        promises = fields.has("amount") or fields.has("due_on")
        amount = fields.amount("amount")
        due_on = fields.day("due_on") if promises else None
        _ask_about_promise(request, file, fields, amount)
        _ask_about_colleague(request, session, file, fields, staff, now)
        fields.done()
        call = CallReport(result, typed.note, callback_at, amount, due_on)
        effects = record_call(
            session, file.portfolio, file.case, call, ports_of(request).stationery,
            by=staff.by, today=file.book.today, now=now,
        )  # fmt: skip
        return _call_words(request, file, call, effects, now)

    return attempt(request, session, staff, case_id, "call", typed, act, now=now)


def _ask_about_promise(request: Request, file: File, fields: Fields, amount: int) -> None:
    """A promise of far more than is past due is more often a slip of the finger than a promise."""
    owed = max(file.case.balance_minor, file.case.past_due_minor)
    if amount > owed or not is_unusual_promise(amount, file.to_ask):
        return  # more than is owed is refused, not asked about
    teller = _teller(request, file)
    times = f", {amount / file.to_ask:.1f} times as much" if file.to_ask else ""
    past_due = teller.money(file.to_ask)
    fields.confirm(
        f"amount:{amount}",
        f"{teller.money(amount)} is promised and {past_due} is past due{times}. Is that right?",
    )


def _ask_about_colleague(
    request: Request, session: Session, file: File, fields: Fields, staff: Staff, now: datetime
) -> None:
    last = last_call(session, file.case.customer_id)
    if last is None or last.by == staff.by or last.at < now - ANOTHER_CALL:
        return
    teller = _teller(request, file, zone=file.zone)
    teller = replace(teller, names=staff_names(session))
    fields.confirm(
        f"call:{last.id}",
        f"{teller.who(last.by)} logged a call at {teller.clock(last.at)}. Was yours another call?",
    )


def _call_words(request: Request, file: File, call: CallReport, effects: CallEffects, now: datetime) -> Done:
    """What was done because of the call, so that the agent can tell it to the customer."""
    teller = _teller(request, file, zone=file.zone)
    said = ["Call saved."]
    tone: Tone = "good"
    if effects.number_rests:
        said.append("The number rests on every channel until you confirm it under What stands.")
    if effects.hold is not None:
        until = teller.day(effects.hold.until)
        ends = f"do not contact; review by {until}" if effects.hold.for_good else f"until {until}"
        said.append(f"{HOLD_WORDS[effects.hold.kind.value]} hold placed: {ends}.")
        said.append(_in_writing(request, file, effects.in_writing, now))
    if call.callback_at is not None:
        said.append(f"The callback comes first on the worklist from {teller.instant(call.callback_at)}.")
    if effects.task_kept and effects.retry_at is not None:
        said.append(f"The call stays to be made: try again from {teller.instant(effects.retry_at)}.")
    elif effects.task_kept:
        said.append("The call stays to be made.")
    if effects.plan is not None:
        words, tone = _confirmed(request, file, effects.confirmations, now)
        due_on = teller.day(call.due_on)
        said.append(f"Promise of {teller.money(call.amount_minor)} by {due_on} is on record. {words}")
    return " ".join(filter(None, said)), tone


class NoteForm(Typed):
    text: str = ""


@router.post("/{case_id}/note")
def add_note(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[NoteForm, Form()],
) -> Response:
    def act(file: File, _fields: Fields) -> Done:
        service.add_note(session, file.case, typed.text, by=staff.by, now=now)
        return "The note is on record.", "good"

    return attempt(request, session, staff, case_id, "note", typed, act, now=now, names={"note": "text"})


class ReasonForm(Typed):
    reason: str = ""


@router.post("/{case_id}/callback/forget")
def forget_callback(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        reason = fields.reason()
        fields.done()
        service.set_callback(session, file.case, None, reason=reason, by=staff.by, now=now)
        return "The callback is cancelled.", "good"

    return attempt(request, session, staff, case_id, "forget-callback", typed, act, now=now)


# --- promises and plans -------------------------------------------------------------------------------------


class AmountForm(Typed):
    """So much, by that day."""

    amount: str = ""
    due_on: str = ""
    sure: str = ""


@router.post("/{case_id}/promise")
def record_promise(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AmountForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        amount, due_on = fields.amount("amount"), fields.day("due_on")
        _ask_about_promise(request, file, fields, amount)
        fields.done()
        return _promise(request, session, file, amount, due_on, staff, now)

    return attempt(request, session, staff, case_id, "promise", typed, act, now=now)


def _promise(
    request: Request, session: Session, file: File, amount: int, due_on: date, staff: Staff, now: datetime
) -> Done:
    plan = promise_to_pay(session, file.case, amount, due_on, by=staff.by, today=file.book.today, now=now)
    teller = _teller(request, file)
    words, tone = _confirm(request, session, file, plan, staff, now)
    return f"Promise of {teller.money(amount)} by {teller.day(due_on)} is on record. {words}", tone


def _confirm(
    request: Request, session: Session, file: File, plan: Plan, staff: Staff, now: datetime
) -> tuple[str, Tone]:
    """Queue the written confirmation, and say for each channel what the gate answered."""
    answers = confirm_plan(
        session,
        file.portfolio,
        plan,
        ports_of(request).stationery,
        channels=CONFIRMED_BY,
        on=file.book.today,
        by=staff.by,
        now=now,
    )
    return _confirmed(request, file, answers, now)


def _confirmed(request: Request, file: File, answers: Sequence[Answer], now: datetime) -> tuple[str, Tone]:
    teller = _teller(request, file, zone=file.zone)
    said = [_answer_words(c, a, teller, now) for c, a in zip(CONFIRMED_BY, answers, strict=True)]
    queued = any(isinstance(answer, Clearance) for answer in answers)
    return "Confirmation: " + "; ".join(said) + ".", "good" if queued else "warn"


def _in_writing(request: Request, file: File, answer: Answer | None, now: datetime) -> str:
    """What came of the letter that belongs to an action; '' = there is none."""
    if answer is None:
        return ""
    words = _answer_words(Channel.EMAIL if file.customer.email else Channel.POST, answer,
                          _teller(request, file, zone=file.zone), now)  # fmt: skip
    return f"In writing: {words}."


def _answer_words(channel: Channel, answer: Answer, teller: Teller, now: datetime) -> str:
    how = CHANNEL_WORDS[channel]
    if isinstance(answer, Clearance):
        later = f", leaves {teller.instant(answer.not_before)}" if answer.not_before > now else ""
        return f"{how} queued{later}"
    if isinstance(answer, WaitUntil):
        return f"{how} waits until {teller.instant(answer.at)}, " + " and ".join(
            reason.detail for reason in answer.reasons[:2]
        )
    return f"no {how}, " + " and ".join(reason.detail for reason in answer.reasons[:2])


def _teller(request: Request, file: File, zone: str = "") -> Teller:
    return Teller(reader_locale(request), file.book.currency, zone or file.portfolio.timezone)


class PlanForm(Typed):
    total: str = ""
    down_payment: str = ""
    months: str = ""
    first_due_on: str = ""


PLAN_FIELDS = {"amount": "total", "due_on": "first_due_on"}


@router.post("/{case_id}/plans")
def offer_plan(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PlanForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        total, down, months, first = _plan_figures(fields, file)
        fields.done()
        try:
            plan = offer_instalments(
                session, file.case, total, down, months, first,
                may_exceed_limits=staff.role is Role.MANAGER, by=staff.by, today=file.book.today, now=now,
            )  # fmt: skip
        except Forbidden as refused:
            raise Wrong({"months": sentence(refused.message)}) from None
        answer = offer_in_writing(
            session, file.portfolio, plan, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        money = _teller(request, file).money(plan.total_minor)
        said = f"A repayment plan of {money} is offered. Accept it here once the customer agrees."
        return f"{said} {_in_writing(request, file, answer, now)}", "good"

    return attempt(
        request, session, staff, case_id, "plan", typed, act, now=now, tab="plans", names=PLAN_FIELDS
    )


def _plan_figures(fields: Fields, file: File) -> tuple[int, int, int, date]:
    """Total, down payment, months, first due date; an empty total means all that may be asked for."""
    total = fields.amount("total", default=file.to_ask)
    months = fields.whole("months")
    if "months" not in fields.errors and not 1 <= months <= 60:
        fields.errors["months"] = "A plan has 1 to 60 instalments."
    return total, fields.amount("down_payment"), months, fields.day("first_due_on")


class PreviewForm(PlanForm):
    fragment: str = ""
    """`1` from a script that wants the table alone."""


@router.post("/{case_id}/plans/preview")
def preview_plan(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    typed: Annotated[PreviewForm, Form()],
) -> Response:
    """The schedule such a plan would have; nothing is offered."""
    file = open_file(session, case_id, now)
    fields = Fields(typed, file.book, file.zone, reader_locale(request))
    total, down, months, first = _plan_figures(fields, file)
    parts: Sequence[Instalment] = ()
    if not fields.errors:
        try:
            parts = schedule(total, down, months, first)
        except ValueError as error:
            fields.errors["total"] = sentence(str(error))
    if not fields.errors and first < file.book.today:
        fields.errors["first_due_on"] = "The first payment cannot be due in the past."
    form = FormState("plan", typed.values(), fields.errors, parts)
    if typed.fragment:
        context: dict[str, Any] = {"parts": parts, "errors": fields.errors, "currency": file.book.currency}
        return page(request, "case/_schedule.html", **context)
    return case_page(request, session, staff, file, form, now=now, status=422 if fields.errors else 200)


@router.post("/{case_id}/settlements")
def offer_to_settle(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AmountForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        amount, due_on = fields.amount("amount"), fields.day("due_on")
        _ask_about_discount(request, session, file, fields, staff, amount)
        fields.done()
        try:
            plan = offer_settlement(
                session, file.case, amount, due_on,
                may_exceed_limits=staff.role is Role.MANAGER, by=staff.by, today=file.book.today, now=now,
            )  # fmt: skip
        except Forbidden as refused:
            raise Wrong({"amount": sentence(refused.message)}) from None
        answer = offer_in_writing(
            session, file.portfolio, plan, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        teller = _teller(request, file)
        said = (
            f"Settling for {teller.money(amount)} by {teller.day(due_on)} is offered; paying it accepts it."
        )
        return f"{said} {_in_writing(request, file, answer, now)}", "good"

    return attempt(request, session, staff, case_id, "settlement", typed, act, now=now, tab="plans")


def _ask_about_discount(
    request: Request, session: Session, file: File, fields: Fields, staff: Staff, amount: int
) -> None:
    """Nobody lets a debt off without having seen how much of it that is."""
    owed = owed_on_late_accounts(session, file.case)
    within = may_let_off(owed, amount, file.portfolio.agent_max_discount_percent)
    if not 0 < amount < owed or not (within or staff.role is Role.MANAGER):
        return  # it is refused
    teller = _teller(request, file)
    let_off = owed - amount
    fields.confirm(
        f"settle:{owed}:{amount}",
        f"They owe {teller.money(owed)} and pay {teller.money(amount)}: {teller.money(let_off)}, "
        f"{100 * let_off / owed:.1f} %, is let off. {teller.money(file.to_ask)} is past due. Is that right?",
    )


@router.post("/{case_id}/plans/{plan_id}/accept")
def accept_plan(
    request: Request,
    case_id: CaseId,
    plan_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[Typed, Form()],
) -> Response:
    def act(file: File, _fields: Fields) -> Done:
        plan = _plan(session, file, plan_id)
        accept(session, plan, by=staff.by, today=file.book.today, now=now)
        words, tone = _confirm(request, session, file, plan, staff, now)
        return f"{PLAN_WORDS[plan.kind.value]} accepted. {words}", tone

    form = f"accept-{plan_id}"
    return attempt(request, session, staff, case_id, form, typed, act, now=now, tab="plans")


@router.post("/{case_id}/plans/{plan_id}/cancel")
def cancel_plan(
    request: Request,
    case_id: CaseId,
    plan_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        reason = fields.reason()
        fields.done()
        plan = _plan(session, file, plan_id)
        cancel(session, plan, reason, by=staff.by, today=file.book.today, now=now)
        return f"{PLAN_WORDS[plan.kind.value]} cancelled.", "good"

    form = f"cancel-{plan_id}"
    return attempt(request, session, staff, case_id, form, typed, act, now=now, tab="plans")


def _plan(session: Session, file: File, plan_id: int) -> Plan:
    plan = session.get(Plan, plan_id, with_for_update=True)
    if plan is None or plan.case_id != file.case.id:
        raise NotFound("this case has no such plan")
    return plan


# --- holds and permissions ----------------------------------------------------------------------------------


class HoldForm(Typed):
    kind: str = ""
    reason: str = ""
    until: str = ""


@router.post("/{case_id}/holds")
def place_hold(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[HoldForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        kind, until = fields.choice("kind", HoldKind), fields.day("until")
        fields.done()
        hold = hold_customer(
            session, file.case, kind, typed.reason, until, by=staff.by, today=file.book.today, now=now
        )
        answer = acknowledge_hold(
            session, file.portfolio, hold, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        day = _teller(request, file).day(until)
        said = f"Do not contact; review by {day}." if hold.for_good else f"On hold until {day}."
        return f"{said} {_in_writing(request, file, answer, now)}".strip(), "good"

    return attempt(request, session, staff, case_id, "hold", typed, act, now=now)


@router.post("/{case_id}/holds/{hold_id}/end")
def end_hold(
    request: Request,
    case_id: CaseId,
    hold_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        reason = fields.reason()
        fields.done()
        hold = _hold(session, file, hold_id)
        release_customer(session, hold, by=staff.by, today=file.book.today, now=now, reason=reason)
        return "The hold has ended; the strategy looks at the case again tonight.", "good"

    return attempt(request, session, staff, case_id, f"end-hold-{hold_id}", typed, act, now=now)


class ReviewForm(ReasonForm):
    until: str = ""


@router.post("/{case_id}/holds/{hold_id}/review")
def review_hold(
    request: Request,
    case_id: CaseId,
    hold_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReviewForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        reason, until = fields.reason(), fields.day("until")
        fields.done()
        hold = _hold(session, file, hold_id)
        service.review_hold(session, hold, reason, until, by=staff.by, today=file.book.today, now=now)
        return f"The hold stays; review again by {_teller(request, file).day(until)}.", "good"

    return attempt(request, session, staff, case_id, f"review-{hold_id}", typed, act, now=now)


def _hold(session: Session, file: File, hold_id: int) -> CaseHold:
    hold = session.get(CaseHold, hold_id, with_for_update=True)
    if hold is None or hold.customer_id != file.case.customer_id:
        raise NotFound("this customer has no such hold")
    return hold


class ConsentForm(Typed):
    channel: str = ""
    allowed: str = ""
    source: str = ""


@router.post("/{case_id}/consent")
def change_consent(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ConsentForm, Form()],
) -> Response:
    def act(file: File, fields: Fields) -> Done:
        channel = fields.choice("channel", Channel)
        if typed.allowed not in ("yes", "no"):
            fields.errors["allowed"] = "Choose one."
        if not fields.has("source"):
            fields.errors["source"] = "Say how the customer let us know."
        fields.done()
        allowed = typed.allowed == "yes"
        set_consent(
            session, file.customer, channel,
            allowed=allowed, source=typed.source, case_id=file.case.id, by=staff.by, now=now,
        )  # fmt: skip
        return f"{CHANNELS[channel]}: {'allowed' if allowed else 'not to be used any more'}.", "good"

    return attempt(request, session, staff, case_id, "consent", typed, act, now=now)


# --- whose case it is ---------------------------------------------------------------------------------------


class AssignForm(Typed):
    owner: str = ""


@router.post("/{case_id}/assign")
def assign(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AssignForm, Form()],
) -> Response:
    """An agent takes a case; a manager gives it to anybody, or to nobody."""

    def act(file: File, _fields: Fields) -> Done:
        if staff.role is not Role.MANAGER and typed.owner != staff.username:
            raise Forbidden("you can take a case yourself; giving it to somebody else is up to a manager")
        names = assignable(session)
        if typed.owner and typed.owner not in names:
            raise Invalid("nobody active has this name", "owner")
        service.assign(session, file.case, typed.owner, by=staff.by, now=now)
        return f"This case is now with {names.get(typed.owner, 'nobody')}.", "good"

    return attempt(request, session, staff, case_id, "assign", typed, act, now=now)


class NominateForm(Typed):
    reason: str = ""


@router.post("/{case_id}/nominate")
def nominate_for_legal(
    request: Request,
    case_id: CaseId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[NominateForm, Form()],
) -> Response:
    def act(file: File, _fields: Fields) -> Done:
        nominate(session, file.case, typed.reason, by=staff.by, now=now)
        return "Nominated for the legal team; somebody else has to approve it.", "good"

    return attempt(request, session, staff, case_id, "nominate", typed, act, now=now)


# --- the address of a form ------------------------------------------------------------------------------------

FORMS = {
    "call": "call", "note": "note", "promise": "promise", "plans": "plan", "plans/preview": "plan",
    "settlements": "settlement", "letter": "letter", "answer": "answer", "answer/preview": "answer", "holds": "hold",
    "consent": "consent", "preferences": "preference", "assign": "assign", "nominate": "nominate",
    "callback/forget": "forget-callback",
}  # fmt: skip
"""The end of a form's address, and the form. A refused form is shown at its own address: there it is found again after
a reload, or by the address bar."""
ROW_FORMS = {
    "holds/{row_id}/end": "end-hold", "holds/{row_id}/review": "review", "plans/{row_id}/accept": "accept",
    "plans/{row_id}/cancel": "cancel", "preferences/{row_id}/end": "end-told",
    "messages/{row_id}/cancel": "cancel-message",
}  # fmt: skip
"""The same for those about one row."""


def show_form(request: Request, case_id: CaseId, _staff: CaseReader) -> Response:
    form = FORMS[request.url.path.removeprefix(f"/cases/{case_id}/")]
    return RedirectResponse(f"/cases/{case_id}?do={form}#do-{form}", status_code=303)


def show_row_form(request: Request, case_id: CaseId, row_id: CaseId, _staff: CaseReader) -> Response:
    path = request.url.path.removeprefix(f"/cases/{case_id}/").replace(f"/{row_id}/", "/{row_id}/")
    form = f"{ROW_FORMS[path]}-{row_id}"
    return RedirectResponse(f"/cases/{case_id}?do={form}#do-{form}", status_code=303)


for each in FORMS:
    router.add_api_route(f"/{{case_id}}/{each}", show_form, methods=["GET"])
for each in ROW_FORMS:
    router.add_api_route(f"/{{case_id}}/{each}", show_row_form, methods=["GET"])
