"""From a due step to a queued message: decide, clear, word, enqueue. The other half is delivery.py."""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from hashlib import blake2b, sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState
from app.book.delinquency.rules import days_past_due, owed_of
from app.book.ledger.models import Account, Portfolio
from app.book.ledger.queries import worked
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import CallTask, CollectionsCase, case_reference
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.queries import contacts_of
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.queries import cases_with_live_plan, instalments_of
from app.casework.plans.rules import PlanKind
from app.core.actor import SYSTEM, Actor
from app.core.bulk import among, array_text, bulk_write, instant_speller, new_ids, upsert
from app.core.clock import local_date
from app.core.db import table_of
from app.core.ids import id_of
from app.core.timeline.rules import canonical
from app.core.timeline.service import Heads, NewEvent, about_customer
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import CaseRow, ContactCase, changed_cases, load_contact_cases
from app.outreach.gate.decisions import DecisionEntry, answer_text, decision_entry, record_decisions
from app.outreach.gate.facts import Person, address_of
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.gate.review import BatchReview
from app.outreach.letters.compiled import as_dict, values_of
from app.outreach.letters.earlier import first_letter, follow_ups, written_on, wrote_before
from app.outreach.letters.letter import (
    LISTS,
    OPTIONAL,
    AccountLine,
    InstalmentLine,
    Letter,
    LetterContext,
    Rendered,
    Unsayable,
)
from app.outreach.letters.locales import format_amount, format_date
from app.outreach.letters.rendering import render
from app.outreach.letters.statutory_facts import FIGURES, figures_for
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus, unreachable
from app.outreach.planning.deferred import defer_letter
from app.outreach.strategy.events import TaskCreated
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.rules import NO_FACTS, Action, Ladder, Rest, Situation, Step, Take, decide, rearm
from app.outreach.strategy.service import Chosen, ladders, note_participants
from app.policy.answers import Answer, Clearance, Refusals, WaitUntil
from app.policy.facts import Contact, ContactResult, PastContact
from app.policy.pack import Pack

PLANNING_HORIZON = timedelta(hours=24)
"""A contact whose window opens within this time is queued; one that has to wait longer is asked for again."""


LINK_EPOCH = date(2020, 1, 6)
LINK_WEEKS = 57
"""A customer's link opens their page for thirteen months; then it only stops messages, which it does for ever."""
UNDATED_LINKS_END = date(2027, 12, 31)
"""Thirteen months after the last of them were sent."""


@dataclass(frozen=True)
class Stationery:
    """What words are made with: the letters, and links into this installation."""

    letters: Mapping[str, Letter]
    public_url: str
    secret: str
    register_number: str = ""
    """Of the agency in the register of its country; '' = it has none, and what must name it does not go out."""
    sender_address: str = ""
    """Where post to us goes, on one line; '' = not told, and what must name it does not go out."""

    @cached_property
    def follow_ups(self) -> frozenset[str]:
        """Letters that say that we wrote before."""
        return follow_ups(self.letters)

    def misfit(self, letter: Letter, head: Letterhead, country: str) -> str:
        """Why this letter is not one for a customer of that country, '' = it is."""
        told = {name for name in letter.needs if getattr(self, name, "") or getattr(head, name, "")}
        return letter.misfit(country, head.collector, head.currency, told)

    def unsubscribe_url(
        self, customer_id: int, channel: Channel, link_number: int = 0, *, on: date | None = None
    ) -> str:
        """The customer's page, as a message of the day `on` and this channel names it; None = undated, as links were
        made at first. `link_number` as the customer's row has it."""
        week = None if on is None else (on - LINK_EPOCH).days // 7
        return f"{self.public_url}/u/{self._token(customer_id, channel, link_number, week)}"

    def _token(self, customer_id: int, channel: Channel, link_number: int, week: int | None) -> str:
        body = f"{customer_id}.{channel}"
        if week is not None:
            body += f".{link_number}w{week}"
        elif link_number:
            body += f".{link_number}"
        mac = blake2b(body.encode(), key=self._key, person=b"unsubscribe", digest_size=18).digest()
        return f"{body}.{base64.urlsafe_b64encode(mac).decode()}"

    def _former_token(self, customer_id: int, channel: Channel, link_number: int) -> str:
        """As links were made at first: who got one then may stop messages by it for ever."""
        body = f"{customer_id}.{channel.value}" + (f".{link_number}" if link_number else "")
        mac = hmac.digest(self.secret.encode(), f"unsubscribe:{body}".encode(), "sha256")
        return f"{body}.{base64.urlsafe_b64encode(mac[:18]).decode()}"

    @cached_property
    def _key(self) -> bytes:
        return sha256(self.secret.encode()).digest()

    def read_token(self, token: str) -> Link | None:
        """What a token that we made says, else None."""
        customer, channel, *rest = [*token.split("."), "", ""][:4]
        number, dated, week = (rest[0] if token.count(".") == 3 else "0").partition("w")
        digits = (customer, number, *([week] if dated else []))
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in digits):
            return None
        if channel not in set(Channel):
            return None
        link = Link(int(customer), Channel(channel), int(number), int(week) if dated else None)
        ours = [self._token(*link)]
        if link.week is None:
            ours.append(self._former_token(link.customer_id, link.channel, link.number))
        found = [hmac.compare_digest(each.encode(), token.encode("utf-8", "replace")) for each in ours]
        return link if any(found) else None


class Link(NamedTuple):
    """Whose page a link opens, and which of their links it is."""

    customer_id: int
    channel: Channel
    number: int
    week: int | None = None
    """In which it was made, counted from LINK_EPOCH; None = before links were dated."""

    def has_ended(self, today: date) -> bool:
        """It can only stop messages by then."""
        if self.week is None:
            return today > UNDATED_LINKS_END
        return (today - LINK_EPOCH).days // 7 - self.week > LINK_WEEKS


@dataclass(frozen=True, slots=True)
class Answered:
    """What the strategy says of one open case on a day."""

    case_id: int
    step_day: int
    occurrence: int
    """Both as of today, after a payment may have taken the case back on the ladder."""
    answer: Take | Rest


def ask_strategy(
    session: Session, portfolio: Portfolio, case_ids: Sequence[int], *, on: date
) -> list[Answered]:
    """The strategy's answer for those of these cases that are open and have to be asked on `on`, from narrow rows.

    On PostgreSQL the cases are locked; those that somebody else holds are left out.
    """
    case, account, state = table_of(CollectionsCase), table_of(Account), table_of(AccountState)
    theirs = sa.and_(account.c.customer_id == case.c.customer_id, worked())
    late = sa.and_(state.c.account_id == account.c.id, state.c.oldest_due_on.is_not(None))
    query = (
        sa.select(
            case.c.id, case.c.step_day, case.c.occurrence, case.c.customer_id, case.c.past_due_minor,
            state.c.oldest_due_on, state.c.past_due_minor, state.c.balance_minor,
        )
        .select_from(case.outerjoin(account, theirs).outerjoin(state, late))
        # Not by portfolio: that would lead to the index over all that are to be asked, once a chunk.
        .where(
            among(session, case.c.id, case_ids),
            case.c.status == CaseStatus.OPEN,
            case.c.next_contact_on <= on,
        )
        .order_by(case.c.id)
        .with_for_update(of=case, skip_locked=True)
    )  # fmt: skip
    live = ladders(session, portfolio)
    plans_live = set(cases_with_live_plan(session, id_of(portfolio)))
    answers = []
    found = session.connection().execute(query).all()
    facts = (
        gather_case_facts(session, portfolio, live, [row[0] for row in found], on=on) if live.needs else {}
    )
    for (case_id, step_day, occurrence, customer_id, _), lines in groupby(
        found, key=itemgetter(0, 1, 2, 3, 4)
    ):
        # Only accounts on which something is owed say how late the case is.
        owed = [line[5] for line in lines if line[5] is not None and owed_of(line[6], line[7])]
        days_late = days_past_due(min(owed, default=None), on)
        step_day, occurrence = rearm(step_day, occurrence, days_late)
        known = facts.get(case_id, NO_FACTS)
        situation = Situation(days_late, step_day, case_id in plans_live, bool(owed), known)
        ladder = live.of(customer_id, known).ladder
        answers.append(Answered(case_id, step_day, occurrence, decide(ladder, situation, on)))
    note_participants(session, live, {(row[3], row[0], row[4]) for row in found}, on=on)
    return answers


def rest_cases(session: Session, portfolio: Portfolio, case_ids: Sequence[int], *, on: date) -> list[int]:
    """Let those of these cases rest for which nothing is due on `on`, and note when to ask again; returns the
    others."""
    case = table_of(CollectionsCase)
    resting = {
        asked.case_id: {
            "b_id": asked.case_id,
            "b_step": asked.step_day,
            "b_occurrence": asked.occurrence,
            "b_next": asked.answer.until,
        }
        for asked in ask_strategy(session, portfolio, case_ids, on=on)
        if isinstance(asked.answer, Rest)
    }
    if resting:
        update = (
            sa.update(case)
            .where(case.c.id == sa.bindparam("b_id"))
            .values(
                step_day=sa.bindparam("b_step"),
                occurrence=sa.bindparam("b_occurrence"),
                next_contact_on=sa.bindparam("b_next"),
            )
        )
        session.connection().execute(update, list(resting.values()))
    return [case_id for case_id in case_ids if case_id not in resting]


def cases_to_contact(session: Session, portfolio_id: int, on: date) -> list[int]:
    """Open cases whose strategy has to be asked on `on`."""
    query = (
        select(CollectionsCase.id)
        .where(
            CollectionsCase.portfolio_id == portfolio_id,
            CollectionsCase.status == CaseStatus.OPEN,
            col(CollectionsCase.next_contact_on) <= on,
        )
        .order_by(col(CollectionsCase.id))
    )
    return [i for i in session.scalars(query) if i is not None]


def plan_contacts(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    stationery: Stationery,
    *,
    on: date,
    now: datetime,
) -> dict[str, int]:
    """Ask the strategy, the gate and the letters for each of these cases, and queue what is cleared.

    All in the caller's transaction, under a lock on the customers: what this adds to a customer's contacts is
    seen by whoever clears the next one. Returns counts of cleared, waiting, refused, call_tasks, resting.
    """
    work = _draft(session, portfolio, case_ids, stationery, on=on, now=now, lock=True)
    work.write(session, by=SYSTEM)
    return work.counts


def draft_contacts(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    stationery: Stationery,
    *,
    on: date,
    now: datetime,
) -> Draft:
    """The same, only read and thought out: nothing is locked or written. For a night, in which nobody else works: what
    did change until `Draft.write` is planned again there."""
    return Draft(_draft(session, portfolio, case_ids, stationery, on=on, now=now, lock=False))


def _draft(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    stationery: Stationery,
    *,
    on: date,
    now: datetime,
    lock: bool,
) -> _Work:
    work = _Work(session, portfolio, stationery, on, now)
    contact_cases = load_contact_cases(session, portfolio, case_ids, now=now, lock=lock)
    live = ladders(session, portfolio)
    facts = gather_case_facts(session, portfolio, live, case_ids, on=on)
    plans_live = set(cases_with_live_plan(session, id_of(portfolio)))
    due: list[tuple[ContactCase, Step, Chosen, Situation]] = []
    ask = _Strategy(on)
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
        match ask(chosen.ladder, situation):
            case Take(step=step):
                due.append((contact_case, step, chosen, situation))
            case rest:
                work.count(case.id, "resting")
                case.next_contact_on = rest.until
    work.find_taken([(contact_case, step) for contact_case, step, _, _ in due])
    work.find_written(
        [contact_case for contact_case, step, _, _ in due if step.letter in stationery.follow_ups]
    )
    for contact_case, step, chosen, situation in due:
        work.take(contact_case, step, chosen)
        _look_again(contact_case.case, chosen.ladder, situation, ask)
    return work


class _Strategy:
    """`decide` on one day: most cases of a night stand on one of a few rungs of one ladder."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._answers: dict[tuple[int, int, int, bool, bool], Take | Rest] = {}

    def __call__(self, ladder: Ladder, situation: Situation) -> Take | Rest:
        if situation.facts is not NO_FACTS:
            return decide(ladder, situation, self.on)
        late, step_day = situation.days_past_due, situation.step_day
        key = (id(ladder), late, step_day, situation.plan_live, situation.owes_anything)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = decide(ladder, situation, self.on)
        return answer


class Draft:
    """Contacts that were planned without a lock."""

    def __init__(self, work: _Work) -> None:
        self._work = work

    def write(self, session: Session) -> dict[str, int]:
        """Lock the customers and write what was planned; who has changed since is planned again, under the lock.
        Returns the counts of `plan_contacts`."""
        work = self._work
        changed, heads = changed_cases(session, work.seen)
        work.leave_out(changed)
        work.write(session, by=SYSTEM, locked=heads)
        counts = Counter(work.counts)
        if changed:
            again = sorted(changed)
            counts.update(
                plan_contacts(session, work.portfolio, again, work.stationery, on=work.on, now=work.now)
            )
        return dict(counts)


def _look_again(case: CaseRow, ladder: Ladder, situation: Situation, ask: _Strategy) -> None:
    """After a step was taken: the day of the next one. A step that waits has set its own day already."""
    if case.next_contact_on is not None and case.next_contact_on > ask.on:
        return
    now = Situation(
        situation.days_past_due, case.step_day, situation.plan_live, situation.owes_anything, situation.facts
    )
    following = ask(ladder, now)
    case.next_contact_on = None if isinstance(following, Take) else following.until


class _Work:
    """Rows and events of one batch of planned contacts, written together at its end."""

    def __init__(
        self, session: Session, portfolio: Portfolio, stationery: Stationery, on: date, now: datetime
    ) -> None:
        self.session, self.portfolio, self.stationery = session, portfolio, stationery
        self.on, self.now = on, now
        self.until = now + PLANNING_HORIZON
        self.gate = BatchReview(self.now, self.until)
        self.outcomes: list[tuple[int, str]] = []
        """(case id, what came of it), as `counts` names it."""
        self.seen: list[ContactCase] = []
        self.moved: list[CaseRow] = []
        """Cases whose place on the ladder is to be written back."""
        self.planned: list[_Planned] = []
        self.strategy_tasks: list[dict[str, Any]] = []
        self.told: list[DecisionEntry | NewEvent] = []
        self.taken: set[tuple[CaseStep, Channel]] = set()
        """Contacts that exist already: one channel of their step was cleared when another had to wait. All under the
        customers' lock, so that nobody adds one meanwhile."""
        self.packs: dict[str, Pack] = {}
        self.letterhead = Letterhead.of(portfolio)
        self._misfit: dict[tuple[str, str], bool] = {}
        self._unreachable = self.letterhead.unreachable
        self.written: dict[int, list[tuple[date, CaseStep]]] = {}
        """What was sent in the cases in which a letter is due that says so."""
        self.spelled = instant_speller(session)

    def find_taken(self, due: Sequence[tuple[ContactCase, Step]]) -> None:
        cases, steps = {contact_case.case.id for contact_case, _ in due}, {step.id for _, step in due}
        self.taken |= contacts_of(self.session, cases, steps)

    def find_written(self, contact_cases: Sequence[ContactCase]) -> None:
        self.written.update(
            written_on(self.session, [contact_case.case.id for contact_case in contact_cases])
        )

    def take(self, contact_case: ContactCase, step: Step, chosen: Chosen) -> None:
        """Clear the step on each of its channels. It is taken when none has to wait any more, for a time or for a
        person: a channel that waits is asked for again, those that were queued before stay as they are. To whom nobody
        has written yet, a step that would follow up brings the first letter."""
        if step.action in (Action.LEGAL, Action.TASK):
            contact_case.case.step_day = step.day
            if step.action is Action.TASK:
                self._add_task(contact_case, _step_of(contact_case, step), step.task, strategy=chosen.ref)
                self.count(contact_case.case.id, "tasks")
            return
        step = self.worded_for(contact_case, step, chosen)
        if step.letter and self._misfits(step.letter, contact_case.customer.country):
            contact_case.case.step_day = step.day  # as a step whose condition does not hold
            return
        answers = [
            self._clear(contact_case, step, channel, chosen)
            for channel in _channels(step)
            if (_step_of(contact_case, step), channel) not in self.taken
        ]
        waits = [answer.at for answer in answers if isinstance(answer, WaitUntil)]
        if waits:
            zone = contact_case.customer.timezone or self.portfolio.timezone
            # The night that closes the day before is the one whose contacts leave on the day the wait ends.
            night = local_date(min(waits), zone) - timedelta(days=1)
            contact_case.case.next_contact_on = max(night, self.on + timedelta(days=1))
        elif any(isinstance(answer, Refusals) and answer.review_on is not None for answer in answers):
            contact_case.case.next_contact_on = (
                None  # a person ends such a hold, which wakes the case: no step is lost
            )
        else:
            contact_case.case.step_day = step.day

    def worded_for(self, contact_case: ContactCase, step: Step, chosen: Chosen) -> Step:
        """The step with the letter that is true for this case."""
        letters = self.stationery.letters
        if step.letter not in self.stationery.follow_ups or self._wrote_before(
            contact_case, _step_of(contact_case, step)
        ):
            return step
        ladder = [each.letter for each in chosen.ladder.steps if each.letter]
        first = first_letter(letters, letters[step.letter], ladder)
        return step if first is None else dataclasses.replace(step, letter=first.name)

    def _wrote_before(self, contact_case: ContactCase, step: CaseStep) -> bool:
        return wrote_before(self.written, step, contact_case.oldest_due_on)

    def _misfits(self, letter: str, country: str) -> bool:
        found = self._misfit.get((letter, country))
        if found is None:
            chosen = self.stationery.letters[letter]
            found = bool(self.stationery.misfit(chosen, self.letterhead, country))
            self._misfit[letter, country] = found
        return found

    def _clear(self, contact_case: ContactCase, step: Step, channel: Channel, chosen: Chosen) -> Answer:
        of = _step_of(contact_case, step)
        contact = self._contact(contact_case, channel, step.purpose, step.letter, of)
        about: dict[str, Any] = {"letter": step.letter, "strategy": chosen.ref}
        if chosen.ladder.segment:
            about["segment"] = chosen.ladder.segment
        answer = self._ask(contact_case, contact, of, about=about)
        if isinstance(answer, WaitUntil):
            self.count(contact_case.case.id, "waiting")
        elif not isinstance(answer, Clearance):
            self.count(contact_case.case.id, "refused")
        else:
            self.count(contact_case.case.id, "call_tasks" if channel is Channel.CALL else "cleared")
        return answer

    def _contact(
        self, contact_case: ContactCase, channel: Channel, purpose: Purpose, letter: str, step: CaseStep
    ) -> Contact:
        found = contact_of(self.stationery, contact_case.customer, channel, purpose, letter)
        flaw = self._flaw(contact_case, letter, step)
        return dataclasses.replace(found, flaw=flaw) if flaw else found

    def _flaw(self, contact_case: ContactCase, letter: str, step: CaseStep) -> str:
        """Why this letter may not be sent to them, as far as that is seen before it is worded."""
        if not letter:
            return ""
        if self._unreachable and self.stationery.letters[letter].variables & {
            "contact_phone",
            "contact_email",
        }:
            return self._unreachable
        if letter in self.stationery.follow_ups and not self._wrote_before(contact_case, step):
            return "it says that we wrote before, and no earlier letter of this case was sent"
        return ""

    def _ask(
        self,
        contact_case: ContactCase,
        contact: Contact,
        step: CaseStep,
        *,
        about: Mapping[str, Any],
        outgoing: Outgoing | None = None,
    ) -> Answer:
        """Ask the gate, word what it clears, and put the answer on record with what it was told. What turns out to have
        nothing true or whole to say is refused, for a person to look at."""
        self.packs[contact_case.pack.label] = contact_case.pack
        asked, answer, facts = self.gate.ask(contact, contact_case.current_facts(), contact_case.pack)
        message = None
        if isinstance(answer, Clearance) and contact.channel is not Channel.CALL:
            try:
                message = self._message(contact_case, answer, outgoing)
            except Unsayable as why:
                flawed = dataclasses.replace(contact, flaw=str(why))
                asked, answer, facts = self.gate.ask(flawed, contact_case.current_facts(), contact_case.pack)
                self.tell_person(contact_case, step, contact.letter, str(why))
        decision = decision_entry(
            contact_case.case.id,
            contact_case.case.customer_id,
            asked,
            answer,
            facts=facts,
            **step.told(),
            **about,
        )
        self.told.append(decision)
        if isinstance(answer, Clearance):
            instead_of = outgoing.instead_of if outgoing else None
            self.planned.append(_Planned(step, contact, decision, message, instead_of))
            if message is None:
                self._tell_of_call(contact_case, step)
        return answer

    def send(self, outgoing: Outgoing, channel: Channel) -> Answer:
        """Ask for a letter out of the ladder's turn on one channel, and add it where that is cleared."""
        to = self._contact(outgoing.contact_case, channel, outgoing.purpose, outgoing.letter, outgoing.step)
        about = {"letter": outgoing.letter, **outgoing.about}
        return self._ask(outgoing.contact_case, to, outgoing.step, about=about, outgoing=outgoing)

    def _tell_of_call(self, contact_case: ContactCase, step: CaseStep) -> None:
        self.told.append(
            about_customer(
                contact_case.case.customer_id,
                CallTaskCreated(step.step, self._tomorrow),
                case_id=contact_case.case.id,
                channel=Channel.CALL,
            )
        )

    @property
    def _tomorrow(self) -> date:
        return self.on + timedelta(days=1)

    def tell_person(self, contact_case: ContactCase, step: CaseStep, letter: str, why: str) -> None:
        """Tell a person that a letter could not be sent to somebody, and why."""
        title = self.stationery.letters[letter].title
        self._add_task(contact_case, step, f"{title} was not sent: {why}"[:300])

    def _add_task(
        self, contact_case: ContactCase, step: CaseStep, text: str, strategy: str | None = None
    ) -> None:
        """Something for a person to do; nobody is contacted by it, so the gate is not asked."""
        self.strategy_tasks.append(
            {
                **dict(zip(CaseStep._fields, step.values, strict=True)),
                "text": text,
                "due_on": self._tomorrow,
                "created_at": self.now,
                "done_by": "",
            }
        )
        self.told.append(
            about_customer(
                contact_case.case.customer_id,
                TaskCreated(step.step, text, self._tomorrow, strategy=strategy),
                case_id=contact_case.case.id,
            )
        )

    def _message(
        self, contact_case: ContactCase, clearance: Clearance, outgoing: Outgoing | None
    ) -> tuple[Any, ...]:
        """The outbox row of a cleared letter, worded. Raises Unsayable for one that has nothing true or whole to
        say."""
        contact = clearance.contact
        chosen = self.stationery.letters[contact.letter]
        context = letter_context(
            self.session, self.letterhead, self.stationery, contact_case, chosen, contact.channel,
            outgoing.plan if outgoing else None, now=self.now,
        )  # fmt: skip
        if outgoing and outgoing.figures:
            context = dataclasses.replace(context, **dict(outgoing.figures))  # type: ignore[arg-type]
        language = chosen.language_for(contact_case.customer.language)
        words = render(chosen, contact.channel, language, context, leaves=True)
        enclosed = ""
        if chosen.encloses and contact.channel is Channel.EMAIL:
            enclosed = render(chosen, Channel.POST, language, context, leaves=True).text
        contact_case.reserve(PastContact(self.now, contact.channel, ContactResult.PLACED, contact.address))
        return self._row(contact_case, clearance, context, words, enclosed)

    def _row(
        self,
        contact_case: ContactCase,
        clearance: Clearance,
        context: LetterContext,
        words: Rendered,
        enclosed: str,
    ) -> tuple[Any, ...]:
        """An outbox row, as `_MESSAGE` has it: only a Clearance makes one, for exactly its channel and address."""
        if not isinstance(clearance, Clearance):
            raise TypeError("the outbox takes a Clearance, nothing else")
        contact = clearance.contact
        return (
            str(contact.channel), self.letterhead.portfolio_id, contact_case.customer.id, contact_case.case.id,
            str(contact.purpose), contact.letter, words.version, words.language, contact.address,
            words.subject[:300], words.text, words.html, enclosed, context_text(context), contact_case.to_ask,
            answer_text(clearance), self.on.isoformat(), _QUEUED, self.spelled(clearance.not_before),
            self.spelled(clearance.not_after), "", 0, "", "", "", self.spelled(self.now),
        )  # fmt: skip

    def count(self, case_id: int, name: str) -> None:
        self.outcomes.append((case_id, name))

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(dict.fromkeys(("cleared", "waiting", "refused", "call_tasks", "resting"), 0))
        found.update(name for _, name in self.outcomes)
        return dict(found)

    def leave_out(self, case_ids: Collection[int]) -> None:
        """Forget what was planned for these cases."""
        if not case_ids:
            return
        self.outcomes = [each for each in self.outcomes if each[0] not in case_ids]
        self.moved = [case for case in self.moved if case.id not in case_ids]
        self.planned = [each for each in self.planned if each.step.case_id not in case_ids]
        self.strategy_tasks = [row for row in self.strategy_tasks if row["case_id"] not in case_ids]
        events = [each.event if isinstance(each, DecisionEntry) else each for each in self.told]
        self.told = [
            each for each, event in zip(self.told, events, strict=True) if event.case_id not in case_ids
        ]

    def write(self, session: Session, *, by: Actor, locked: Heads | None = None) -> None:
        """`locked` as in `record_many`."""
        for pack in self.packs.values():
            keep_pack(session, pack, now=self.now)
        if self.strategy_tasks:
            session.execute(upsert(session, StrategyTask).on_conflict_do_nothing(), self.strategy_tasks)
        _move_cases(session, self.moved)
        self._write_planned(session, by=by, locked=locked)

    def _write_planned(self, session: Session, *, by: Actor, locked: Heads | None) -> None:
        """Write contacts, messages, call tasks and the answers of the gate, each with the ids of the others."""
        fresh = [each for each in self.planned if each.instead_of is None]
        worded = [each for each in self.planned if each.message is not None]
        contact_ids = dict(zip(map(id, fresh), new_ids(session, PlannedContact, len(fresh)), strict=True))
        for each in self.planned:
            if each.instead_of is not None:
                contact_ids[id(each)] = each.instead_of.contact_id
        message_ids = new_ids(session, OutboxMessage, len(worded))
        for number, each in zip(message_ids, worded, strict=True):
            each.decision.name_message(number)
        event_ids = record_decisions(session, self.told, by=by, now=self.now, locked=locked)
        decision_ids = dict(zip(map(id, self.told), event_ids, strict=True))
        at = self.spelled(self.now)
        contacts = [
            (
                contact_ids[id(each)], *each.step.values, str(each.asked.channel), str(each.asked.purpose),
                each.asked.letter, decision_ids[id(each.decision)], at,
            )
            for each in fresh
        ]  # fmt: skip
        bulk_write(session, PlannedContact, _CONTACT, contacts)
        messages = [
            (number, contact_ids[id(each)], each.instead_of and each.instead_of.message_id, *each.message)
            for number, each in zip(message_ids, worded, strict=True)
            if each.message is not None
        ]
        bulk_write(session, OutboxMessage, _MESSAGE, messages)
        due_on = self._tomorrow.isoformat()
        calls = [
            (each.step.case_id, contact_ids[id(each)], due_on, at, "")
            for each in self.planned
            if each.message is None
        ]
        bulk_write(session, CallTask, _CALL_TASK, calls)


class Replaced(NamedTuple):
    """A message that was withheld, and in whose place another one of the same contact is written."""

    message_id: int
    contact_id: int


@dataclass(slots=True)
class _Planned:
    """A contact that the gate cleared: a message, or a call."""

    step: CaseStep
    asked: Contact
    decision: DecisionEntry
    message: tuple[Any, ...] | None
    """As `_row` makes it; None = a call."""
    instead_of: Replaced | None


_CONTACT = (
    "id", "case_id", "step", "occurrence", "plan_id", "hold_id", "channel", "purpose", "letter", "decision_id",
    "created_at",
)  # fmt: skip
_MESSAGE = (
    "id", "contact_id", "instead_of_id", "destination", "portfolio_id", "customer_id", "case_id", "purpose", "letter",
    "template_version", "language", "address", "subject", "text", "html", "enclosed", "context", "past_due_minor",
    "clearance", "business_date", "status", "not_before", "not_after", "claimed_by", "attempts", "attempt_id",
    "provider_ref", "error", "created_at",
)  # fmt: skip
_QUEUED = OutboxStatus.QUEUED.value
_CALL_TASK = ("case_id", "contact_id", "due_on", "created_at", "result")


def _step_of(contact_case: ContactCase, step: Step) -> CaseStep:
    return CaseStep(contact_case.case.id, step.id, contact_case.case.occurrence)


def _channels(step: Step) -> tuple[Channel, ...]:
    return (Channel.CALL,) if step.action is Action.CALL else step.channels


def _move_cases(session: Session, moved: Sequence[CaseRow]) -> None:
    """Write back where the cases stand on their ladders."""
    if not moved:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        rows = [
            (
                case.step_day,
                case.occurrence,
                case.next_contact_on and case.next_contact_on.isoformat(),
                case.id,
            )
            for case in moved
        ]
        connection.exec_driver_sql(
            "UPDATE collections_case SET step_day = ?, occurrence = ?, next_contact_on = ? WHERE id = ?", rows
        )
        return
    connection.exec_driver_sql(
        "UPDATE collections_case SET step_day = new.step_day, occurrence = new.occurrence, "
        "next_contact_on = new.next_contact_on "
        "FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::date[]) "
        "AS new(id, step_day, occurrence, next_contact_on) WHERE collections_case.id = new.id",
        (
            array_text([case.id for case in moved]),
            array_text([case.step_day for case in moved]),
            array_text([case.occurrence for case in moved]),
            array_text([str(on) if (on := case.next_contact_on) else None for case in moved]),
        ),
    )


def contact_of(
    stationery: Stationery, customer: Person, channel: Channel, purpose: Purpose, letter: str
) -> Contact:
    """The contact as the gate judges it: where it goes, and what its words will carry in which language."""
    address = address_of(customer, channel)
    if not letter:
        return Contact(channel, purpose, address)
    chosen = stationery.letters[letter]
    language = chosen.language_for(customer.language)
    blocks = chosen.carries.get((channel, language))
    if blocks and not stationery.register_number:
        blocks = tuple(name for name in blocks if name != "register_number")
    return Contact(channel, purpose, address, letter=letter, blocks=blocks, language=language)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A letter for one case that the ladder does not ask for, or not now."""

    contact_case: ContactCase
    letter: str
    purpose: Purpose
    channels: Sequence[Channel]
    step: CaseStep
    """With a channel, the contact for which it is written once."""
    plan: Plan | None = None
    figures: Mapping[str, str] = field(default_factory=dict)
    """What this occasion adds to the letter's values, by name."""
    about: Mapping[str, object] = field(default_factory=dict)
    """What goes on record with the answers, beside step and letter."""
    instead_of: Replaced | None = None
    """The message by the same channel in whose place this one is written."""


def contact_customers(
    session: Session,
    portfolio: Portfolio,
    outgoing: Sequence[Outgoing],
    stationery: Stationery,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> list[list[Answer]]:
    """Ask the gate for each of these letters on each of its channels, queue what it clears, and put every answer on
    record; the answers, in the order of the letters and their channels.

    Their cases are of different customers, opened in this transaction.
    """
    work = _Work(session, portfolio, stationery, on, now)
    work.find_written([each.contact_case for each in outgoing if each.letter in stationery.follow_ups])
    answers = [[work.send(each, channel) for channel in each.channels] for each in outgoing]
    work.write(session, by=by)
    return answers


def tell_of_unsent(
    session: Session,
    portfolio: Portfolio,
    contact_case: ContactCase,
    row: OutboxMessage,
    step: CaseStep,
    why: str,
    stationery: Stationery,
    *,
    on: date,
    now: datetime,
) -> None:
    """Leave it to a person to write this message again."""
    work = _Work(session, portfolio, stationery, on, now)
    work.tell_person(contact_case, step, row.letter, why)
    work.write(session, by=SYSTEM)


def confirm_plan(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    stationery: Stationery,
    *,
    channels: Sequence[Channel] = (Channel.SMS, Channel.EMAIL),
    on: date,
    by: Actor,
    now: datetime,
) -> list[Answer]:
    """Queue the written confirmation of an accepted promise or plan, on each channel the gate clears."""
    [contact_case] = load_contact_cases(session, portfolio, [plan.case_id], now=now, as_of=on)
    letter = "plan_confirmation" if plan.kind is PlanKind.INSTALMENTS else "promise_confirmation"
    step = CaseStep(plan.case_id, DeskStep.CONFIRMATION, plan_id=plan.id)
    confirmation = Outgoing(contact_case, letter, Purpose.CONFIRMATION, channels, step, plan=plan)
    [answers] = contact_customers(session, portfolio, [confirmation], stationery, on=on, by=by, now=now)
    for channel, answer in zip(channels, answers, strict=True):
        defer_letter(
            session,
            id_of(portfolio),
            contact_case.case,
            answer,
            step=step,
            letter=letter,
            channel=channel,
            figures={},
        )
    return answers


# --- wording ------------------------------------------------------------------------------------------------


class Letterhead(NamedTuple):
    """What all letters of a portfolio share."""

    portfolio_id: int
    creditor: str
    collector: str
    agency: str
    currency: str
    timezone: str
    contact_phone: str
    contact_email: str
    code: str = ""

    @property
    def unreachable(self) -> str:
        """Why no letter of the portfolio may leave, '' = customers are told where to answer."""
        if self.contact_phone or self.contact_email:
            return ""
        return unreachable(self.code)

    @classmethod
    def of(cls, portfolio: Portfolio) -> Letterhead:
        return cls(
            id_of(portfolio),
            portfolio.creditor,
            portfolio.collector.value,
            portfolio.agency,
            portfolio.currency,
            portfolio.timezone,
            portfolio.contact_phone.strip(),
            portfolio.contact_email.strip(),
            portfolio.code,
        )


def letter_context(
    session: Session,
    head: Letterhead,
    stationery: Stationery,
    contact_case: ContactCase,
    letter: Letter,
    channel: Channel,
    plan: Plan | None,
    *,
    now: datetime,
) -> LetterContext:
    """The frozen figures of a letter, formatted as the language it will really be in is written there."""
    language = letter.locale_for(contact_case.customer.language, contact_case.customer.country)
    currency = head.currency
    today = local_date(now, head.timezone)
    late = [(account, asked) for account in contact_case.accounts if (asked := account.asked) > 0]
    oldest = contact_case.oldest_due_on
    parts = instalments_of(session, [plan.id])[plan.id] if plan is not None and plan.id is not None else []
    context = LetterContext(
        customer_name=contact_case.customer.full_name,
        creditor=head.creditor,
        collector_kind=head.collector,
        reference=case_reference(id_of(contact_case.case)),
        accounts=tuple(
            [
                AccountLine(
                    account.product,
                    account.card_last4,
                    format_amount(asked, currency, language),
                    format_amount(account.balance_minor, currency, language),
                    days_past_due(account.oldest_due_on, today),
                    currency,
                )
                for account, asked in late
            ]
        ),
        past_due_total=format_amount(contact_case.to_ask, currency, language),
        oldest_due_on=format_date(oldest, language) if oldest else "",
        today=format_date(today, language),
        contact_phone=head.contact_phone,
        contact_email=head.contact_email,
        preferences_url=stationery.unsubscribe_url(
            id_of(contact_case.customer), channel, contact_case.customer.link_number, on=today
        ),
        amount=format_amount(plan.total_minor, currency, language) if plan else "",
        promise_on=format_date(parts[-1].due_on, language) if parts else "",
        sender_address=stationery.sender_address,
        register_number=stationery.register_number,
        sender=head.agency,
        instalments=tuple(
            InstalmentLine(p.n, format_date(p.due_on, language), format_amount(p.amount, currency, language))
            for p in (parts if len(parts) > 1 else ())
        ),
    )
    if letter.answer is None and letter.variables.isdisjoint(FIGURES):
        return context
    more = figures_for(session, contact_case, letter, currency, language, today=today)
    return dataclasses.replace(context, **more)


def context_text(context: LetterContext) -> str:
    """The frozen figures as canonical JSON."""
    data = {
        name: value
        for name, value in zip(_NAMES, values_of(context), strict=True)
        if value or name not in OPTIONAL
    }
    for name in LISTS:
        if name in data:
            data[name] = [as_dict(line) for line in data[name]]
    return canonical(data)


_NAMES = tuple(field.name for field in dataclasses.fields(LetterContext))


def message_context(message: OutboxMessage) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(message.context)
    return loaded
