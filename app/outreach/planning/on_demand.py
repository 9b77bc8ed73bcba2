"""Letters on demand: a person sends one letter now, through the same gate, templates and outbox as the night."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import next_occurrence
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.queries import live_plan
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import sentence
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.letters.letter import Letter, RenderedLetter, Unsayable
from app.outreach.letters.rendering import render
from app.outreach.outbox.queries import written_on_day
from app.outreach.planning.batch import ContactBatch
from app.outreach.planning.letterhead import LetterCatalog, Letterhead, language_of
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.outreach.planning.wording import letter_context
from app.policy.answers import Answer, Clearance


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
    chosen = _letter_named(catalog, letter, channels)
    _require_worked(session, case, [chosen])
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on)
    _require_debt(contact_case, case)
    if misfit := catalog.misfit(
        chosen, Letterhead.of(portfolio), contact_case.customer.country, contact_case.pack
    ):
        raise Invalid(sentence(misfit), "letter")
    if written_on_day(session, id_of(case), DeskStep.MANUAL, letter, on).intersection(channels):
        raise Conflict(f"Letter {letter!r} {QUEUED_TODAY} Send it again tomorrow.")
    letters = LetterRequest(
        contact_case, letter, Purpose(chosen.purpose), channels, _next_step(session, case)
    )
    [answers] = request_letters(session, portfolio, [letters], catalog, on=on, by=by, now=now)
    return answers


QUEUED_TODAY = "was queued on one of these channels today already."


def _letter_named(catalog: LetterCatalog, letter: str, channels: Sequence[Channel]) -> Letter:
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
    return chosen


def _require_worked(session: Session, case: CollectionsCase, letters: Sequence[Letter]) -> None:
    """Conflict where none of these letters may go out on the case as it stands."""
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case_reference(id_of(case))} is closed. Reopen it to send a letter.")
    are_reminders = all(each.purpose == Purpose.REMINDER for each in letters)
    if are_reminders and live_plan(session, id_of(case)):
        raise Conflict(
            "A promise or plan is being kept, so no reminder leaves. Choose a letter that is no reminder."
        )


def _require_debt(contact_case: ContactCase, case: CollectionsCase) -> None:
    if contact_case.to_ask <= 0:
        raise Conflict(f"Case {case_reference(id_of(case))} owes nothing that a letter could ask for.")


def _next_step(session: Session, case: CollectionsCase) -> CaseStep:
    return CaseStep(id_of(case), DeskStep.MANUAL, next_occurrence(session, id_of(case), DeskStep.MANUAL))


# --- what may be sent, and its words, before it is queued -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class LetterChoice:
    """A letter by one channel, for one customer at this moment."""

    letter: str
    title: str
    channel: Channel
    language: str
    """The language in which it would go out."""
    answer: Answer | None = None
    """The gate's answer; None = it was not asked."""
    why: str = ""
    """Reason why the letter is not for this case, before the gate is asked; '' = none."""

    @property
    def is_offered(self) -> bool:
        return isinstance(self.answer, Clearance)


def letter_choices(
    session: Session, portfolio: Portfolio, case: CollectionsCase, catalog: LetterCatalog, *, now: datetime
) -> list[LetterChoice]:
    """Return every letter that a person sends by hand on each of its channels, with the reason where it may not go out
    to this customer now. Nothing is locked or written."""
    on = local_date(now, portfolio.timezone)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, lock=False, as_of=on)
    batch = ContactBatch(session, portfolio, catalog, on, now)
    batch.find_written([contact_case])
    written = {
        name: written_on_day(session, id_of(case), DeskStep.MANUAL, name, on)
        for name in sendable_letters(catalog)
    }
    step, found = _next_step(session, case), []
    for name, sent in written.items():
        letter = catalog.letters[name]
        why = _not_for(session, portfolio, case, contact_case, letter, catalog)
        language = language_of(letter, contact_case.customer)
        for channel in (each for each in Channel if each in letter.channels and each is not Channel.CALL):
            choice = LetterChoice(name, letter.title, channel, language, why=why)
            if not why and channel in sent:
                choice = dataclasses.replace(choice, why="it was queued by this channel today already")
            if not choice.why:
                request = LetterRequest(contact_case, name, Purpose(letter.purpose), [channel], step)
                choice = dataclasses.replace(choice, answer=batch.verdict(request, channel))
            found.append(choice)
    return found


def _not_for(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    contact_case: ContactCase,
    letter: Letter,
    catalog: LetterCatalog,
) -> str:
    try:
        _require_worked(session, case, [letter])
        _require_debt(contact_case, case)
    except Conflict as refused:
        return refused.message
    return catalog.misfit(letter, Letterhead.of(portfolio), contact_case.customer.country, contact_case.pack)


def word_on_demand(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    letter: str,
    channel: Channel,
    catalog: LetterCatalog,
    *,
    now: datetime,
) -> RenderedLetter:
    """Return the letter as it would leave now, whole; nothing is asked, locked or written. Invalid and Conflict as
    `write_on_demand`; Invalid too for a letter that has nothing true or whole to say to this customer."""
    chosen = _letter_named(catalog, letter, [channel])
    _require_worked(session, case, [chosen])
    today = local_date(now, portfolio.timezone)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, lock=False, as_of=today)
    _require_debt(contact_case, case)
    head = Letterhead.of(portfolio)
    if misfit := catalog.misfit(chosen, head, contact_case.customer.country, contact_case.pack):
        raise Invalid(sentence(misfit), "letter")
    language = language_of(chosen, contact_case.customer)
    try:
        context = letter_context(session, head, catalog, contact_case, chosen, channel, None, now=now)
        return render(chosen, channel, language, context, leaves=True)
    except Unsayable as why:
        raise Invalid(str(why), "letter") from None


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
