"""Log a call, letter, e-mail or visit with its effects: the same by page and by API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session

from app.actions.agreements import promise
from app.actions.hand_overs.conduct import record_conduct
from app.actions.results.checks import check_callback, require_fitting
from app.actions.results.claims import SaidPayment, claim_payment
from app.actions.results.doubts import Unsure, doubts_about
from app.actions.results.report import CallEffects, CallReport
from app.actions.results.retries import try_again
from app.actions.results.stops import (
    ask_manager,
    hold_from_call,
    need_from_call,
    opt_out,
    rest_number,
    without_refused_details,
)
from app.book.customers.people import read_telephone
from app.book.customers.queries import phones_of
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import record_call, record_contact, set_callback
from app.casework.contacts.rules import DeskStep
from app.casework.hand_overs.rules import ConductStep
from app.casework.questions.rules import SOURCE_OF
from app.casework.questions.service import ask_about
from app.casework.recognition.cues import Subject
from app.casework.results.effects import (
    AskManager,
    ConductEnded,
    NumberBad,
    OptOut,
    PaymentClaimed,
    PlaceHold,
    Task,
)
from app.casework.results.queries import result_named
from app.casework.results.rules import CallField, Direction, ResultCode
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.money import with_code
from app.core.vocabulary import HoldKind
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.tasks import add_task

__all__ = ["CallEffects", "CallReport", "check_callback", "log_call"]


def log_call(
    session: Session,
    case: CollectionsCase,
    call: CallReport,
    letters: LetterCatalog,
    *,
    is_sure: bool = False,
    by: Actor,
    now: datetime,
) -> CallEffects:
    """Put a call, or a letter, e-mail or visit, on record with all that follows from its code: holds, a number that
    rests, a callback, a promise, the next attempt. Invalid, naming the field, where the code lacks what it says.
    Unsure for an unusual report, unless the person `is_sure` of it. The caller holds the customer's lock."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    code = result_named(session, portfolio, call.result)
    require_fitting(session, portfolio, case, code, call, now)
    number = called_number(session, customer, call) if call.is_call else ""
    if not is_sure and (doubts := doubts_about(session, portfolio, case, call, by=by, now=now)):
        raise Unsure(doubts, portfolio.currency)
    call = without_refused_details(call)
    if call.callback_at is not None:
        check_callback(session, portfolio, customer, call.callback_at, now=now)
    fields = _fields(portfolio, call)
    if call.is_call:
        record_call(
            session, case, code, call.note, number=number, direction=call.direction, fields=fields,
            callback_at=call.callback_at, by=by, now=now,
        )  # fmt: skip
    else:
        on = call.received_on(local_date(now, portfolio.timezone))
        record_contact(
            session, case, code, call.way, call.direction, on, call.note, fields=fields, by=by, now=now
        )
    effects = CallEffects()
    _ask(session, case, portfolio, code, call, by=by, now=now)
    _stop(session, portfolio, case, customer, code, call, number, letters, effects, by=by, now=now)
    if call.callback_at is not None:
        set_callback(session, case, call.callback_at, by=by, now=now)
    if call.due_on is not None:
        made = promise(session, case, call.amount_minor, call.due_on, letters, by=by, now=now)
        effects.plan, effects.confirmations = made.plan, made.confirmations
    _give_work(session, portfolio, case, code, call, effects, by=by, now=now)
    # A code that tries again is of calls alone.
    if code.keeps_task and call.callback_at is None and call.direction is Direction.OUT:
        try_again(session, portfolio, case, customer, code, effects, by=by, now=now)
    return effects


def _ask(
    session: Session, case: CollectionsCase, portfolio: Portfolio, code: ResultCode, call: CallReport,
    *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Have a person say whether what was told is a complaint, or of another room, unless the code itself puts it on
    record. The code of hardship rests reminders; the request for help has a form of its own."""
    said = "\n".join(filter(None, (call.text(CallField.WORDS), call.note)))
    done = {_RECORDED[code.hold]} if code.hold in _RECORDED else set()
    if code.effect(PaymentClaimed) is not None:
        done.add(Subject.DISPUTE)
    if call.text(CallField.SUPPORT_TYPE) or call.text(CallField.CONSENT) == "no":
        done.add(Subject.SUPPORT_NEED)
    ask_about(
        session, case, SOURCE_OF[call.way], said, by_cues=[each for each in Subject if each not in done],
        named={Subject.HARDSHIP: code.label} if code.hold is HoldKind.HARDSHIP else {},
        received_on=call.received_on(local_date(now, portfolio.timezone)), by=by, now=now,
    )  # fmt: skip


_RECORDED: Mapping[HoldKind | None, Subject] = {
    HoldKind.COMPLAINT: Subject.COMPLAINT,
    HoldKind.DISPUTE: Subject.DISPUTE,
}


def called_number(session: Session, customer: Customer, call: CallReport) -> str:
    """The customer's number that was called, as it is kept; '' = none is on file. Invalid for another's number. A call
    from the customer may come from any number."""
    typed = call.number.strip()
    if not typed:
        return "" if call.direction is Direction.IN else customer.mobile
    number = read_telephone(typed, customer.country).value
    if call.direction is Direction.OUT and number not in [
        p.value for p in phones_of(session, id_of(customer))
    ]:
        raise Invalid("This number is not on file. Add it under Contact data first.", "number")
    return number or ""


def _stop(
    session: Session, portfolio: Portfolio, case: CollectionsCase, customer: Customer, code: ResultCode,
    call: CallReport, number: str, letters: LetterCatalog, effects: CallEffects, *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """The stops that protect the customer from this moment."""
    bad, held, claimed = code.effect(NumberBad), code.effect(PlaceHold), code.effect(PaymentClaimed)
    if bad is not None:
        effects.number_rests = number
        if task := rest_number(session, case, customer, number, bad, by=by, now=now):
            effects.tasks.append(task)
    if held is not None:
        effects.placed = hold_from_call(session, portfolio, case, held, call, letters, by=by, now=now)
    if claimed is not None:
        said = SaidPayment(call.told, call.paid_minor, call.paid_on, call.text(CallField.METHOD), call.note)
        effects.placed, task = claim_payment(
            session, portfolio, case, said, claimed.days, letters, by=by, now=now
        )
        effects.tasks.append(task)
    need_from_call(session, case, code, call, letters, by=by, now=now)
    if code.effect(OptOut) is not None:
        effects.opted_out = opt_out(session, case, customer, call, by=by, now=now)


def _give_work(
    session: Session, portfolio: Portfolio, case: CollectionsCase, code: ResultCode, call: CallReport,
    effects: CallEffects, *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    task = code.effect(Task)
    if task is not None:
        due_on = local_date(now, portfolio.timezone) + timedelta(days=task.days)
        paid = f": {with_code(call.paid_minor, portfolio.currency)}" if call.paid_minor else ""
        add_task(session, case, DeskStep.CALL_RESULT, task.text + paid, due_on, by=by, now=now)
        effects.tasks.append(task.text + paid)
    if code.effect(ConductEnded) is not None:
        record_conduct(session, case, ConductStep.ENDED, call.text(CallField.WORDS), by=by, now=now)
        effects.tasks.append("A supervisor takes over")
    if code.effect(AskManager) is not None:
        effects.request = ask_manager(session, portfolio, case, call, by=by, now=now)


def _fields(portfolio: Portfolio, call: CallReport) -> Mapping[str, str]:
    """The fields of the code for the record; promise, callback and number have their own place in it."""
    # A support need has a row of its own, which can be forgotten: the event does not name it.
    names = [name for name in call.texts if name is not CallField.SUPPORT_TYPE]
    told = {name.value: call.text(name) for name in names if call.text(name)}
    if call.paid_on is not None:
        told["paid_on"] = call.paid_on.isoformat()
    for name, minor in (("paid_amount", call.paid_minor), ("disputed_amount", call.disputed_minor)):
        if minor:
            told[name] = with_code(minor, portfolio.currency)
    return told
