"""Batch of contacts: asks the gate about each step on each of its channels, and words the letters it clears."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import TypeGuard

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallTaskCreated
from app.casework.contacts.queries import contacts_of
from app.casework.contacts.rules import CaseStep
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.bulk import upsert
from app.core.timeline.service import Heads, NewEvent, about_customer
from app.core.types import JsonObject, Values
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import CaseRow, ContactCase
from app.outreach.gate.decisions import DecisionEntry, decision_entry
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.gate.review import BatchReview
from app.outreach.letters.earlier import first_letter, on_their_way, written_on, wrote_before
from app.outreach.letters.letter import (
    Unsayable,
)
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.rows import ClearedContact, LetterRequest, move_cases, write_contacts
from app.outreach.planning.wording import LetterWriter
from app.outreach.strategy.events import TaskCreated
from app.outreach.strategy.ladders import ChosenLadder
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.rules import Action, Step
from app.policy.answers import Answer, Clearance, Refusals, WaitUntil
from app.policy.facts import Contact
from app.policy.kinds.wait import WaitRule
from app.policy.pack import Pack
from app.policy.rules import Rule

PLANNING_HORIZON = timedelta(hours=24)
"""A contact whose window opens within this time is queued; one that has to wait longer is asked for again."""


class ContactBatch:
    """Contacts that are cleared together: their rows and events are written at its end."""

    def __init__(
        self, session: Session, portfolio: Portfolio, catalog: LetterCatalog, on: date, now: datetime
    ) -> None:
        self.session, self.portfolio, self.catalog = session, portfolio, catalog
        self.on, self.now = on, now
        self.until = now + PLANNING_HORIZON
        self.gate = BatchReview(self.now, self.until)
        self.outcomes: list[tuple[int, str]] = []
        """(case id, what came of it), as `counts` names it."""
        self.seen: list[ContactCase] = []
        self.moved: list[CaseRow] = []
        """Cases whose place on the ladder is to be written back."""
        self.cleared: list[ClearedContact] = []
        self.strategy_tasks: list[JsonObject] = []
        self.told: list[DecisionEntry | NewEvent] = []
        self.taken: set[tuple[CaseStep, Channel]] = set()
        """Contacts that exist already: one channel of their step was cleared when another had to wait. All under the
        customers' lock, so that no other worker adds one meanwhile."""
        self.packs: dict[str, Pack] = {}
        self.letterhead = Letterhead.of(portfolio)
        self._misfit: dict[tuple[str, str, str], bool] = {}
        self._unreachable = self.letterhead.unreachable
        self._coming: dict[int, set[str]] | None = None
        """Letters by customer that may still leave; None = not asked for yet."""
        self.written: dict[int, list[tuple[date, CaseStep]]] = {}
        """Earlier letters of the cases in which a follow-up is due."""
        self.writer = LetterWriter(session, catalog, self.letterhead, on, now)

    def find_taken(self, due: Sequence[tuple[ContactCase, Step]]) -> None:
        cases, steps = {contact_case.case.id for contact_case, _ in due}, {step.id for _, step in due}
        self.taken |= contacts_of(self.session, cases, steps)

    def find_written(self, contact_cases: Sequence[ContactCase]) -> None:
        self.written.update(
            written_on(self.session, [contact_case.case.id for contact_case in contact_cases])
        )

    def take(self, contact_case: ContactCase, step: Step, chosen: ChosenLadder) -> None:
        """Clear the step on each of its channels. The step is taken once no channel waits for a time or a person: a
        waiting channel is asked again, a queued one stays queued. A customer without an earlier letter gets the first
        letter in place of a follow-up."""
        if step.action in (Action.LEGAL, Action.TASK):
            contact_case.case.step_day = step.day
            if step.action is Action.TASK:
                self._add_task(contact_case, _step_of(contact_case, step), step.task, strategy=chosen.ref)
                self.count(contact_case.case.id, "tasks")
            return
        step = self.worded_for(contact_case, step, chosen)
        if step.letter and self._misfits(step.letter, contact_case):
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
        elif self._notice_is_coming(contact_case, answers):
            contact_case.case.next_contact_on = self.on + timedelta(days=1)
        else:
            contact_case.case.step_day = step.day

    def _notice_is_coming(self, contact_case: ContactCase, answers: Sequence[Answer]) -> bool:
        """True if a channel waits for a notice that comes before all contacts, and it is on its way; all else in
        the way ends by itself."""
        refused = [answer for answer in answers if isinstance(answer, Refusals)]
        if not refused:
            return False
        firsts = {rule.id: rule.after for rule in contact_case.pack.rules if _comes_first(rule)}
        awaited = {
            letter
            for answer in refused
            if all(reason.rule in firsts or reason.until is not None for reason in answer.reasons)
            for reason in answer.reasons
            for letter in firsts.get(reason.rule, ())
        }
        if not awaited:
            return False
        if self._coming is None:
            self._coming = on_their_way(self.session, {each.customer.id for each in self.seen})
        return not awaited.isdisjoint(self._coming.get(contact_case.customer.id, ()))

    def worded_for(self, contact_case: ContactCase, step: Step, chosen: ChosenLadder) -> Step:
        """Return the step with the letter that is true for this case: a follow-up needs an earlier letter, otherwise a
        first letter takes its place."""
        letters = self.catalog.letters
        if step.letter not in self.catalog.follow_ups or self._wrote_before(
            contact_case, _step_of(contact_case, step)
        ):
            return step
        ladder = [each.letter for each in chosen.ladder.steps if each.letter]
        first = first_letter(letters, letters[step.letter], ladder)
        return step if first is None else dataclasses.replace(step, letter=first.name)

    def _wrote_before(self, contact_case: ContactCase, step: CaseStep) -> bool:
        return wrote_before(self.written, step, contact_case.oldest_due_on)

    def _misfits(self, letter: str, contact_case: ContactCase) -> bool:
        country, pack = contact_case.customer.country, contact_case.pack
        found = self._misfit.get((letter, country, pack.label))
        if found is None:
            chosen = self.catalog.letters[letter]
            found = bool(self.catalog.misfit(chosen, self.letterhead, country, pack))
            self._misfit[letter, country, pack.label] = found
        return found

    def _clear(self, contact_case: ContactCase, step: Step, channel: Channel, chosen: ChosenLadder) -> Answer:
        of = _step_of(contact_case, step)
        contact = self._contact(contact_case, channel, step.purpose, step.letter, of)
        about: JsonObject = {"letter": step.letter, "strategy": chosen.ref}
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
        found = self.catalog.contact(contact_case.customer, channel, purpose, letter)
        flaw = self._flaw(contact_case, letter, step)
        return dataclasses.replace(found, flaw=flaw) if flaw else found

    def _flaw(self, contact_case: ContactCase, letter: str, step: CaseStep) -> str:
        """The reason that this letter may not be sent, as far as it shows before wording; '' = none."""
        if not letter:
            return ""
        if self._unreachable and self.catalog.letters[letter].variables & {
            "contact_phone",
            "contact_email",
        }:
            return self._unreachable
        if letter in self.catalog.follow_ups and not self._wrote_before(contact_case, step):
            return "it says that we wrote before, and no earlier letter of this case was sent"
        return ""

    def _ask(
        self,
        contact_case: ContactCase,
        contact: Contact,
        step: CaseStep,
        *,
        about: Values,
        request: LetterRequest | None = None,
    ) -> Answer:
        """Ask the gate, word the letter it clears, and record the answer with its facts. A letter that cannot be worded
        truthfully is refused and becomes a person's task."""
        self.packs[contact_case.pack.label] = contact_case.pack
        asked, answer, facts = self.gate.ask(contact, contact_case.current_facts(), contact_case.pack)
        message = None
        if isinstance(answer, Clearance) and contact.channel is not Channel.CALL:
            try:
                message = self.writer.message(contact_case, answer, request)
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
            instead_of = request.instead_of if request else None
            self.cleared.append(ClearedContact(step, contact, decision, message, instead_of))
            if message is None:
                self._tell_of_call(contact_case, step)
        return answer

    def send(self, request: LetterRequest, channel: Channel) -> Answer:
        """Ask for a letter out of the ladder's turn on one channel, and add it where that is cleared."""
        to = self._contact(request.contact_case, channel, request.purpose, request.letter, request.step)
        about = {"letter": request.letter, **request.about}
        return self._ask(request.contact_case, to, request.step, about=about, request=request)

    def verdict(self, request: LetterRequest, channel: Channel) -> Answer:
        """Ask the same as `send` does, and write nothing."""
        to = self._contact(request.contact_case, channel, request.purpose, request.letter, request.step)
        facts = request.contact_case.current_facts()
        return self.gate.ask(to, facts, request.contact_case.pack)[1]

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
        """Tell a person that a letter could not be sent to a customer, and why; once for two channels."""
        text = f"{self.catalog.letters[letter].title} was not sent: {why}"[:300]
        known = dict(zip(CaseStep._fields, step.values, strict=True)) | {"text": text}
        if not (self.strategy_tasks and known.items() <= self.strategy_tasks[-1].items()):
            self._add_task(contact_case, step, text)

    def _add_task(
        self, contact_case: ContactCase, step: CaseStep, text: str, strategy: str | None = None
    ) -> None:
        """Add a task for a person. It contacts no customer, so the gate is not asked."""
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

    def count(self, case_id: int, name: str) -> None:
        self.outcomes.append((case_id, name))

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(dict.fromkeys(("cleared", "waiting", "refused", "call_tasks", "resting"), 0))
        found.update(name for _, name in self.outcomes)
        return dict(found)

    def leave_out(self, case_ids: Collection[int]) -> None:
        """Forget the contacts planned for these cases."""
        if not case_ids:
            return
        self.outcomes = [each for each in self.outcomes if each[0] not in case_ids]
        self.moved = [case for case in self.moved if case.id not in case_ids]
        self.cleared = [each for each in self.cleared if each.step.case_id not in case_ids]
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
        move_cases(session, self.moved)
        write_contacts(session, self.cleared, self.told, on=self.on, by=by, now=self.now, locked=locked)


def _step_of(contact_case: ContactCase, step: Step) -> CaseStep:
    return CaseStep(contact_case.case.id, step.id, contact_case.case.occurrence)


def _comes_first(rule: Rule) -> TypeGuard[WaitRule]:
    return isinstance(rule, WaitRule) and rule.before_contact and not rule.if_sent


def _channels(step: Step) -> tuple[Channel, ...]:
    return (Channel.CALL,) if step.action is Action.CALL else step.channels
