"""Writing of what is owed: the letters of open duties, many at once, or a person's task where the desk has none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import zip_longest

import sqlalchemy as sa
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import next_occurrences
from app.casework.contacts.rules import CaseStep, DeskStep
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.text import sentence
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel, Purpose
from app.outreach.duties.making import Resident, residents_of
from app.outreach.duties.models import Duty
from app.outreach.duties.settling import met_among, open_duties
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.letters.earlier import on_their_way
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.outreach.strategy.tasks import NewTask, add_tasks
from app.policy.answers import Clearance
from app.policy.composition import packs_for
from app.policy.kinds.duty import DutyEvent
from app.policy.pack import Pack

BATCH = 200
"""Duties that are written in one transaction."""
BY_PREFERENCE = (Channel.POST, Channel.EMAIL, Channel.SMS)
"""Paper first: it needs no consent to electronic delivery."""
FOR_ALL = (DutyEvent.CASE_OPEN, DutyEvent.DEBT_ASSIGNED)
"""Events after which every open case is owed the same letter."""


def owed_letters_in_batches(
    session: Session, portfolio: Portfolio, catalog: LetterCatalog
) -> Iterator[list[int]]:
    """Ids of the open duties for `write_owed`, the oldest due day first, no customer twice in a batch; without those of
    which a person has the work already, or the work that puts all of them right."""
    duty, customer, case = table_of(Duty), table_of(Customer), table_of(CollectionsCase)
    query = (
        sa.select(
            duty.c.id,
            duty.c.customer_id,
            duty.c.letters,
            duty.c.told_person_on,
            duty.c.rule,
            duty.c.event,
            *[customer.c[name] for name in Resident._fields],
        )
        .join(customer, customer.c.id == duty.c.customer_id)
        .join(case, case.c.id == duty.c.case_id)
        .where(
            duty.c.portfolio_id == portfolio.id,
            duty.c.ended_on.is_(None),
            case.c.status == CaseStatus.OPEN,
            # A decision writes it, and a person makes that one.
            duty.c.event != DutyEvent.BILLING_ERROR_ANSWER,
        )
        .order_by(duty.c.due_on, duty.c.id)
    )
    writer = _Desk(catalog, portfolio)
    by_customer: dict[int, list[int]] = defaultdict(list)
    rows = session.execute(query).all()
    told_for_all = {row.rule for row in rows if row.told_person_on and row.event in FOR_ALL}
    for duty_id, customer_id, letters, told_on, rule, _, *where in rows:
        is_told = told_on is not None or rule in told_for_all
        if not is_told or not writer.why_not(letters.split(" ", 1)[0], Resident(*where)):
            by_customer[customer_id].append(duty_id)
    for ids in zip_longest(*by_customer.values()):
        yield from map(list, chunked([duty_id for duty_id in ids if duty_id is not None], BATCH))


def write_owed(
    session: Session,
    portfolio: Portfolio,
    duty_ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Queue the letters of these open duties of different customers, each on the first of its channels that the gate
    clears; how many were queued. One on its way is not written twice. Where the desk cannot write it at all, a person
    is given the work, once."""
    duty = table_of(Duty)
    whose = sa.select(duty.c.customer_id).where(among(session, duty.c.id, duty_ids))
    lock_customers(session, sorted(session.scalars(whose)))
    duties = open_duties(session, portfolio, duty_ids)
    # In this order: a letter that leaves between the two questions is found by the second.
    coming = on_their_way(session, {each.customer_id for each in duties})
    met = met_among(session, portfolio, duties)
    cases = _open_cases(session, duties)
    wanted = [
        each
        for each in duties
        if each.case_id in cases
        and id_of(each) not in met
        and coming.get(each.customer_id, set()).isdisjoint(each.letters.split())
    ]
    desk, residents = _Desk(catalog, portfolio), residents_of(session, {each.customer_id for each in wanted})
    why_not = {id_of(each): desk.why_not(each.letter, residents[each.customer_id]) for each in wanted}
    _tell_people(
        session, portfolio, [each for each in wanted if why_not[id_of(each)]], cases, why_not, now=now
    )
    written = [each for each in wanted if not why_not[id_of(each)]]
    return _request(session, portfolio, written, catalog, on=on, now=now)


def _request(
    session: Session,
    portfolio: Portfolio,
    duties: Sequence[Duty],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Ask the gate for these letters by their first channel, for those that it does not clear by the next."""
    if not duties:
        return 0
    ids = [each.case_id for each in duties]
    by_case = {each.case.id: each for each in load_contact_cases(session, portfolio, ids, now=now, as_of=on)}
    occurrences = next_occurrences(session, ids, DeskStep.DUTY)
    # A letter whose sums are past due no more would be false.
    left = [each for each in duties if by_case[each.case_id].to_ask > 0]
    queued = 0
    for channel in BY_PREFERENCE:
        asked = [each for each in left if channel in _channels(each, catalog)]
        requests = [
            _letter(each, by_case[each.case_id], occurrences[each.case_id], channel, catalog)
            for each in asked
        ]
        answers = (
            request_letters(session, portfolio, requests, catalog, on=on, by=SYSTEM, now=now) if asked else []
        )
        cleared = {
            id_of(each)
            for each, [answer] in zip(asked, answers, strict=True)
            if isinstance(answer, Clearance)
        }
        queued += len(cleared)
        left = [each for each in left if id_of(each) not in cleared]
    return queued


def _channels(duty: Duty, catalog: LetterCatalog) -> Collection[Channel]:
    return catalog.letters[duty.letter].channels & {Channel(name) for name in duty.channels.split()}


def _letter(
    duty: Duty, contact_case: ContactCase, occurrence: int, channel: Channel, catalog: LetterCatalog
) -> LetterRequest:
    letter = catalog.letters[duty.letter]
    step = CaseStep(duty.case_id, DeskStep.DUTY, occurrence)
    return LetterRequest(contact_case, letter.name, Purpose(letter.purpose), [channel], step)


def _open_cases(session: Session, duties: Sequence[Duty]) -> Mapping[int, CollectionsCase]:
    query = select(CollectionsCase).where(
        among(session, table_of(CollectionsCase).c.id, {each.case_id for each in duties}),
        CollectionsCase.status == CaseStatus.OPEN,
    )
    return {id_of(case): case for case in session.scalars(query)}


class _Desk:
    """What the desk can write for a portfolio."""

    def __init__(self, catalog: LetterCatalog, portfolio: Portfolio) -> None:
        self.catalog, self.portfolio, self.letterhead = catalog, portfolio, Letterhead.of(portfolio)
        self._found: dict[tuple[str, str, str], str] = {}

    def why_not(self, letter: str, resident: Resident) -> str:
        """Reason why the desk cannot write this letter to a customer who lives there; '' = it can. A letter about a
        hold or plan goes out with it."""
        pack = packs_for(self.portfolio, resident)
        key = letter, resident.country, pack.label
        if key not in self._found:
            self._found[key] = self._why_not(letter, resident.country, pack)
        return self._found[key]

    def _why_not(self, name: str, country: str, pack: Pack) -> str:
        letter = self.catalog.letters.get(name)
        if letter is None:
            return "the desk has no such letter"
        if letter.about != "case":
            return "the desk writes it with what it is about, and it did not leave"
        if letter.by_hand:
            return "a person sends it, after looking into the case"
        return self.catalog.misfit(letter, self.letterhead, country, pack)


def _tell_people(
    session: Session,
    portfolio: Portfolio,
    duties: Sequence[Duty],
    cases: Mapping[int, CollectionsCase],
    why_not: Mapping[int, str],
    *,
    now: datetime,
) -> None:
    tasks = []
    told_for_all = _told_for_all(session, portfolio)
    for duty in duties:
        if duty.told_person_on is not None or duty.rule in told_for_all:
            continue
        if duty.event in FOR_ALL:
            told_for_all.add(duty.rule)
        duty.told_person_on = local_date(now, portfolio.timezone)
        why = sentence(why_not[id_of(duty)])
        text = f"Send by {duty.due_on}: {duty.letter.replace('_', ' ')} ({duty.citation}). {why}"
        tasks.append(NewTask(cases[duty.case_id], text, duty.due_on))
    add_tasks(session, DeskStep.DUTY, tasks, by=SYSTEM, now=now)


def _told_for_all(session: Session, portfolio: Portfolio) -> set[str]:
    """Rules of letters that every open case is owed, of which a person was told of one: a setting is missing, and
    thousands of tasks would say so."""
    duty = table_of(Duty)
    query = sa.select(duty.c.rule).where(
        duty.c.portfolio_id == portfolio.id, duty.c.ended_on.is_(None), duty.c.event.in_(FOR_ALL),
        duty.c.told_person_on.is_not(None),
    )  # fmt: skip
    return set(session.scalars(query.distinct()))
