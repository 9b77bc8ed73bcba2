"""A call report against its code: what must be filled in, what cannot be, and when a callback is possible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session

from app.actions.results.report import CallReport
from app.actions.results.ways import WAY_NAMES, require_way
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.holds.queries import open_holds_of
from app.casework.holds.rules import hold_name
from app.casework.plans.queries import live_plan
from app.casework.results.choices import CHOICES
from app.casework.results.rules import (
    CALLBACK_DAYS,
    NO_CALLS,
    CallField,
    Direction,
    ResultCode,
)
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.facts import address_of, gather_facts
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import ask

MISSING: Mapping[CallField, str] = {
    CallField.AMOUNT: "Say how much they promised.",
    CallField.DUE_ON: "Say by when they pay.",
    CallField.CALLBACK_AT: "Say when to call them back.",
    CallField.NUMBER: "Say which number was called.",
    CallField.RELATION: "Say how this person is related to the cardholder.",
    CallField.PAID_ON: "Say when they paid.",
    CallField.PAID_AMOUNT: "Say how much they paid.",
    CallField.METHOD: "Say how they paid.",
    CallField.CATEGORY: "Choose what the complaint is about.",
    CallField.WORDS: "Write down what they said.",
    CallField.TRANSACTIONS: "Name the transactions that they dispute.",
    CallField.DISPUTED_AMOUNT: "Say how much is in dispute.",
    CallField.PERSON: "Say whom to contact instead: name, telephone, address.",
    CallField.SUPPORT_TYPE: "Choose the kind of support.",
    CallField.CONSENT: "Say whether they agree that this is recorded.",
    CallField.CHANNEL: "Choose the channel that they do not want.",
    CallField.REQUEST: "Write down what you ask the manager to decide.",
}
LONGEST_FIELD = 300


def require_fitting(
    session: Session, portfolio: Portfolio, case: CollectionsCase, code: ResultCode, call: CallReport, now: datetime
) -> None:  # fmt: skip
    """Invalid, naming the field, for a report that lacks a field of its code, or has one that the code does not ask
    for: one of the two was chosen by mistake, and a confirmation would tell the customer something false."""
    given = call.given()
    require_way(portfolio, code, call, now)
    for each, thing, what in (
        (CallField.DUE_ON, "promise", "the amount and the date"),
        (CallField.AMOUNT, "promise", "the amount and the date"),
        (CallField.CALLBACK_AT, "callback", "the time"),
    ):
        if each in given and each not in code.asks:
            contact = WAY_NAMES[call.way].capitalize()
            raise Invalid(
                f"{contact} with this result brings no {thing}. Clear {what}, or choose another result.",
                "result",
            )
    for each in sorted(given - {CallField.NUMBER}):
        if each not in code.asks:
            raise Invalid(
                f"{code.label} does not ask for {each.value.replace('_', ' ')}. Clear it.", each.value
            )
    if call.direction not in code.directions:
        who = "us" if call.direction is Direction.IN else "the customer"
        raise Invalid(f"{code.label} is no result of {WAY_NAMES[call.way]} to {who}.", "result")
    for each in code.asks:
        if each in code.requires and each not in given and not _may_lack(session, case, each):
            raise Invalid(MISSING[each], each.value)
    if (CallField.AMOUNT in given) is not (CallField.DUE_ON in given):
        lacks = CallField.DUE_ON if CallField.AMOUNT in given else CallField.AMOUNT
        raise Invalid(MISSING[lacks], lacks.value)
    for name in given & frozenset(call.texts):
        clean_text(call.text(name), name.value, at_most=LONGEST_FIELD)
        if name in CHOICES and call.text(name) not in CHOICES[name]:
            raise Invalid(f"Choose one of {', '.join(CHOICES[name])}.", name.value)
    today = local_date(now, portfolio.timezone)
    if call.paid_on is not None and not today - timedelta(days=120) <= call.paid_on <= today:
        raise Invalid("A payment that was made lies in the last 120 days.", "paid_on")


def _may_lack(session: Session, case: CollectionsCase, field: CallField) -> bool:
    """A promise that runs is spoken of without its figures; a closed case has no callback."""
    if field in (CallField.AMOUNT, CallField.DUE_ON):
        return live_plan(session, id_of(case)) is not None
    return field is CallField.CALLBACK_AT and case.status is not CaseStatus.OPEN


def check_callback(
    session: Session, portfolio: Portfolio, customer: Customer, at: datetime, *, now: datetime
) -> None:
    """Refuse, as Invalid, a callback in the past, too far ahead, or at an hour closed by law or by their own wish."""
    if at <= now:
        raise Invalid("The callback time is in the past. Choose a later time.", "callback_at")
    if at > now + timedelta(days=CALLBACK_DAYS):
        raise Invalid(
            f"A callback is at most {CALLBACK_DAYS} days ahead. Choose an earlier time.", "callback_at"
        )
    for hold in open_holds_of(session, id_of(customer)):
        if hold.kind in NO_CALLS:
            raise Invalid(f"No call is allowed while the {hold_name(hold.kind)} stands.", "callback_at")
    pack = packs_for(portfolio, customer)
    facts = gather_facts(session, [customer], pack, now=now)[id_of(customer)]
    asked = ask(Contact(Channel.CALL, Purpose.REMINDER, address_of(customer, Channel.CALL)), facts, at)
    for rule in pack.rules_for(asked):
        for reason in rule.hour_objections(asked):
            raise Invalid(f"No call is allowed at that time: {reason.detail}.", "callback_at")
