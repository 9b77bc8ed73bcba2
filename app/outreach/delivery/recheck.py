"""Recheck: check that a message is still true and still permitted at the moment of delivery."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import steps_of
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.holds.models import CaseHold
from app.casework.knowledge.queries import topic_sent
from app.casework.plans.models import Plan
from app.casework.plans.offers import offers_that_stand
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import LIVE
from app.core.clock import local_date
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.rules import ended_since
from app.outreach.delivery.moves import Postpone, Withhold
from app.outreach.gate.contact_cases import STALE_AFTER, ContactCase, load_contact_cases
from app.outreach.gate.decisions import ReviewRequest
from app.outreach.gate.facts import address_of
from app.outreach.gate.pack_versions import keep_pack
from app.outreach.letters.earlier import Written, written_on, wrote_before
from app.outreach.letters.letter import Letter
from app.outreach.letters.locales import format_amount
from app.outreach.letters.old_debts.lines import says_as_then
from app.outreach.letters.statutory_facts import costs_now
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    ANSWERS,
    CHANGED,
    KNOWLEDGE_LETTER,
    MOVED,
    OUTDATED,
    REFUSED_AT_DELIVERY,
    RESTATED,
    TOO_OLD,
    purpose_of_answer,
    purpose_of_article,
)
from app.outreach.planning.agreements.as_of_now import says_otherwise
from app.outreach.planning.agreements.event_figures import AS_OF_NOW, NO_OFFER
from app.outreach.planning.agreements.truth import why_false
from app.outreach.planning.complaints.figures import why_complaint_false
from app.outreach.planning.disputes_told.figures import why_not_of_dispute
from app.outreach.planning.event_letters import CLOSING
from app.outreach.planning.in_writing.rules import OF_COMPLAINTS
from app.outreach.planning.instalments.facts import (
    InstalmentFacts,
    changed_at,
    no_longer_so,
    read_instalments,
    read_others,
)
from app.outreach.planning.letterhead import LetterCatalog, locale_of
from app.outreach.planning.satisfaction.barred import why_not_asked
from app.outreach.planning.satisfaction.rules import SATISFACTION_LETTER, SATISFACTION_STEPS
from app.outreach.planning.wording import message_context
from app.policy.answers import Clearance, WaitUntil
from app.policy.facts import Contact


@dataclass(frozen=True, slots=True)
class ClearedMessage:
    """Verdict: the message may leave now."""

    contact_case: ContactCase
    clearance: Clearance


def recheck_any(
    session: Session, rows: Sequence[OutboxMessage], catalog: LetterCatalog, *, now: datetime, lock: bool
) -> Iterator[tuple[OutboxMessage, Portfolio, ClearedMessage | Withhold | Postpone]]:
    """Recheck messages of several portfolios, in the order of the rows."""
    portfolios = {i: session.get_one(Portfolio, i) for i in {row.portfolio_id for row in rows}}
    verdicts: dict[int | None, ClearedMessage | Withhold | Postpone] = {}
    for portfolio_id, portfolio in portfolios.items():
        theirs = [row for row in rows if row.portfolio_id == portfolio_id]
        found = recheck(session, portfolio, theirs, catalog, now=now, lock=lock)
        verdicts.update((row.id, verdict) for row, verdict in zip(theirs, found, strict=True))
    for row in rows:
        yield row, portfolios[row.portfolio_id], verdicts[row.id]


def recheck(
    session: Session,
    portfolio: Portfolio,
    rows: Sequence[OutboxMessage],
    catalog: LetterCatalog,
    *,
    now: datetime,
    lock: bool = True,
) -> list[ClearedMessage | Withhold | Postpone]:
    """Recheck these messages, all of different customers; a verdict for each. The
    customers are locked until the transaction ends; without `lock` nothing is written, and no answer goes on record."""
    today = local_date(now, portfolio.timezone)
    fresh = [row for row in rows if today - row.business_date <= STALE_AFTER]
    messages = {row.id for row in fresh if row.id is not None}
    loaded = (
        load_contact_cases(
            session,
            portfolio,
            [row.case_id for row in fresh],
            now=now,
            skip_messages=messages,
            lock=lock,
            as_of=today,
        )
        if fresh
        else []
    )
    facts = {each.case.id: each for each in loaded}
    known = _known(session, fresh, catalog, today)
    verdicts: list[ClearedMessage | Withhold | Postpone] = []
    for row in rows:
        contact_case = facts.get(row.case_id)
        if contact_case is None:
            verdicts.append(too_old(row))
            continue
        changed = _no_longer_true(session, contact_case, row, known, portfolio.small_debt_minor, today)
        step = known.steps[row.contact]
        letter, collector = catalog.letters.get(row.letter), portfolio.agency or portfolio.creditor
        if not changed and not says_as_then(session, contact_case, letter, row, collector, now=now):
            changed = RESTATED
        if not changed and says_otherwise(session, portfolio, contact_case, row, step, catalog, now=now):
            changed = CHANGED
        verdict = Withhold(changed, {}) if changed else _ask_gate(contact_case, row, now)
        if lock and not isinstance(verdict, ClearedMessage):
            keep_pack(session, contact_case.pack, now=now)
        verdicts.append(verdict)
    return verdicts


@dataclass(frozen=True, slots=True)
class _RecheckFacts:
    """Data read for all messages at once, besides the facts of their cases."""

    steps: Mapping[int, CaseStep]
    planned: Collection[int]
    """Cases with a live promise or plan."""
    follow_ups: frozenset[str]
    """Letters that say that we wrote before."""
    letters: Mapping[str, Letter]
    written: Written
    instalments: InstalmentFacts
    changed: Mapping[int, datetime]
    """By agreement that a message confirms, when a date of it was changed last."""


def _known(
    session: Session, rows: Sequence[OutboxMessage], catalog: LetterCatalog, today: date
) -> _RecheckFacts:
    plan = table_of(Plan)
    cases = [row.case_id for row in rows]
    planned = sa.select(plan.c.case_id).where(among(session, plan.c.case_id, cases), plan.c.status.in_(LIVE))
    steps = steps_of(session, {row.contact for row in rows})
    agreements = {step.plan_id for step in steps.values() if step.plan_id and step.instalment is not None}
    return _RecheckFacts(
        steps,
        set(session.connection().execute(planned).scalars()),
        catalog.follow_ups,
        catalog.letters,
        written_on(session, [row.case_id for row in rows if row.letter in catalog.follow_ups]),
        read_instalments(session, agreements, today),
        changed_at(session, {step.plan_id for step in steps.values() if step.step == DeskStep.CONFIRMATION}),
    )


def _no_longer_true(
    session: Session,
    contact_case: ContactCase,
    row: OutboxMessage,
    known: _RecheckFacts,
    small_debt_minor: int,
    today: date,
) -> str:
    """The reason that the message is false or unwelcome by now; '' = it still holds."""
    step = known.steps[row.contact]
    if address_of(contact_case.customer, Channel(row.destination.value)) != row.address:
        return MOVED
    if ended := _plan_ended(session, step):
        return ended
    if step.step == DeskStep.CONFIRMATION and _changed_since(row, step, known):
        return OUTDATED
    if false := why_false(session, step, today):
        return false
    if not _still_offered(session, step, today):
        return NO_OFFER
    if step.step in OF_COMPLAINTS and (false := why_complaint_false(session, step)):
        return false
    if false := why_not_of_dispute(session, step):
        return false
    if not _hold_stands(session, step):
        return "the hold it acknowledges has ended"
    if step.instalment is not None:
        figures = message_context(row)
        missing = figures.get("missing_minor")
        return no_longer_so(
            known.instalments,
            step,
            contact_case,
            int(missing) if missing else None,
            today,
            others=read_others(figures.get("others_minor", "")),
        ) or _closed_since(contact_case, row)
    if step.step in SATISFACTION_STEPS:
        return why_not_asked(session, step, contact_case.customer.id)
    if row.letter in ANSWERS and _purpose_now(session, contact_case, row) is not row.purpose:
        return "whether they dispute the debt has changed since it was written"
    if row.letter == "paid_in_full" and any(account.balance_minor > 0 for account in contact_case.accounts):
        return "something is owed again"
    is_of_case = row.letter in CLOSING.values() and step.plan_id is None
    if is_of_case and not _still_closed_so(session, row):
        return "the end of the case that it tells was undone"
    if row.purpose is Purpose.NOTICE:
        return _not_as_told(contact_case, row, known.letters)
    not_due = _not_due(contact_case, row, known, small_debt_minor) if row.purpose is Purpose.REMINDER else ""
    if not_due or row.letter not in known.follow_ups:
        return not_due
    if not _costs_stand(session, contact_case, row, known.letters[row.letter]):
        return RESTATED
    # Our message may have come back since.
    arrived = wrote_before(known.written, step, contact_case.oldest_due_on)
    return "" if arrived else "it says that we wrote before, and no earlier letter of this case arrived"


def _purpose_now(session: Session, contact_case: ContactCase, row: OutboxMessage) -> Purpose:
    """The purpose under which the gate would review this answer by now."""
    holds = contact_case.facts.holds
    if row.letter != KNOWLEDGE_LETTER:
        return purpose_of_answer(holds)
    return purpose_of_article(topic_sent(session, row.contact), holds)


def _not_due(
    contact_case: ContactCase, row: OutboxMessage, known: _RecheckFacts, small_debt_minor: int
) -> str:
    """The reason that the reminder must not ask for its amount any more; '' = it may."""
    if closed := _closed_since(contact_case, row):
        return closed
    if row.case_id in known.planned and known.steps[row.contact].step != DeskStep.OFFER:
        return "a promise or plan was made since it was written"
    # The letter of an agreement is written again with what is owed now.
    if contact_case.to_ask < row.past_due_minor and known.steps[row.contact].step not in AS_OF_NOW:
        disputed = any(account.left_out for account in contact_case.accounts)
        return "a part of it is disputed" if disputed else "a payment came since it was written"
    if row.letter not in ANSWERS and contact_case.to_ask <= 0:
        return "nothing is past due and owed"
    if contact_case.to_ask < small_debt_minor:
        return "less is past due than this portfolio works"
    return ""


def _not_as_told(contact_case: ContactCase, row: OutboxMessage, letters: Mapping[str, Letter]) -> str:
    """The reason that a notice about the case states a debt that is past due no more, or another amount than is past
    due now; '' = it holds. What its law asks for beside (a hold, a wait) is the gate's to say."""
    letter = letters.get(row.letter)
    if letter is None or letter.about != "case":
        return ""
    if closed := _closed_since(contact_case, row):
        return closed
    if contact_case.to_ask <= 0:
        return "nothing is past due and owed"
    customer = contact_case.customer
    locale = locale_of(letter, customer)
    told = message_context(row).get("accounts")
    if told is None:
        return "" if contact_case.to_ask == row.past_due_minor else RESTATED
    shows_balance = not letter.variables.isdisjoint({"balance_total", "claims", "debt", "itemization"})
    now = [
        (each.product, each.card_last4, each.asked, each.balance_minor)
        for each in contact_case.accounts
        if each.asked > 0
    ]
    same = len(now) == len(told) and all(
        (product, last4) == (line["product"], line["last4"])
        and format_amount(asked, line["currency"], locale) == line["past_due"]
        and (not shows_balance or format_amount(balance, line["currency"], locale) == line["balance"])
        for (product, last4, asked, balance), line in zip(now, told, strict=False)
    )
    return "" if same else RESTATED


def _costs_stand(session: Session, contact_case: ContactCase, row: OutboxMessage, letter: Letter) -> bool:
    """True if a letter that asks for collection costs would ask for the same now, and for any other."""
    if "collection_costs" not in letter.variables:
        return True
    locale = locale_of(letter, contact_case.customer)
    told = message_context(row).get("collection_costs")
    return told == costs_now(session, contact_case, letter, locale)


def _closed_since(contact_case: ContactCase, row: OutboxMessage) -> str:
    closed = contact_case.case.status is not CaseStatus.OPEN and row.purpose is not Purpose.CONFIRMATION
    return "the case was closed since it was written" if closed else ""


def _plan_ended(session: Session, step: CaseStep) -> str:
    """The reason that the end of its agreement makes a confirmation or an offer false; '' = it stands."""
    if step.step not in (DeskStep.CONFIRMATION, DeskStep.OFFER):
        return ""
    plan = session.get_one(Plan, step.plan_id)
    return ended_since(step.step, plan.status)


def _changed_since(row: OutboxMessage, step: CaseStep, known: _RecheckFacts) -> bool:
    """True if an instalment was moved or skipped after the words were written: they quote the dates of then."""
    changed = known.changed.get(step.plan_id) if step.plan_id is not None else None
    return changed is not None and changed > row.created_at


def _hold_stands(session: Session, step: CaseStep) -> bool:
    """True if the hold that a letter acknowledges stands, and for any other step. Without that hold the letter would
    tell a customer whose dispute is decided, or who never had one, that we look into it."""
    return step.step != DeskStep.HOLD or session.get_one(CaseHold, step.hold_id).ended_at is None


def _still_closed_so(session: Session, row: OutboxMessage) -> bool:
    """True if the case is closed with the outcome that the letter tells."""
    case = session.get(CollectionsCase, row.case_id) if row.case_id else None
    return case is not None and case.outcome is not None and CLOSING.get(case.outcome) == row.letter


def _still_offered(session: Session, step: CaseStep, today: date) -> bool:
    """True if the customer can still take the plan that an offer offers, and for any other step."""
    if step.step != DeskStep.OFFER:
        return True
    plan = session.get_one(Plan, step.plan_id)
    live = live_plan(session, plan.case_id)
    is_free = live is None or live.id == plan.supersedes_id
    return is_free and offers_that_stand(session, [plan], today) != []


def _ask_gate(
    contact_case: ContactCase, row: OutboxMessage, now: datetime
) -> ClearedMessage | Withhold | Postpone:
    channel = Channel(row.destination.value)
    # Its words are as they were when the gate was asked about them: their blocks are not asked again.
    purpose = Purpose.REMINDER if row.letter == SATISFACTION_LETTER else row.purpose  # decision 0426
    contact = Contact(channel, purpose, row.address, letter=row.letter, language=row.language)
    asked = ReviewRequest(contact, contact_case.facts, now)
    answer = asked.answer(contact_case.pack)
    if isinstance(answer, Clearance):
        return ClearedMessage(contact_case, answer)
    rules = ", ".join(reason.rule for reason in answer.reasons)
    if isinstance(answer, WaitUntil):
        return Postpone(answer.at, rules, (asked, answer))
    return Withhold(f"{REFUSED_AT_DELIVERY}: {rules}", {}, (asked, answer))


def too_old(row: OutboxMessage) -> Withhold:
    return Withhold(f"{TOO_OLD}: its business date {row.business_date} is too long ago", {})
