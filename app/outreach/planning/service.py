"""Planning: contacts of due steps, many cases at once, and letters that are requested. `delivery` is the other half."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.book.delinquency.days import days_past_due
from app.book.portfolios.models import Portfolio
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import CaseStep
from app.casework.plans.queries import cases_with_live_plan
from app.core.actor import SYSTEM, Actor
from app.core.ids import id_of
from app.outreach.gate.contact_cases import CaseRow, ContactCase, changed_cases, load_contact_cases
from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.batch import ContactBatch
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.rows import LetterRequest
from app.outreach.strategy.conditions import NO_FACTS
from app.outreach.strategy.control import waiting_cases, without_ordinary
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.ladders import ChosenLadder, load_ladders
from app.outreach.strategy.rules import Ladder, NothingDue, Situation, Step, StepDue, decide, rearm
from app.policy.answers import Answer


def plan_contacts(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> dict[str, int]:
    """Ask the strategy, the gate and the letters for each of these cases, and queue the cleared contacts.

    All in the caller's transaction, under a lock on the customers: the next clearance of a customer sees the contacts
    that this one adds. Returns counts of cleared, waiting, refused, call_tasks, resting.
    """
    work = _assemble(session, portfolio, case_ids, catalog, on=on, now=now, lock=True)
    work.write(session, by=SYSTEM)
    return work.counts


def draft_contacts(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> ContactDraft:
    """Plan the same without a lock and without writing: for a night, in which no person works. Cases that change until
    `ContactDraft.write` are planned again there."""
    return ContactDraft(_assemble(session, portfolio, case_ids, catalog, on=on, now=now, lock=False))


def _assemble(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
    lock: bool,
) -> ContactBatch:
    work = ContactBatch(session, portfolio, catalog, on, now)
    contact_cases = load_contact_cases(session, portfolio, case_ids, now=now, lock=lock)
    live = load_ladders(session, portfolio)
    facts = gather_case_facts(session, portfolio, live, case_ids, on=on)
    plans_live = set(cases_with_live_plan(session, id_of(portfolio)))
    waiting = waiting_cases(session, portfolio, case_ids, on=on)
    due: list[tuple[ContactCase, Step, ChosenLadder, Situation]] = []
    ask = _DecisionCache(on)
    work.seen = contact_cases
    for contact_case in contact_cases:
        case = contact_case.case
        if case.status is not CaseStatus.OPEN or case.next_contact_on is None or case.next_contact_on > on:
            continue
        work.moved.append(case)
        late = days_past_due(contact_case.oldest_due_on, on)
        case.step_day, case.occurrence = rearm(case.step_day, case.occurrence, late)
        known = facts[case.id]
        situation = Situation(late, case.step_day, case.id in plans_live, contact_case.to_ask > 0, known)
        chosen = live.of(case.customer_id, known)
        case.segment = chosen.ladder.segment
        if case.id in waiting:
            chosen = ChosenLadder(chosen.ref, without_ordinary(chosen.ladder))
        match ask(chosen.ladder, situation):
            case StepDue(step=step):
                due.append((contact_case, step, chosen, situation))
            case rest:
                work.count(case.id, "resting")
                case.next_contact_on = _no_later(rest.until, waiting.get(case.id))
    work.find_taken([(contact_case, step) for contact_case, step, _, _ in due])
    work.find_written([contact_case for contact_case, step, _, _ in due if step.letter in catalog.follow_ups])
    for contact_case, step, chosen, situation in due:
        work.take(contact_case, step, chosen)
        _set_next_day(contact_case.case, chosen.ladder, situation, ask)
        if contact_case.case.id in waiting:
            next_on = contact_case.case.next_contact_on
            contact_case.case.next_contact_on = _no_later(next_on, waiting[contact_case.case.id])
    return work


def _no_later(on: date | None, until: date | None) -> date | None:
    """The earlier of two days; None = not before something changes."""
    return min((day for day in (on, until) if day is not None), default=None)


class _DecisionCache:
    """Answers of `decide` on one day: most cases of a night stand on one of a few rungs of one ladder."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._answers: dict[tuple[int, int, int, bool, bool], StepDue | NothingDue] = {}

    def __call__(self, ladder: Ladder, situation: Situation) -> StepDue | NothingDue:
        if situation.facts is not NO_FACTS:
            return decide(ladder, situation, self.on)
        late, step_day = situation.days_past_due, situation.step_day
        key = (id(ladder), late, step_day, situation.plan_live, situation.owes_anything)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = decide(ladder, situation, self.on)
        return answer


class ContactDraft:
    """Contacts that were planned without a lock."""

    def __init__(self, work: ContactBatch) -> None:
        self._work = work

    def write(self, session: Session) -> dict[str, int]:
        """Lock the customers and write the draft; cases that have changed since are planned again, under the lock.
        Returns the counts of `plan_contacts`."""
        work = self._work
        changed, heads = changed_cases(session, work.seen)
        work.leave_out(changed)
        work.write(session, by=SYSTEM, locked=heads)
        counts = Counter(work.counts)
        if changed:
            again = sorted(changed)
            counts.update(
                plan_contacts(session, work.portfolio, again, work.catalog, on=work.on, now=work.now)
            )
        return dict(counts)


def _set_next_day(case: CaseRow, ladder: Ladder, situation: Situation, ask: _DecisionCache) -> None:
    """Note the day of the next step, after one was taken. A step that waits has set its own day already."""
    if case.next_contact_on is not None and case.next_contact_on > ask.on:
        return
    now = Situation(
        situation.days_past_due, case.step_day, situation.plan_live, situation.owes_anything, situation.facts
    )
    following = ask(ladder, now)
    case.next_contact_on = None if isinstance(following, StepDue) else following.until


def request_letters(
    session: Session,
    portfolio: Portfolio,
    requests: Sequence[LetterRequest],
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> list[list[Answer]]:
    """Ask the gate for each of these letters on each of its channels, queue what it clears, and put every answer on
    record; the answers, in the order of the letters and their channels.

    Their cases are of different customers, opened in this transaction.
    """
    batch = ContactBatch(session, portfolio, catalog, on, now)
    batch.find_written([each.contact_case for each in requests if each.letter in catalog.follow_ups])
    answers = [[batch.send(each, channel) for channel in each.channels] for each in requests]
    batch.write(session, by=by)
    return answers


def report_unsent(
    session: Session,
    portfolio: Portfolio,
    contact_case: ContactCase,
    row: OutboxMessage,
    step: CaseStep,
    why: str,
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> None:
    """Give a person the task to write this message again."""
    batch = ContactBatch(session, portfolio, catalog, on, now)
    batch.tell_person(contact_case, step, row.letter, why)
    batch.write(session, by=SYSTEM)
