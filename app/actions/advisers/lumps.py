"""Lump payments: one payment of an adviser is split over many customers, and taken back by one act.

Each part is a payment of its own with a reference of its own, so it is posted once. What has no right account waits on
the list of unmatched payments; posted and waiting together are the whole payment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.actions.accounts.corrections import post_by_hand, return_payment, reverse_entry
from app.book.feeds.bank.matching import keep_waiting, settle_split, wait_again
from app.book.feeds.bank.rules import Incoming, NoMatch
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind, UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.casework.advisers.events import LumpReversed, LumpSplit
from app.casework.advisers.models import Adviser, LumpPart, LumpPayment
from app.casework.advisers.queries import parts_of, seen_before
from app.casework.advisers.reading import SchedulePart, read_schedule
from app.casework.advisers.rules import PartStatus
from app.casework.advisers.service import STREAM, require_active
from app.casework.advisers.targets import Target, target_of
from app.casework.plans.models import InstalmentPayment
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, DeskError, Forbidden, Invalid
from app.core.ids import id_of
from app.core.money import MAX_MINOR, to_decimal_string, with_code
from app.core.staff.rules import CASEWORK, Role
from app.core.text import clean_reason, clean_text, counted
from app.core.timeline.service import about_portfolio, lock_streams, record

NOT_NAMED = "This part of the payment is in no line of the schedule."


@dataclass(frozen=True, slots=True)
class NewLump:
    """A lump payment as it came. With `unmatched_id` the reference, day and amount are the bank's."""

    reference: str = ""
    paid_on: date | None = None
    amount_minor: int = 0
    unmatched_id: int | None = None
    sure: str = ""
    """`SURE`, or the `answer` of a `SeenBefore`: it is another payment than the one that was found."""


SURE = "yes"


class SeenBefore(Conflict):
    """The same money may be posted or waiting already, under another reference: a person says whether it is."""

    def __init__(self, found: LumpPayment | UnmatchedPayment, currency: str) -> None:
        self.answer = f"{found.__tablename__}:{found.id}:{found.amount_minor}"
        """The value of the box to tick; a tick for another payment does not count."""
        money = f"{with_code(found.amount_minor, currency)} of {found.paid_on.isoformat()}"
        if isinstance(found, LumpPayment):
            said = f"{money} was split already, as payment {found.reference}."
        elif found.status is UnmatchedStatus.WAITING:
            said = f"{money} waits as unmatched payment {found.id}. Split that one by its number."
        else:
            said = f"{money} was posted already, as payment {found.reference} of the bank."
        super().__init__(
            f"{said} Nothing was posted. Say that you are sure if this is another payment.", "sure"
        )


@dataclass(frozen=True, slots=True)
class SplitLump:
    """A lump payment that was split. `is_new` is False where the same schedule had split it before."""

    lump: LumpPayment
    parts: Sequence[LumpPart]
    is_new: bool


def split_lump(
    session: Session,
    portfolio: Portfolio,
    adviser: Adviser,
    new: NewLump,
    schedule: bytes,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> SplitLump:
    """Post each part of a lump payment to its account; parts without one wait for a person. The same lump with the same
    schedule again changes nothing.

    Invalid, with nothing done, where the schedule asks for more than was paid; Conflict where another split it;
    SeenBefore where it may be posted or waiting already under another reference, and nobody says that it is another.
    """
    if role not in CASEWORK:
        raise Forbidden("Your role may not split a payment. Ask an agent or a manager.")
    require_active(adviser)
    lock_streams(session, [STREAM])  # two people may write down one payment at the same moment
    credit = _credit(session, portfolio, new)
    lump = _lump(portfolio, adviser, new, credit, schedule, by=by, now=now)
    if (known := _known(session, lump)) is not None:
        return SplitLump(known, parts_of(session, known), is_new=False)
    _require_waiting(credit)
    today = local_date(now, portfolio.timezone)
    if lump.paid_on > today:
        raise Invalid("The payment's day is in the future.", "paid_on")
    _ask_if_seen(session, portfolio, lump, new.sure)
    lines = read_schedule(schedule, portfolio.currency)
    rest = lump.amount_minor - sum(line.amount_minor for line in lines)
    if rest < 0:
        over = to_decimal_string(-rest, portfolio.currency)
        raise Invalid(
            f"The schedule asks for {over} {portfolio.currency} more than was paid. Nothing was posted.",
            "schedule",
        )
    session.add(lump)
    session.flush()
    if credit is not None:
        settle_split(session, credit, f"split over {counted(len(lines), 'line')}", by=by, now=now)
    parts = [_post(session, lump, line, by=by, role=role, today=today, now=now) for line in lines]
    if rest:
        number = max(line.number for line in lines) + 1
        parts.append(_part(lump, SchedulePart(number, "", rest), PartStatus.WAITING, NOT_NAMED))
    _wait(session, adviser, lump, parts, by=by, now=now)
    session.add_all(parts)
    session.flush()
    _tell(session, adviser, lump, parts, by=by, now=now)
    return SplitLump(lump, parts, is_new=True)


def _credit(session: Session, portfolio: Portfolio, new: NewLump) -> UnmatchedPayment | None:
    """The bank's credit that is split, locked."""
    if new.unmatched_id is None:
        return None
    query = select(UnmatchedPayment).where(
        UnmatchedPayment.id == new.unmatched_id, UnmatchedPayment.portfolio_id == portfolio.id
    )
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True)).first()
    if found is None:
        raise Invalid(
            f"Portfolio {portfolio.code} has no unmatched payment {new.unmatched_id}. Choose one from the list.",
            "unmatched_id",
        )
    return found


def _require_waiting(credit: UnmatchedPayment | None) -> None:
    if credit is not None and credit.status is not UnmatchedStatus.WAITING:
        raise Conflict(
            f"This payment is {credit.status.value} already, by {credit.decided_by}.", "unmatched_id"
        )


def _lump(
    portfolio: Portfolio,
    adviser: Adviser,
    new: NewLump,
    credit: UnmatchedPayment | None,
    schedule: bytes,
    *,
    by: Actor,
    now: datetime,
) -> LumpPayment:
    """The lump payment as it would be stored. Invalid names a wrong field."""
    told = credit.reference if credit else new.reference
    reference = clean_text(
        told, "reference", at_most=60, one_line=True, empty="Write the payment's reference."
    )
    paid_on, amount = (credit.paid_on, credit.amount_minor) if credit else (new.paid_on, new.amount_minor)
    if paid_on is None:
        raise Invalid("Say on which day it was paid.", "paid_on")
    if not 0 < amount <= MAX_MINOR:
        raise Invalid("The amount must be positive.", "amount")
    return LumpPayment(
        adviser_id=id_of(adviser),
        portfolio_id=id_of(portfolio),
        reference=reference,
        paid_on=paid_on,
        amount_minor=amount,
        unmatched_id=None if credit is None else id_of(credit),
        sha256=hashlib.sha256(schedule).hexdigest(),
        posted_at=now,
        by=by,
    )


def _known(session: Session, lump: LumpPayment) -> LumpPayment | None:
    """The same lump payment as it was split before. Conflict where it was split otherwise."""
    query = select(LumpPayment).where(
        LumpPayment.portfolio_id == lump.portfolio_id,
        LumpPayment.reference == lump.reference,
        col(LumpPayment.reversed_at).is_(None),
    )
    known = session.scalars(query).first()
    if known is None:
        return None
    same = (known.sha256, known.amount_minor, known.paid_on) == (lump.sha256, lump.amount_minor, lump.paid_on)
    if known.adviser_id != lump.adviser_id or not same:
        raise Conflict(
            f"Payment {known.reference} was split already, otherwise than this. Take it back first.",
            "reference",
        )
    return known


def _ask_if_seen(session: Session, portfolio: Portfolio, lump: LumpPayment, sure: str) -> None:
    """SeenBefore where the same money may be posted or waiting under another reference, and `sure` is no answer."""
    if sure != SURE and (found := seen_before(session, lump)) is not None:
        question = SeenBefore(found, portfolio.currency)
        if sure != question.answer:
            raise question


def _part(lump: LumpPayment, line: SchedulePart, status: PartStatus, why: str = "") -> LumpPart:
    return LumpPart(
        lump_id=id_of(lump),
        n=line.number,
        reference=line.reference,
        amount_minor=line.amount_minor,
        status=status,
        why=why[:300],
    )


def _post(
    session: Session,
    lump: LumpPayment,
    line: SchedulePart,
    *,
    by: Actor,
    role: Role,
    today: date,
    now: datetime,
) -> LumpPart:
    """Post one line, or say why it waits."""
    if line.fault:
        return _part(lump, line, PartStatus.UNREAD, line.fault)
    found = target_of(session, lump, line.reference, line.amount_minor, today)
    if isinstance(found, str):
        return _part(lump, line, PartStatus.WAITING, found)
    account = session.get_one(Account, found.account_id)
    try:
        with session.begin_nested():
            entry = post_by_hand(
                session, account, EntryKind.PAYMENT, line.amount_minor, lump.paid_on,
                f"part {line.number} of {lump.reference}",
                reference=_reference(lump, line.number), by=by, role=role, now=now,
            )  # fmt: skip
            _name_instalment(session, entry, found)
    except DeskError as refused:
        return _part(lump, line, PartStatus.WAITING, refused.message)
    part = _part(lump, line, PartStatus.POSTED)
    part.account_id, part.plan_id, part.entry_id = id_of(account), found.plan_id, id_of(entry)
    return part


def _name_instalment(session: Session, entry: Entry, target: Target) -> None:
    if target.plan_id is not None and target.instalment is not None:
        session.add(InstalmentPayment(entry_id=id_of(entry), plan_id=target.plan_id, n=target.instalment))
        session.flush()


def _reference(lump: LumpPayment, n: int) -> str:
    """The reference of a part: the payment's own, and which part of which split."""
    return f"{lump.reference}/{id_of(lump)}.{n}"


def _wait(
    session: Session,
    adviser: Adviser,
    lump: LumpPayment,
    parts: Sequence[LumpPart],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Put the parts without an account on the list of unmatched payments."""
    waiting = [part for part in parts if part.status is PartStatus.WAITING]
    payments = [
        Incoming(
            _reference(lump, part.n), lump.paid_on, part.amount_minor, payer_name=adviser.name,
            free=part.reference,
        )
        for part in waiting
    ]  # fmt: skip
    reasons = [NoMatch(part.why) for part in waiting]
    keep_waiting(session, lump.portfolio_id, list(zip(payments, reasons, strict=True)), by=by, now=now)
    for part, row in zip(waiting, _rows(session, lump, payments), strict=True):
        part.unmatched_id = id_of(row)


def _rows(session: Session, lump: LumpPayment, payments: Sequence[Incoming]) -> Iterator[UnmatchedPayment]:
    query = select(UnmatchedPayment).where(
        UnmatchedPayment.portfolio_id == lump.portfolio_id,
        col(UnmatchedPayment.reference).in_([payment.reference for payment in payments]),
    )
    found = {row.reference: row for row in session.scalars(query)}
    return (found[payment.reference] for payment in payments)


def _tell(
    session: Session,
    adviser: Adviser,
    lump: LumpPayment,
    parts: Sequence[LumpPart],
    *,
    by: Actor,
    now: datetime,
) -> None:
    posted = sum(part.amount_minor for part in parts if part.status is PartStatus.POSTED)
    waiting = sum(part.amount_minor for part in parts if part.status is PartStatus.WAITING)
    told = LumpSplit(id_of(lump), adviser.code, lump.reference, lump.amount_minor, posted, waiting)
    record(session, about_portfolio(lump.portfolio_id, told), by=by, now=now)


# --- taken back -----------------------------------------------------------------------------------------------


def reverse_lump(session: Session, lump: LumpPayment, reason: str, *, by: Actor, now: datetime) -> int:
    """Take a lump payment back: every posted part is reversed with what it had brought about, parts that a person
    matched since as well, and waiting ones leave the list. A bank's credit waits whole again. Returns how many parts
    were taken back. The caller has locked the lump."""
    reason = clean_reason(reason)
    if lump.reversed_at is not None:
        raise Conflict(f"Payment {lump.reference} was taken back already, by {lump.reversed_by}.")
    count = 0
    for part in parts_of(session, lump):
        count += _take_back(session, lump, part, reason, by=by, now=now)
    lump.reversed_at, lump.reversed_by, lump.reversed_why = now, by, reason
    session.flush()
    if lump.unmatched_id is not None:
        wait_again(session, session.get_one(UnmatchedPayment, lump.unmatched_id), reason, by=by, now=now)
    told = LumpReversed(id_of(lump), lump.reference, lump.amount_minor, count, reason)
    record(session, about_portfolio(lump.portfolio_id, told), by=by, now=now)
    return count


def _take_back(
    session: Session, lump: LumpPayment, part: LumpPart, reason: str, *, by: Actor, now: datetime
) -> int:
    if part.status is PartStatus.UNREAD:
        return 0
    why = f"{lump.reference} was taken back: {reason}"[:200]
    entry_id = part.entry_id
    if part.unmatched_id is not None:
        waiting = session.get_one(UnmatchedPayment, part.unmatched_id)
        if waiting.status is UnmatchedStatus.SPLIT:
            raise Conflict(f"Part {waiting.reference} was split itself. Take that split back first.")
        entry_id = waiting.entry_id
        if waiting.status is UnmatchedStatus.WAITING:
            return_payment(session, waiting, why, by=by, now=now)
    if entry_id is not None and not _is_reversed(session, entry_id):
        reverse_entry(session, session.get_one(Entry, entry_id), why, by=by, now=now)
    part.status = PartStatus.TAKEN_BACK
    return 1


def _is_reversed(session: Session, entry_id: int) -> bool:
    query = select(Entry.id).where(Entry.reverses_id == entry_id)
    return session.scalars(query).first() is not None
