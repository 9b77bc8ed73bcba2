"""Earlier letters: a letter that says we wrote before leaves only where that is true."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.queries import step_columns
from app.casework.contacts.rules import CaseStep
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.vocabulary import Purpose
from app.outreach.letters.letter import Letter
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT, PENDING

Written = Mapping[int, Sequence[tuple[date, CaseStep]]]
"""Case id -> (business date, step) of each reminder or notice that was sent."""


def written_on(session: Session, case_ids: Collection[int]) -> dict[int, list[tuple[date, CaseStep]]]:
    """Messages that were sent in these cases, in the form of `Written`."""
    if not case_ids:
        return {}
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    # Spelled so that only the index over cases fits: on a night's first chunks PostgreSQL believes the outbox to be
    # empty, and would go through all that was sent.
    status = sa.type_coerce(message.c.status, sa.Text) + ""
    query = sa.select(message.c.business_date, *step_columns()).where(
        contact.c.id == message.c.contact_id,
        among(session, message.c.case_id, sorted(case_ids)),
        status.in_([each.value for each in LEFT]),
        message.c.console_only.is_(False),  # printed to a console, it reached no customer
        message.c.purpose.in_((Purpose.REMINDER, Purpose.NOTICE)),
    )
    found: dict[int, list[tuple[date, CaseStep]]] = {}
    for on, *columns in session.connection().execute(query):
        of = CaseStep(*columns)
        found.setdefault(of.case_id, []).append((on, of))
    return found


def on_their_way(session: Session, customer_ids: Collection[int]) -> dict[int, set[str]]:
    """Names of the letters that are written and may still leave, by customer."""
    message = table_of(OutboxMessage)
    status = (
        sa.type_coerce(message.c.status, sa.Text) + ""
    )  # so that only the index over customers fits, as above
    query = sa.select(message.c.customer_id, message.c.letter).where(
        among(session, message.c.customer_id, customer_ids), status.in_([each.value for each in PENDING])
    )
    found: dict[int, set[str]] = {}
    for customer_id, letter in session.execute(query):
        found.setdefault(customer_id, set()).add(letter)
    return found


def wrote_before(written: Written, step: CaseStep, oldest_due_on: date | None) -> bool:
    """True if a letter was sent about the amount that is past due now. A letter from before that fell due spoke of
    something else. A message of the same step by another channel is not an earlier letter."""
    return any(
        (oldest_due_on is None or on > oldest_due_on) and of != step
        for on, of in written.get(step.case_id, ())
    )


def follow_ups(letters: Mapping[str, Letter]) -> frozenset[str]:
    """Names of the letters that say that we wrote before."""
    return frozenset(name for name, letter in letters.items() if letter.follows_up)


def first_letter(letters: Mapping[str, Letter], wanted: Letter, ladder: Sequence[str]) -> Letter | None:
    """Find the letter to begin with, in the place of a letter that would follow up on nothing: the first of the
    ladder's letters, else any, with the same purpose and channels that mentions no earlier letter."""
    for name in (*ladder, *sorted(letters)):
        letter = letters.get(name)
        if (
            letter is not None
            and not letter.follows_up
            and letter.about == wanted.about == "case"
            and letter.purpose == wanted.purpose
            and letter.channels >= wanted.channels
            and (letter.places, letter.collector) == (wanted.places, wanted.collector)
        ):
            return letter
    return None
