"""Letters on demand: a person sends one letter now, through the same gate, templates and outbox as the night."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import next_occurrence
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.queries import live_plan
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.outbox.queries import written_on_day
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.policy.answers import Answer


def sendable_letters(catalog: LetterCatalog) -> list[str]:
    """Letters a person may send by hand: those about the case itself. Letters about a plan or a hold go out with it."""
    return sorted(code for code, letter in catalog.letters.items() if letter.about == "case")


def write_on_demand(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    letter: str,
    channels: Sequence[Channel],
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> list[Answer]:
    """Queue a letter on each of these channels that the gate clears. Every answer is on record.

    The ladder stays where it is. The same letter goes out by a channel once a day at most (Conflict). Invalid for a
    letter that there is not, or not on a channel; Conflict for a case that is closed, kept by a plan or owes nothing.
    """
    if not letter:
        raise Invalid("Choose a letter.", "letter")
    if letter not in sendable_letters(catalog):
        raise Invalid(f"There is no letter {letter!r} to send by hand. Choose one of the list.", "letter")
    chosen = catalog.letters[letter]
    if not channels:
        raise Invalid("Choose at least one channel for the letter.", "channels")
    if missing := [
        channel for channel in channels if channel not in chosen.channels or channel is Channel.CALL
    ]:
        raise Invalid(
            f"Letter {letter!r} has no form for {', '.join(missing)}. Choose another channel.", "channels"
        )
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case_reference(id_of(case))} is closed. Reopen it to send a letter.")
    if chosen.purpose == Purpose.REMINDER and live_plan(session, id_of(case)):
        raise Conflict(
            "A promise or plan is being kept, so no reminder leaves. Choose a letter that is no reminder."
        )
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on)
    if contact_case.to_ask <= 0:
        raise Conflict(f"Case {case_reference(id_of(case))} owes nothing that a letter could ask for.")
    if misfit := catalog.misfit(chosen, Letterhead.of(portfolio), contact_case.customer.country):
        raise Invalid(misfit, "letter")
    if written_on_day(session, id_of(case), DeskStep.MANUAL, letter, on).intersection(channels):
        raise Conflict(
            f"Letter {letter!r} was queued on one of these channels today already. Send it again tomorrow."
        )
    step = CaseStep(id_of(case), DeskStep.MANUAL, next_occurrence(session, id_of(case), DeskStep.MANUAL))
    letters = LetterRequest(contact_case, letter, Purpose(chosen.purpose), channels, step)
    [answers] = request_letters(session, portfolio, [letters], catalog, on=on, by=by, now=now)
    return answers


HELP_LETTER = "help_answer"


def answer_for_help(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Queue the SMS that says how to reach us, for a customer who asked. The gate's answer is on record. None if it was
    answered today already: two machines must not keep each other talking."""
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on)
    if written_on_day(session, id_of(case), DeskStep.HELP, HELP_LETTER, on):
        return None
    step = CaseStep(id_of(case), DeskStep.HELP, next_occurrence(session, id_of(case), DeskStep.HELP))
    words = LetterRequest(contact_case, HELP_LETTER, Purpose.CONFIRMATION, (Channel.SMS,), step)
    [[answer]] = request_letters(session, portfolio, [words], catalog, on=on, by=by, now=now)
    return answer
