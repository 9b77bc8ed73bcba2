"""What a letter says of debts that are too old to be sued for, by the packs of the customer's place."""

from __future__ import annotations

from datetime import datetime

from pydantic_core import from_json
from sqlmodel import Session

from app.book.ledger.last_payments import last_payments
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.letters.letter import Letter
from app.outreach.letters.statutory import OldDebtLine
from app.outreach.outbox.models import OutboxMessage
from app.policy.facts import Contact
from app.policy.kinds.limitation import LimitationRule
from app.policy.review import ask
from app.policy.words.old_debts import COLLECTOR


def old_debt_lines(
    session: Session,
    contact_case: ContactCase,
    letter: Letter,
    channel: Channel,
    collector: str,
    *,
    now: datetime,
) -> tuple[OldDebtLine, ...]:
    """What the customer's packs have said of those debts of the letter that are too old to be sued for: each text once,
    with the cards that it is about. `collector`: the name of whoever writes."""
    facts, late = contact_case.facts, [each for each in contact_case.accounts if each.asked > 0]
    if "time_barred" not in letter.variables or facts.due_since is None:
        return ()
    asked = ask(Contact(channel, Purpose(letter.purpose), "", letter.name), facts, now)
    today = max((day for _, day in asked.local_days), default=now.date())
    rules = [
        rule
        for rule in contact_case.pack.rules
        if isinstance(rule, LimitationRule)
        and rule.stops == "silence"
        and channel in rule.channels
        and letter.purpose in rule.purposes
        and rule.in_force(asked)
    ]
    paid = last_payments(session, [each.id for each in late]) if any(rule.restarts for rule in rules) else {}
    said: dict[str, list[str]] = {}
    for rule in rules:
        for account in late:
            due = account.oldest_due_on
            if due is None or today < rule.barred_on(due, max(due, paid.get(account.id, due))):
                continue
            cards = said.setdefault(rule.words_for(channel, due, today).replace(COLLECTOR, collector), [])
            cards.extend([account.card_last4] if account.card_last4 not in cards else [])
    # Of whose debt a law has words of its own, that says enough.
    told = {card for text, cards in said.items() if text for card in cards}
    said[""] = [card for card in said.get("", ()) if card not in told]
    return tuple(
        OldDebtLine("" if len(cards) == len(late) else ", ".join(cards), text)
        for text, cards in said.items()
        if cards
    )


def says_as_then(
    session: Session,
    contact_case: ContactCase,
    letter: Letter | None,
    row: OutboxMessage,
    collector: str,
    *,
    now: datetime,
) -> bool:
    """True if a message says of debts that are too old to be sued for what it would say now, and for any other."""
    if letter is None or "time_barred" not in letter.variables:
        return True
    lines = old_debt_lines(session, contact_case, letter, Channel(row.destination.value), collector, now=now)
    told = from_json(row.context).get("time_barred", []) if lines or "time_barred" in row.context else []
    return [(line.cards, line.text) for line in lines] == [(line["cards"], line["text"]) for line in told]
