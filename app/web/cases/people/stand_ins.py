"""What the page of contact data shows of who stands in for the customer: whether they may be called and written to now,
the letter as it would leave, and the amounts once their identity was checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from app.casework.holds.queries import hold_of_kind
from app.casework.parties.events import ThirdPartyIdentified
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import CHECK_HOLDS_FOR, SPEAKS, PartyKind
from app.core.ids import id_of
from app.core.text import sentence
from app.core.timeline.models import Event
from app.core.vocabulary import HoldKind
from app.outreach.letters.letter import Unsayable
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.previews import call_ahead, letter_ahead
from app.outreach.planning.representatives.rules import STATEMENTS
from app.web.cases.case_file import CaseFile
from app.web.cases.people.contactable import Contactable, LetterShown, StandIn, contactable
from app.web.timeline import PageReader


def stand_ins_of(
    session: Session,
    file: CaseFile,
    parties: list[ThirdParty],
    catalog: LetterCatalog,
    there: PageReader,
    now: datetime,
) -> Mapping[int, StandIn]:
    """By id, those of these third parties who may stand in for the customer."""
    found = {}
    for party in parties:
        if party.ended_at is not None or party.kind not in SPEAKS:
            continue
        today = file.book.today
        why, answer = call_ahead(session, file.portfolio, file.case, party, on=today, now=now)
        found[id_of(party)] = StandIn(
            contactable(why, answer, there),
            letter_shown(session, file, party, catalog, there, now) if party.kind in STATEMENTS else None,
            _checked_at(session, party, now),
        )
    return found


def enquiry_of(
    session: Session,
    file: CaseFile,
    parties: list[ThirdParty],
    catalog: LetterCatalog,
    there: PageReader,
    now: datetime,
) -> LetterShown | None:
    """The letter to the estate; None where nobody is said to have died, or an executor is proven."""
    today = file.book.today
    known = any(party.kind is PartyKind.EXECUTOR and party.knows_on(today) for party in parties)
    if known or hold_of_kind(session, id_of(file.customer), HoldKind.DECEASED) is None:
        return None
    return letter_shown(session, file, None, catalog, there, now)


def letter_shown(
    session: Session,
    file: CaseFile,
    party: ThirdParty | None,
    catalog: LetterCatalog,
    there: PageReader,
    now: datetime,
) -> LetterShown:
    try:
        ahead = letter_ahead(session, file.portfolio, file.case, party, catalog, on=file.book.today, now=now)
    except Unsayable as problem:
        return LetterShown(Contactable(may=False, words=sentence(str(problem))), "", "")
    contact = contactable(ahead.why_not, ahead.answer, there)
    channel = ahead.way.channel.value if ahead.way is not None else ""
    to = ahead.way.address.replace("\n", ", ") if ahead.way is not None else ""
    if ahead.words is None:
        return LetterShown(contact, channel, to)
    return LetterShown(contact, channel, to, ahead.words.language, ahead.words.subject, ahead.words.text)


def _checked_at(session: Session, party: ThirdParty, now: datetime) -> datetime | None:
    query = select(Event).where(
        Event.customer_id == party.customer_id,
        Event.kind == ThirdPartyIdentified.KIND,
        col(Event.at) > now - CHECK_HOLDS_FOR,
    )
    of_them = [
        event.at
        for event in session.scalars(query)
        if ThirdPartyIdentified.from_json(event.data).party_id == party.id
    ]
    return max(of_them, default=None)
