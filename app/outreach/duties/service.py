"""Duties of a night: made from events, met by letters that left, written where the gate clears it, told if overdue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import next_occurrence
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import letter_of
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.bulk import among, upsert
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.text import sentence
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, about_customer, lock_customers, record_many
from app.core.vocabulary import Channel, Purpose
from app.outreach.duties.events import DutyArose, DutyEnded, DutyOverdue
from app.outreach.duties.models import Duty
from app.outreach.duties.sources import ACCOUNT, LOOK_BACK, Happened, happened
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.outreach.strategy.tasks import add_task
from app.policy.answers import Clearance
from app.policy.composition import packs_for
from app.policy.kinds.duty import DutyEvent, DutyRule
from app.policy.pack import Pack

LEFT = (OutboxStatus.SENT, OutboxStatus.DELIVERED)
ON_ITS_WAY = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING, OutboxStatus.UNKNOWN)
LONGEST_WHY = 200


def duties_in(pack: Pack) -> Sequence[DutyRule]:
    """The duties of a pack."""
    return [rule for rule in pack.rules if isinstance(rule, DutyRule)]


# --- made ---------------------------------------------------------------------------------------------------------


def make_duties(session: Session, portfolio: Portfolio, *, now: datetime) -> int:
    """Make the duties that follow the events of the last days; each is made once. A notice of missed payments that was
    owed no more because they were paid is owed again once they are missing again. Returns how many are new. The caller
    holds no locks: the customers concerned are locked here."""
    found = [
        (each, event)
        for event in DutyEvent
        for each in happened(session, portfolio, event, since=now - LOOK_BACK, now=now)
    ]
    if not found:
        return 0
    owed = list(_owed(session, portfolio, found))
    known = _known(session, [each.customer_id for each, _, _ in owed])
    new = [
        (each, rule, due)
        for each, rule, due in owed
        if (each.customer_id, rule.id, each.occasion) not in known
    ]
    if not new:
        return 0
    lock_customers(session, sorted({each.customer_id for each, _, _ in new}))
    told, made = [], 0
    for each, rule, due in new:
        duty_id = _insert(session, portfolio, each, rule, due, now) or _reopen(session, each, rule, due)
        if duty_id is None:
            continue
        made += 1
        arose = DutyArose(duty_id, rule.id, rule.citation, rule.event, rule.letters[0], due)
        told.append(about_customer(each.customer_id, arose, case_id=each.case_id))
    record_many(session, told, by=SYSTEM, now=now)
    return made


def _owed(
    session: Session, portfolio: Portfolio, found: Sequence[tuple[Happened, DutyEvent]]
) -> Iterator[tuple[Happened, DutyRule, date]]:
    """The events that a pack of the customer's place wants a letter after, and until when."""
    theirs = among(session, table_of(Customer).c.id, {each.customer_id for each, _ in found})
    customers = {id_of(each): each for each in session.scalars(select(Customer).where(theirs))}
    for each, event in found:
        customer = customers[each.customer_id]
        pack = packs_for(portfolio, customer)
        for rule in duties_in(pack):
            if rule.event is event and rule.in_force_on(each.on):
                yield each, rule, rule.due_on(each.on, customer.country or pack.country)


def _known(session: Session, customer_ids: Sequence[int]) -> set[tuple[int, str, int]]:
    """The duties that are not made again."""
    duty = table_of(Duty)
    fell_away = sa.and_(
        duty.c.event == DutyEvent.TWO_PAYMENTS_BEHIND, duty.c.ended_on.is_not(None), duty.c.met_on.is_(None)
    )
    query = sa.select(duty.c.customer_id, duty.c.rule, duty.c.occasion)
    query = query.where(among(session, duty.c.customer_id, set(customer_ids)), sa.not_(fell_away))
    return {tuple(row) for row in session.execute(query)}  # type: ignore[misc]


def _insert(
    session: Session, portfolio: Portfolio, each: Happened, rule: DutyRule, due: date, now: datetime
) -> int | None:
    """The id of the new row; None where it was made at this moment by another process."""
    insert = upsert(session, Duty).values(
        portfolio_id=id_of(portfolio),
        customer_id=each.customer_id,
        case_id=each.case_id,
        rule=rule.id,
        citation=rule.citation[:300],
        verified=rule.verified,
        event=rule.event,
        occasion=each.occasion,
        letters=" ".join(rule.letters),
        channels=" ".join(channel for channel in Channel if channel in rule.channels),
        arose_on=each.on,
        due_on=due,
        created_at=now,
        ended_why="",
    )
    return session.execute(insert.on_conflict_do_nothing().returning(sa.literal_column("id"))).scalar()


def _reopen(session: Session, each: Happened, rule: DutyRule, due: date) -> int | None:
    """The id of a duty that had fallen away before its letter left, and is owed again; None where there is none."""
    query = select(Duty).where(
        Duty.customer_id == each.customer_id, Duty.rule == rule.id, Duty.occasion == each.occasion,
        col(Duty.ended_on).is_not(None), col(Duty.met_on).is_(None),
    )  # fmt: skip
    duty = session.scalar(query.execution_options(populate_existing=True))
    if duty is None or rule.event is not DutyEvent.TWO_PAYMENTS_BEHIND:
        return None
    duty.case_id, duty.due_on, duty.ended_on, duty.ended_why = each.case_id, due, None, ""
    duty.told_person_on = duty.overdue_on = None
    return id_of(duty)


# --- met, or fallen away ------------------------------------------------------------------------------------------


def settle_duties(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> dict[str, int]:
    """End the duties whose letter left, whose case is closed, or whose missed payments were made; say once of each that
    it is overdue on the day after `on`. Returns counts."""
    duties = open_duties(session, portfolio, lock=True)
    if not duties:
        return {}
    left = _left(session, portfolio, duties)
    closed, paid = _closed(session, duties), _paid(session, duties)
    today = on + timedelta(days=1)
    told: list[NewEvent] = []
    counts = {"duties_met": 0, "duties_overdue": 0}
    for duty in duties:
        met_on = _first_that_counts(duty, left)
        if met_on is not None:
            counts["duties_met"] += 1
            told.append(_end(duty, f"it left on {met_on}", today, met_on=met_on))
        elif duty.case_id in closed:
            told.append(_end(duty, "the case is closed", today))
        elif duty.id in paid:
            told.append(_end(duty, "nothing is past due any more", today))
        elif duty.due_on < today and duty.overdue_on is None:
            duty.overdue_on = today
            counts["duties_overdue"] += 1
            told.append(_about(duty, DutyOverdue(id_of(duty), duty.rule, duty.letter, duty.due_on)))
    record_many(session, told, by=SYSTEM, now=now)
    return {name: n for name, n in counts.items() if n}


def open_duties(session: Session, portfolio: Portfolio, *, lock: bool = False) -> list[Duty]:
    """The open duties of a portfolio, the oldest due day first; locked with their customers where asked."""
    query = (
        select(Duty)
        .where(Duty.portfolio_id == portfolio.id, col(Duty.ended_on).is_(None))
        .order_by(col(Duty.due_on), col(Duty.id))
    )
    found = list(session.scalars(query))
    if lock and found:
        lock_customers(session, sorted({duty.customer_id for duty in found}))
        found = list(session.scalars(query.execution_options(populate_existing=True)))
    return found


def _key(duty: Duty) -> tuple[int, str]:
    return duty.customer_id, duty.letters


def _counts(duty: Duty, left_on: date) -> bool:
    """A notice that is given once for a debt counts whenever it left; an answer only after what it answers."""
    return duty.event is DutyEvent.FIRST_CONTACT or left_on >= duty.arose_on


def _left(
    session: Session, portfolio: Portfolio, duties: Sequence[Duty]
) -> Mapping[tuple[int, str], Sequence[date]]:
    """The local days on which letters that fulfil these duties left, or that documents of them bear."""
    by_customer: dict[int, dict[str, list[date]]] = defaultdict(lambda: defaultdict(list))
    ids = {duty.customer_id for duty in duties}
    names = {name for duty in duties for name in duty.letters.split()}
    message, document = table_of(OutboxMessage), table_of(CaseDocument)
    sent = sa.select(message.c.customer_id, message.c.letter, message.c.sent_at).where(
        among(session, message.c.customer_id, ids),
        message.c.letter.in_(names),
        message.c.status.in_(LEFT),
        message.c.console_only.is_(False),
    )
    for customer_id, letter, at in session.execute(sent):
        by_customer[customer_id][letter].append(local_date(at, portfolio.timezone))
    filed = sa.select(document.c.customer_id, document.c.kind, document.c.dated_on).where(
        among(session, document.c.customer_id, ids), document.c.withdrawn_at.is_(None)
    )
    for customer_id, kind, dated_on in session.execute(filed):
        by_customer[customer_id][letter_of(kind)].append(dated_on)
        # The verification of a debt may be given outside the desk, as a document of its own kind.
        by_customer[customer_id][f"debt_{kind.value}"].append(dated_on)
    return {
        _key(duty): sorted(
            day for name in duty.letters.split() for day in by_customer[duty.customer_id][name]
        )
        for duty in duties
    }


def _first_that_counts(duty: Duty, left: Mapping[tuple[int, str], Sequence[date]]) -> date | None:
    return next((day for day in left.get(_key(duty), ()) if _counts(duty, day)), None)


def _met_on(session: Session, portfolio: Portfolio, duty: Duty) -> date | None:
    return _first_that_counts(duty, _left(session, portfolio, [duty]))


def _closed(session: Session, duties: Sequence[Duty]) -> set[int]:
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id).where(
        among(session, case.c.id, {duty.case_id for duty in duties}), case.c.status == CaseStatus.CLOSED
    )
    return set(session.scalars(query))


def _paid(session: Session, duties: Sequence[Duty]) -> set[int]:
    """Ids of the duties that follow missed payments of an account on which nothing is past due any more."""
    account_of = {
        id_of(duty): duty.occasion // ACCOUNT
        for duty in duties
        if duty.event is DutyEvent.TWO_PAYMENTS_BEHIND
    }
    state = table_of(AccountState)
    query = sa.select(state.c.account_id).where(
        among(session, state.c.account_id, set(account_of.values())),
        sa.or_(state.c.past_due_minor <= 0, state.c.balance_minor <= 0),
    )
    paid = set(session.scalars(query))
    return {duty_id for duty_id, account_id in account_of.items() if account_id in paid}


def _end(duty: Duty, why: str, today: date, *, met_on: date | None = None) -> NewEvent:
    duty.met_on, duty.ended_on, duty.ended_why = met_on, today, why[:LONGEST_WHY]
    return _about(duty, DutyEnded(id_of(duty), duty.rule, duty.letter, met_on is not None, why))


def _about(duty: Duty, payload: Payload) -> NewEvent:
    return about_customer(duty.customer_id, payload, case_id=duty.case_id)


# --- written ------------------------------------------------------------------------------------------------------


def write_owed(
    session: Session, portfolio: Portfolio, duty_id: int, catalog: LetterCatalog, *, on: date, now: datetime
) -> bool:
    """Queue the letter of one open duty on the first of its channels that the gate clears; True if one was queued. One
    on its way is not written twice. Where the desk cannot write it at all, a person is given the work, once."""
    duty = session.get_one(Duty, duty_id)
    lock_customers(session, [duty.customer_id])
    session.refresh(duty)
    # In this order: a letter that leaves between the two questions is found by the second.
    if duty.ended_on is not None or _is_on_its_way(session, duty) or _met_on(session, portfolio, duty):
        return False
    case = session.get_one(CollectionsCase, duty.case_id)
    why = _why_not_written(session, portfolio, duty, catalog)
    if case.status is not CaseStatus.OPEN:
        return False
    if why:
        _tell_person(session, portfolio, duty, case, why, now=now)
        return False
    letter = catalog.letters[duty.letter]
    channels = [channel for channel in _by_preference(duty) if channel in letter.channels]
    [contact_case] = load_contact_cases(session, portfolio, [duty.case_id], now=now, as_of=on)
    if contact_case.to_ask <= 0:
        return False  # it would state a debt that is past due no more
    for channel in channels:
        step = CaseStep(duty.case_id, DeskStep.DUTY, next_occurrence(session, duty.case_id, DeskStep.DUTY))
        request = LetterRequest(contact_case, letter.name, Purpose(letter.purpose), [channel], step)
        [[answer]] = request_letters(session, portfolio, [request], catalog, on=on, by=SYSTEM, now=now)
        if isinstance(answer, Clearance):
            return True
    return False


def _by_preference(duty: Duty) -> list[Channel]:
    """Paper first: it needs no consent to electronic delivery."""
    owed = duty.channels.split()
    return [channel for channel in (Channel.POST, Channel.EMAIL, Channel.SMS) if channel.value in owed]


def _is_on_its_way(session: Session, duty: Duty) -> bool:
    query = select(OutboxMessage.id).where(
        OutboxMessage.customer_id == duty.customer_id,
        col(OutboxMessage.letter).in_(duty.letters.split()),
        col(OutboxMessage.status).in_(ON_ITS_WAY),
    )
    return session.scalar(query.limit(1)) is not None


def _why_not_written(session: Session, portfolio: Portfolio, duty: Duty, catalog: LetterCatalog) -> str:
    """Reason why the desk cannot write it; '' = it can. A letter about a hold or plan goes out with it."""
    letter = catalog.letters.get(duty.letter)
    if letter is None:
        return "the desk has no such letter"
    if letter.about != "case":
        return "the desk writes it with what it is about, and it did not leave"
    if letter.by_hand:
        return "a person sends it, after looking into the case"
    country = session.get_one(Customer, duty.customer_id).country
    return catalog.misfit(letter, Letterhead.of(portfolio), country)


def _tell_person(
    session: Session, portfolio: Portfolio, duty: Duty, case: CollectionsCase, why: str, *, now: datetime
) -> None:
    if duty.told_person_on is not None:
        return
    duty.told_person_on = local_date(now, portfolio.timezone)
    text = f"Send by {duty.due_on}: {duty.letter.replace('_', ' ')} ({duty.citation}). {sentence(why)}"
    add_task(session, case, DeskStep.DUTY, text, duty.due_on, by=SYSTEM, now=now)
