"""What an agent does on a case: every form of its page.

Each handler reads its form, calls the verbs in a savepoint, and either goes back to the page with a message or
shows the page again with the form as it was typed and the reason beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import Response

from app.actions.calls import CONFIRMED_BY
from app.actions.holds import hold_customer, release_customer
from app.casework.cases import service
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds
from app.casework.holds.service import keep_hold
from app.casework.plans.models import Plan
from app.casework.plans.rules import FIRST_WITHIN, Instalment, is_unusual_promise, may_let_off, schedule
from app.casework.plans.service import (
    accept,
    cancel,
    offer_instalments,
    offer_settlement,
    owed_on_late_accounts,
    promise_to_pay,
)
from app.core.bulk import upsert
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.staff.models import SentForm
from app.core.staff.rules import Role, Staff
from app.core.vocabulary import Channel, HoldKind
from app.http.deps import CaseWorker, Now, ReadSession, WriteSession, ports_of
from app.legal.referrals.service import nominate
from app.outreach.gate.service import set_consent
from app.outreach.planning.event_letters import acknowledge_hold, offer_in_writing
from app.outreach.planning.service import confirm_plan
from app.policy.rules import Answer, Clearance, Refusals, WaitUntil
from app.web.cases.case import (
    CHANNELS,
    CaseId,
    File,
    FormState,
    assignable,
    case_page,
    open_file,
    weightiest_first,
)
from app.web.forms import Fields, Typed, Wrong, beside, sentence
from app.web.rendering import Tone, page, reader_locale, redirect
from app.web.wording import CHANNEL_WORDS, PLAN_WORDS, Teller

router = APIRouter(prefix="/cases")

FORM_KEPT = timedelta(days=1)
"""How long a form that was sent is known."""

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
        ask_about_promise(request, file, fields, amount)
        fields.done()
        return _promise(request, session, file, amount, due_on, staff, now)

    return attempt(request, session, staff, case_id, "promise", typed, act, now=now)


def ask_about_promise(request: Request, file: File, fields: Fields, amount: int) -> None:
    """A promise of far more than is past due is more often a slip of the finger than a promise."""
    if not file.to_ask or amount > file.owes.debt or not is_unusual_promise(amount, file.to_ask):
        return  # a promise where nothing is past due, or of more than is owed, is refused, not asked about
    teller = teller_of(request, file)
    times = f", {amount / file.to_ask:.1f} times as much"
    past_due = teller.money(file.to_ask)
    fields.confirm(
        f"amount:{amount}",
        f"{teller.money(amount)} is promised and {past_due} is past due{times}. Is that right?",
    )


def _promise(
    request: Request, session: Session, file: File, amount: int, due_on: date, staff: Staff, now: datetime
) -> Done:
    plan = promise_to_pay(session, file.case, amount, due_on, by=staff.by, today=file.book.today, now=now)
    teller = teller_of(request, file)
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
    return confirmation_words(request, file, answers, now)


def confirmation_words(
    request: Request, file: File, answers: Sequence[Answer], now: datetime
) -> tuple[str, Tone]:
    teller = teller_of(request, file, zone=file.zone)
    said = [answer_words(c, a, teller, now) for c, a in zip(CONFIRMED_BY, answers, strict=True)]
    queued = any(isinstance(answer, Clearance) for answer in answers)
    return "Confirmation: " + "; ".join(said) + ".", "good" if queued else "warn"


def in_writing_words(request: Request, file: File, answer: Answer | None, now: datetime) -> str:
    """What came of the letter that belongs to an action; '' = there is none."""
    if answer is None:
        return ""
    words = answer_words(Channel.EMAIL if file.customer.email else Channel.POST, answer,
                          teller_of(request, file, zone=file.zone), now)  # fmt: skip
    return f"In writing: {words}."


def answer_words(
    channel: Channel, answer: Answer, teller: Teller, now: datetime, *, kept: bool = True
) -> str:
    """`kept`: whether what has to wait is sent by itself once it may be."""
    how = CHANNEL_WORDS[channel]
    if isinstance(answer, Clearance):
        later = f", leaves {teller.instant(answer.not_before)}" if answer.not_before > now else ""
        return f"{how} queued{later}"
    if isinstance(answer, WaitUntil) and not kept:
        why = _reasons(answer, teller)
        return f"{how} not sent, {why}; send it from {teller.instant(answer.at)} on"
    if isinstance(answer, WaitUntil):
        return f"{how} waits until {teller.instant(answer.at)}, {_reasons(answer, teller)}"
    return f"no {how}, {_reasons(answer, teller)}"


def _reasons(answer: Refusals | WaitUntil, teller: Teller) -> str:
    """The first two, those that no date ends before the others."""
    return " and ".join(teller.plain(reason.detail) for reason in weightiest_first(answer.reasons)[:2])


def teller_of(request: Request, file: File, zone: str = "") -> Teller:
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
        money = teller_of(request, file).money(plan.total_minor)
        said = f"A repayment plan of {money} is offered. Accept it here once the customer agrees."
        return f"{said} {in_writing_words(request, file, answer, now)}", "good"

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
    if not fields.errors and first > file.book.today + timedelta(days=FIRST_WITHIN):
        fields.errors["first_due_on"] = f"The first payment is due within {FIRST_WITHIN} days."
    if not fields.errors and total > file.owes.debt:
        fields.errors["total"] = "This is more than the customer owes."
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
        teller = teller_of(request, file)
        said = (
            f"Settling for {teller.money(amount)} by {teller.day(due_on)} is offered; paying it accepts it."
        )
        return f"{said} {in_writing_words(request, file, answer, now)}", "good"

    return attempt(request, session, staff, case_id, "settlement", typed, act, now=now, tab="plans")


def _ask_about_discount(
    request: Request, session: Session, file: File, fields: Fields, staff: Staff, amount: int
) -> None:
    """Nobody lets a debt off without having seen how much of it that is."""
    owed = owed_on_late_accounts(session, file.case, file.book.today)
    within = may_let_off(owed, amount, file.portfolio.agent_max_discount_percent)
    if not 0 < amount < owed or not (within or staff.role is Role.MANAGER):
        return  # it is refused
    teller = teller_of(request, file)
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
        _refuse_second(request, session, file, kind)
        hold = hold_customer(
            session, file.case, kind, typed.reason, until, by=staff.by, today=file.book.today, now=now
        )
        answer = acknowledge_hold(
            session, file.portfolio, hold, ports_of(request).stationery,
            on=file.book.today, by=staff.by, now=now,
        )  # fmt: skip
        day = teller_of(request, file).day(until)
        said = f"Do not contact; review by {day}." if hold.for_good else f"On hold until {day}."
        return f"{said} {in_writing_words(request, file, answer, now)}".strip(), "good"

    return attempt(request, session, staff, case_id, "hold", typed, act, now=now)


def _refuse_second(request: Request, session: Session, file: File, kind: HoldKind) -> None:
    """Two of a kind would have to be ended twice before the customer hears from us again."""
    who = file.case.customer_id
    same = next((hold for hold in open_holds(session, [who]).get(who, []) if hold.kind is kind), None)
    if same is not None:
        day = teller_of(request, file).day(same.until)
        when = f"to be reviewed by {day}" if same.for_good else f"until {day}"
        raise Conflict(f"A hold of this kind stands already, {when}. Add a note, or end that one first.")


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
        keep_hold(session, hold, reason, until, by=staff.by, today=file.book.today, now=now)
        return f"The hold stays; review again by {teller_of(request, file).day(until)}.", "good"

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
