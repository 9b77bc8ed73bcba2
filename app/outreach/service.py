"""From a due step to a queued message: decide, clear, word, enqueue. The other half is delivery.py."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.cases.models import CallTask, CollectionsCase, case_reference
from app.cases.rules import CaseStatus
from app.clock import local_date
from app.compliance.rules import (
    Answer,
    Clearance,
    Contact,
    ContactResult,
    Facts,
    PastContact,
    WaitUntil,
    review_within,
)
from app.compliance.service import address_of, answer_data, gather_facts, pack_of, record_answer
from app.db import chunked, table_of, upsert
from app.delinquency.models import AccountState
from app.delinquency.rules import days_past_due
from app.ledger.models import Account, Customer, Portfolio
from app.ledger.rules import COLLECTABLE
from app.outreach.letters import (
    AccountLine,
    InstalmentLine,
    Letter,
    LetterContext,
    format_amount,
    format_date,
    render,
)
from app.outreach.models import OutboxMessage
from app.outreach.rules import Destination, OutboxStatus, to_ask
from app.outreach.situations import gather_case_facts
from app.plans.models import Plan
from app.plans.service import cases_with_live_plan, instalments_of
from app.strategy.models import StrategyTask
from app.strategy.rules import NO_FACTS, Action, Ladder, Rest, Situation, Step, Take, decide, rearm
from app.strategy.service import Chosen, ladders, note_participants
from app.timeline.rules import Channel, Kind, Purpose, canonical
from app.timeline.service import NewEvent, customer_stream, lock_customers, record_many

PENDING = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING, OutboxStatus.UNKNOWN)
"""Messages that may still reach the customer: they count toward caps although nothing was sent yet."""

PLANNING_HORIZON = timedelta(hours=24)
"""A contact whose window opens within this time is queued; one that has to wait longer is asked for again."""


@dataclass(frozen=True)
class Stationery:
    """What words are made with: the letters, and links into this installation."""

    letters: Mapping[str, Letter]
    public_url: str
    secret: str

    def unsubscribe_url(self, customer_id: int, channel: Channel) -> str:
        return f"{self.public_url}/u/{self._token(customer_id, channel)}"

    def _token(self, customer_id: int, channel: Channel) -> str:
        body = f"{customer_id}.{channel.value}"
        mac = hmac.new(self.secret.encode(), f"unsubscribe:{body}".encode(), hashlib.sha256).digest()[:18]
        return f"{body}.{base64.urlsafe_b64encode(mac).decode()}"

    def read_token(self, token: str) -> tuple[int, Channel] | None:
        """(customer id, channel) of a token that we made, else None."""
        customer, _, rest = token.partition(".")
        channel = rest.partition(".")[0]
        if not (customer.isascii() and customer.isdigit() and len(customer) < 19) or channel not in set(
            Channel
        ):
            return None
        expected = self._token(int(customer), Channel(channel))
        if not hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace")):
            return None
        return int(customer), Channel(channel)


@dataclass(slots=True)
class Folder:
    """Everything about one case that clearing and wording need, loaded once."""

    case: CollectionsCase
    customer: Customer
    accounts: list[tuple[Account, AccountState]] = field(default_factory=list)
    facts: Facts = field(default_factory=lambda: Facts(()))

    @property
    def to_ask(self) -> int:
        """What a letter may ask for: what is past due, on each account never more than its balance."""
        return sum(asked(state) for _, state in self.accounts)

    @property
    def oldest_due_on(self) -> date | None:
        return min((s.oldest_due_on for _, s in self.accounts if s.oldest_due_on), default=None)


def asked(state: AccountState) -> int:
    return to_ask(state.past_due_minor, state.balance_minor)


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
    theirs = sa.and_(account.c.customer_id == case.c.customer_id, account.c.status.in_(COLLECTABLE))
    late = sa.and_(state.c.account_id == account.c.id, state.c.oldest_due_on.is_not(None))
    query = (
        sa.select(
            case.c.id, case.c.step_day, case.c.occurrence, case.c.customer_id, case.c.past_due_minor,
            state.c.oldest_due_on, state.c.past_due_minor, state.c.balance_minor,
        )
        .select_from(case.outerjoin(account, theirs).outerjoin(state, late))
        # Not by portfolio: that would lead to the index over all that are to be asked, once a chunk.
        .where(case.c.id.in_(case_ids), case.c.status == CaseStatus.OPEN, case.c.next_contact_on <= on)
        .order_by(case.c.id)
        .with_for_update(of=case, skip_locked=True)
    )  # fmt: skip
    live = ladders(session, portfolio)
    plans_live = set(cases_with_live_plan(session, portfolio.id or 0))
    answers = []
    found = session.connection().execute(query).all()
    facts = (
        gather_case_facts(session, portfolio, live, [row[0] for row in found], on=on) if live.needs else {}
    )
    for (case_id, step_day, occurrence, customer_id, _), lines in groupby(
        found, key=itemgetter(0, 1, 2, 3, 4)
    ):
        dues = [line[5:] for line in lines if line[5] is not None]
        days_late = days_past_due(min((due[0] for due in dues), default=None), on)
        step_day, occurrence = rearm(step_day, occurrence, days_late)
        owes = any(to_ask(past_due, balance) for _, past_due, balance in dues)
        known = facts.get(case_id, NO_FACTS)
        situation = Situation(days_late, step_day, case_id in plans_live, owes, known)
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
    live = ladders(session, portfolio)
    facts = gather_case_facts(session, portfolio, live, case_ids, on=on)
    plans_live = set(cases_with_live_plan(session, portfolio.id or 0))
    work = _Work(session, portfolio, stationery, on, now)
    due: list[tuple[Folder, Step, Chosen, Situation]] = []
    for folder in open_folders(session, portfolio, case_ids, now=now):
        case = folder.case
        if case.status is not CaseStatus.OPEN or case.next_contact_on is None or case.next_contact_on > on:
            continue
        late = days_past_due(folder.oldest_due_on, on)
        case.step_day, case.occurrence = rearm(case.step_day, case.occurrence, late)
        known = facts[case.id or 0]
        situation = Situation(late, case.step_day, case.id in plans_live, folder.to_ask > 0, known)
        chosen = live.of(case.customer_id, known)
        match decide(chosen.ladder, situation, on):
            case Take(step=step):
                due.append((folder, step, chosen, situation))
            case rest:
                work.counts["resting"] += 1
                case.next_contact_on = rest.until
    work.find_queued([(folder, step) for folder, step, _, _ in due])
    for folder, step, chosen, situation in due:
        work.take(folder, step, chosen)
        _look_again(folder.case, chosen.ladder, situation, on)
    work.write()
    session.flush()
    return work.counts


def _look_again(case: CollectionsCase, ladder: Ladder, situation: Situation, on: date) -> None:
    """After a step was taken: the day of the next one. A step that waits has set its own day already."""
    if case.next_contact_on is not None and case.next_contact_on > on:
        return
    following = decide(ladder, dataclasses.replace(situation, step_day=case.step_day), on)
    case.next_contact_on = None if isinstance(following, Take) else following.until


class _Work:
    """Rows and events of one batch of planned contacts, written together at its end."""

    def __init__(
        self, session: Session, portfolio: Portfolio, stationery: Stationery, on: date, now: datetime
    ) -> None:
        self.session, self.portfolio, self.stationery = session, portfolio, stationery
        self.on, self.now = on, now
        self.pack = pack_of(portfolio)
        self.counts = {"cleared": 0, "waiting": 0, "refused": 0, "call_tasks": 0, "resting": 0}
        self.messages: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.strategy_tasks: list[dict[str, Any]] = []
        self.events: list[NewEvent] = []
        self.queued: set[str] = set()
        """Keys of messages that were queued when one channel of a step was cleared and another had to wait."""

    def find_queued(self, due: Sequence[tuple[Folder, Step]]) -> None:
        keys = [self._key(f, step, c) for f, step in due if len(step.channels) > 1 for c in step.channels]
        for some in chunked(keys, 5000):
            query = select(OutboxMessage.key).where(col(OutboxMessage.key).in_(some))
            self.queued.update(self.session.scalars(query))

    def take(self, folder: Folder, step: Step, chosen: Chosen) -> None:
        """Clear the step on each of its channels. It is taken when none has to wait any more: a channel that
        waits is asked for again, those that were queued before stay as they are."""
        if step.action in (Action.LEGAL, Action.TASK):
            folder.case.step_day = step.day
            if step.action is Action.TASK:
                self._add_task(folder, step, chosen)
            return
        channels = (Channel.CALL,) if step.action is Action.CALL else step.channels
        answers = [
            self._clear(folder, step, channel, chosen)
            for channel in channels
            if self._key(folder, step, channel) not in self.queued
        ]
        waits = [answer.at for answer in answers if isinstance(answer, WaitUntil)]
        if waits:
            zone = folder.customer.timezone or self.portfolio.timezone
            # The night that closes the day before is the one whose contacts leave on the day the wait ends.
            night = local_date(min(waits), zone) - timedelta(days=1)
            folder.case.next_contact_on = max(night, self.on + timedelta(days=1))
        else:
            folder.case.step_day = step.day

    def _key(self, folder: Folder, step: Step, channel: Channel) -> str:
        return f"{folder.case.id}:{step.id}:{folder.case.occurrence}:{channel.value}"

    def _clear(self, folder: Folder, step: Step, channel: Channel, chosen: Chosen) -> Answer:
        contact = Contact(channel, step.purpose, address_of(folder.customer, channel))
        key = self._key(folder, step, channel)
        answer = review_within(contact, folder.facts, self.pack, self.now, self.now + PLANNING_HORIZON)
        about = {"step": step.id, "letter": step.letter, "key": key, "strategy": chosen.ref}
        if chosen.ladder.segment:
            about["segment"] = chosen.ladder.segment
        self.events.append(record_answer(folder.case.id, folder.case.customer_id, contact, answer, **about))
        if isinstance(answer, WaitUntil):
            self.counts["waiting"] += 1
        elif not isinstance(answer, Clearance):
            self.counts["refused"] += 1
        elif step.action is Action.CALL:
            self._add_call_task(folder, step, key)
        else:
            self.counts["cleared"] += 1
            self._add_message(folder, answer, step.letter, key, plan=None)
        return answer

    def _add_call_task(self, folder: Folder, step: Step, key: str) -> None:
        self.counts["call_tasks"] += 1
        due_on = self.on + timedelta(days=1)
        self.tasks.append(
            {
                "case_id": folder.case.id,
                "key": key,
                "step": step.id,
                "due_on": due_on,
                "created_at": self.now,
                "result": "",
            }
        )
        self.events.append(
            NewEvent(
                customer_stream(folder.case.customer_id),
                Kind.CALL_TASK_CREATED,
                {"step": step.id, "due_on": due_on},
                customer_id=folder.case.customer_id,
                case_id=folder.case.id,
                channel=Channel.CALL,
            )
        )

    def _add_task(self, folder: Folder, step: Step, chosen: Chosen) -> None:
        """Something for a person to do; nobody is contacted by it, so the gate is not asked."""
        due_on = self.on + timedelta(days=1)
        self.strategy_tasks.append(
            {
                "case_id": folder.case.id,
                "key": f"{folder.case.id}:{step.id}:{folder.case.occurrence}:task",
                "step": step.id,
                "text": step.task,
                "due_on": due_on,
                "created_at": self.now,
                "done_by": "",
            }
        )
        self.counts["tasks"] = self.counts.get("tasks", 0) + 1
        self.events.append(
            NewEvent(
                customer_stream(folder.case.customer_id),
                Kind.TASK_CREATED,
                {"step": step.id, "task": step.task, "due_on": due_on, "strategy": chosen.ref},
                customer_id=folder.case.customer_id,
                case_id=folder.case.id,
            )
        )

    def _add_message(
        self, folder: Folder, clearance: Clearance, letter: str, key: str, *, plan: Plan | None
    ) -> None:
        row = _message(
            self.session, self.portfolio, self.stationery, folder, clearance, letter, key, plan,
            on=self.on, now=self.now,
        )  # fmt: skip
        self.messages.append(row)
        taken = PastContact(
            self.now, clearance.contact.channel, ContactResult.PLACED, clearance.contact.address
        )
        folder.facts = dataclasses.replace(folder.facts, history=(*folder.facts.history, taken))

    def write(self) -> None:
        enqueue(self.session, self.messages)
        if self.tasks:
            self.session.execute(upsert(self.session, CallTask).on_conflict_do_nothing(), self.tasks)
        if self.strategy_tasks:
            self.session.execute(
                upsert(self.session, StrategyTask).on_conflict_do_nothing(), self.strategy_tasks
            )
        record_many(self.session, self.events, by="system", now=self.now)


def enqueue(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put messages into the outbox; a key that is there already changes nothing."""
    if rows:
        session.execute(upsert(session, OutboxMessage).on_conflict_do_nothing(), list(rows))


def confirm_plan(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    stationery: Stationery,
    *,
    channels: Iterable[Channel] = (Channel.SMS, Channel.EMAIL),
    on: date,
    by: str,
    now: datetime,
) -> list[Answer]:
    """Queue the written confirmation of an accepted promise or plan, on each channel the gate clears."""
    [folder] = open_folders(session, portfolio, [plan.case_id], now=now)
    work = _Work(session, portfolio, stationery, on, now)
    answers = []
    for channel in channels:
        contact = Contact(channel, Purpose.CONFIRMATION, address_of(folder.customer, channel))
        key = f"{plan.case_id}:{PLAN_STEP}{plan.id}:1:{channel.value}"
        answer = review_within(contact, folder.facts, work.pack, now, now + PLANNING_HORIZON)
        about = {"letter": "promise_confirmation", "key": key}
        work.events.append(record_answer(plan.case_id, plan.customer_id, contact, answer, **about))
        if isinstance(answer, Clearance):
            work._add_message(folder, answer, "promise_confirmation", key, plan=plan)
        answers.append(answer)
    enqueue(session, work.messages)
    record_many(session, work.events, by=by, now=now)
    return answers


PLAN_STEP = "plan-"
"""Begins the 'step' of a confirmation's key; the plan's id follows."""


def confirmed_plan(key: str) -> int | None:
    """The plan that the message with this key confirms, if it is a confirmation."""
    step = key.split(":")[1] if key.count(":") >= 3 else ""
    return int(step.removeprefix(PLAN_STEP)) if step.startswith(PLAN_STEP) else None


# --- loading and wording --------------------------------------------------------------------------------------


def open_folders(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    *,
    now: datetime,
    skip_message: int | None = None,
) -> list[Folder]:
    """Cases with customer, accounts and facts, in id order, the customers locked until the transaction ends.

    `skip_message` is the outbox row the question is about: it must not count against itself.
    """
    cases = session.scalars(
        select(CollectionsCase).where(col(CollectionsCase.id).in_(case_ids)).order_by(col(CollectionsCase.id))
    ).all()
    ids = sorted({case.customer_id for case in cases})
    lock_customers(session, ids)
    customers = {c.id: c for c in session.scalars(select(Customer).where(col(Customer.id).in_(ids)))}
    reserved = _reserved(session, ids, now, skip_message)
    facts = gather_facts(session, list(customers.values()), pack_of(portfolio), now=now, reserved=reserved)
    folders = {
        case.customer_id: Folder(case, customers[case.customer_id], facts=facts[case.customer_id])
        for case in cases
    }
    query = (
        select(Account, AccountState)
        .join(AccountState, col(AccountState.account_id) == Account.id)
        .where(col(Account.customer_id).in_(ids), col(Account.status).in_(COLLECTABLE))
        .order_by(col(Account.id))
    )
    for account, state in session.execute(query).all():
        folders[account.customer_id].accounts.append((account, state))
    return list(folders.values())


def _reserved(
    session: Session, customer_ids: Sequence[int], now: datetime, skip_message: int | None
) -> dict[int, list[PastContact]]:
    """Messages on their way. When one of them is judged again for delivery (`skip_message`), those still
    queued do not stand in its way: each is judged in its own turn."""
    statuses = PENDING if skip_message is None else (OutboxStatus.SENDING, OutboxStatus.UNKNOWN)
    query = select(OutboxMessage).where(
        col(OutboxMessage.customer_id).in_(customer_ids),
        col(OutboxMessage.status).in_(statuses),
        OutboxMessage.destination != Destination.LEGAL_DESK,
    )
    reserved: dict[int, list[PastContact]] = {}
    for row in session.scalars(query):
        if row.id != skip_message:
            # What became unknown counts from when it was tried; what is still on its way counts from now.
            at = row.settled_at if row.status is OutboxStatus.UNKNOWN and row.settled_at else now
            past = PastContact(at, Channel(row.destination.value), ContactResult.PLACED, row.address)
            reserved.setdefault(row.customer_id, []).append(past)
    return reserved


def _message(
    session: Session,
    portfolio: Portfolio,
    stationery: Stationery,
    folder: Folder,
    clearance: Clearance,
    letter: str,
    key: str,
    plan: Plan | None,
    *,
    on: date,
    now: datetime,
) -> dict[str, Any]:
    """An outbox row: only a Clearance makes one, for exactly its channel and address."""
    if not isinstance(clearance, Clearance):
        raise TypeError("the outbox takes a Clearance, nothing else")
    channel = clearance.contact.channel
    context = letter_context(
        session, portfolio, stationery, folder, stationery.letters[letter], channel, plan, now=now
    )
    words = render(stationery.letters[letter], channel, folder.customer.language, context)
    return {
        "key": key,
        "destination": Destination(channel.value),
        "portfolio_id": portfolio.id,
        "customer_id": folder.customer.id,
        "case_id": folder.case.id,
        "purpose": clearance.contact.purpose,
        "letter": letter,
        "template_version": words.version,
        "language": words.language,
        "address": clearance.contact.address,
        "subject": words.subject[:300],
        "text": words.text,
        "html": words.html,
        "context": canonical(dataclasses.asdict(context)),
        "past_due_minor": folder.to_ask,
        "clearance": canonical(answer_data(clearance)),
        "business_date": on,
        "status": OutboxStatus.QUEUED,
        "not_before": clearance.not_before,
        "not_after": clearance.not_after,
        "claimed_by": "",
        "attempts": 0,
        "attempt_id": "",
        "provider_ref": "",
        "error": "",
        "created_at": now,
    }


def letter_context(
    session: Session,
    portfolio: Portfolio,
    stationery: Stationery,
    folder: Folder,
    letter: Letter,
    channel: Channel,
    plan: Plan | None,
    *,
    now: datetime,
) -> LetterContext:
    """The frozen figures of a letter, formatted in the language it will really be in."""
    language = letter.language_for(folder.customer.language)
    currency = portfolio.currency
    today = local_date(now, portfolio.timezone)
    late = [(account, state) for account, state in folder.accounts if asked(state) > 0]
    oldest = folder.oldest_due_on
    parts = instalments_of(session, [plan.id])[plan.id] if plan is not None and plan.id is not None else []
    return LetterContext(
        customer_name=folder.customer.full_name,
        creditor=portfolio.creditor,
        collector_kind=portfolio.collector.value,
        reference=case_reference(folder.case.id or 0),
        accounts=tuple(
            AccountLine(
                product=account.product,
                last4=account.card_last4,
                past_due=format_amount(asked(state), currency, language),
                balance=format_amount(state.balance_minor, currency, language),
                days_past_due=days_past_due(state.oldest_due_on, today),
                currency=currency,
            )
            for account, state in late
        ),
        past_due_total=format_amount(folder.to_ask, currency, language),
        oldest_due_on=format_date(oldest, language) if oldest else "",
        today=format_date(today, language),
        contact_phone=portfolio.contact_phone,
        contact_email=portfolio.contact_email,
        preferences_url=stationery.unsubscribe_url(folder.customer.id or 0, channel),
        amount=format_amount(plan.total_minor, currency, language) if plan else "",
        promise_on=format_date(parts[-1].due_on, language) if parts else "",
        sender=portfolio.agency,
        instalments=tuple(
            InstalmentLine(p.n, format_date(p.due_on, language), format_amount(p.amount, currency, language))
            for p in (parts if len(parts) > 1 else ())
        ),
    )


def message_context(message: OutboxMessage) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(message.context)
    return loaded
