"""A step out of turn: a person sends one letter now, by the same gate, words and outbox as the night does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.cases.models import CollectionsCase
from app.cases.rules import CaseStatus
from app.compliance.rules import Answer, Clearance
from app.db import table_of
from app.errors import Conflict, Invalid
from app.ledger.models import Portfolio
from app.outreach.folders import open_folders
from app.outreach.models import OutboxMessage
from app.outreach.service import Letterhead, Stationery, _Work
from app.plans.service import live_plan
from app.timeline.rules import Channel, Purpose

MANUAL_STEP = "manual-"
"""Begins the 'step' of the key; the letter and the day follow."""


def sendable_letters(stationery: Stationery) -> list[str]:
    """Letters a person may send by hand: those about the case itself. The others wait for what they speak of, a plan
    agreed, a hold placed, and go out with it."""
    return sorted(code for code, letter in stationery.letters.items() if letter.about == "case")


def take_manual_step(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    letter: str,
    channels: Sequence[Channel],
    stationery: Stationery,
    *,
    on: date,
    by: str,
    now: datetime,
) -> list[Answer]:
    """Queue a letter on each of these channels that the gate clears; every answer is on record, by whoever asked.

    The ladder stays where it is. The same letter goes out by a channel once a day at most (Conflict). Invalid for a
    letter that there is not, or not on a channel; Conflict for a case that is closed, kept by a plan or owes nothing.
    """
    if letter not in sendable_letters(stationery):
        raise Invalid("choose a letter", "letter")
    chosen = stationery.letters[letter]
    if not channels:
        raise Invalid("choose at least one channel", "channels")
    if missing := [
        channel for channel in channels if channel not in chosen.channels or channel is Channel.CALL
    ]:
        raise Invalid(f"this letter has no form for {', '.join(missing)}", "channels")
    if case.status is not CaseStatus.OPEN:
        raise Conflict("this case is closed")
    if chosen.purpose == Purpose.REMINDER and live_plan(session, case.id or 0):
        raise Conflict("a promise or plan is being kept: ordinary reminders rest")
    [folder] = open_folders(session, portfolio, [case.id or 0], now=now)
    if folder.to_ask <= 0:
        raise Conflict("nothing is owed that a letter could ask for")
    if misfit := stationery.misfit(chosen, Letterhead.of(portfolio), folder.customer.country):
        raise Invalid(misfit, "letter")
    step = f"{MANUAL_STEP}{letter}-{on:%Y%m%d}"
    keys = {channel: f"{case.id}:{step}:{folder.case.occurrence}:{channel.value}" for channel in channels}
    known = table_of(OutboxMessage).c.key
    if session.execute(sa.select(known).where(known.in_(list(keys.values())))).first():
        raise Conflict("this letter was queued on one of these channels today already")
    work = _Work(session, portfolio, stationery, on, now)
    answers = []
    for channel, key in keys.items():
        contact = work._contact(folder, channel, Purpose(chosen.purpose), letter)
        answer = work._ask(folder, contact, step=step, letter=letter, key=key)
        if isinstance(answer, Clearance):
            work._add_message(folder, answer, letter, key, plan=None)
        answers.append(answer)
    work.write(session, by=by)
    return answers


HELP_LETTER = "help_answer"


def answer_for_help(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    stationery: Stationery,
    *,
    on: date,
    by: str,
    now: datetime,
) -> Answer | None:
    """Queue the SMS that says how to reach us, for a customer who asked; what the gate said is on record. None if it
    was answered today already: two machines must not keep each other talking."""
    [folder] = open_folders(session, portfolio, [case.id or 0], now=now)
    step = f"help-{on:%Y%m%d}"
    key = f"{case.id}:{step}:{folder.case.occurrence}:{Channel.SMS.value}"
    known = table_of(OutboxMessage).c.key
    if session.execute(sa.select(known).where(known == key)).first():
        return None
    work = _Work(session, portfolio, stationery, on, now)
    contact = work._contact(folder, Channel.SMS, Purpose.CONFIRMATION, HELP_LETTER)
    answer = work._ask(folder, contact, step=step, letter=HELP_LETTER, key=key)
    if isinstance(answer, Clearance):
        work._add_message(folder, answer, HELP_LETTER, key, plan=None)
    work.write(session, by=by)
    return answer
