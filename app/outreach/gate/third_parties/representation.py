"""Who may be contacted in a customer's place: the third party who speaks for them, where one of their addresses is
open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.advisers.models import Adviser, AdviserClient
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import SPEAKS, MayBeTold
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import DbRow, Query
from app.outreach.gate.suppression import normalised
from app.outreach.outbox.models import ClosedPartyAddress
from app.policy.calendars import begins
from app.policy.facts import Representation

CHUNK = 5000


class Addressee(Protocol):
    """The fields of a customer that are compared with an address."""

    @property
    def id(self) -> int | None: ...
    @property
    def email(self) -> str: ...
    @property
    def address_line1(self) -> str: ...
    @property
    def postcode(self) -> str: ...


def representations(
    session: Session,
    customers: Sequence[Addressee],
    zones: Mapping[int | None, Sequence[str]],
    *,
    now: datetime,
) -> dict[int, Representation]:
    """By customer id, who may be contacted in their place at `now`."""
    if not customers:
        return {}
    party = table_of(ThirdParty)
    ids = [customer.id for customer in customers if customer.id is not None]
    theirs: dict[int, list[DbRow]] = {}
    for some in chunked(ids, CHUNK):
        query = standing_parties().where(among(session, party.c.customer_id, some))
        for row in session.connection().execute(query):
            theirs.setdefault(row.customer_id, []).append(row)
    if not theirs:
        return {}
    closed = {row.address for row in session.connection().execute(closed_addresses())}
    found = {
        customer.id: representation(theirs[customer.id], customer, closed, zones[customer.id], now=now)
        for customer in customers
        if customer.id in theirs
    }
    return {i: each for i, each in found.items() if i is not None and each is not None}


def standing_parties() -> Query:
    """Third parties on file who may speak for their customer, and when their organisation was ended."""
    party, client, adviser = table_of(ThirdParty), table_of(AdviserClient), table_of(Adviser)
    return (
        sa.select(
            party.c.id, party.c.customer_id, party.c.kind, party.c.may_be_told, party.c.authority_from,
            party.c.authority_until, party.c.email, party.c.address, party.c.created_at,
            adviser.c.ended_at.label("left_at"),
        )
        .outerjoin(client, client.c.party_id == party.c.id)
        .outerjoin(adviser, adviser.c.id == client.c.adviser_id)
        .where(party.c.ended_at.is_(None), party.c.kind.in_(SPEAKS))
    )  # fmt: skip


def closed_addresses() -> Query:
    """Addresses to which nothing more is sent to representatives, as `spelled` spells them: few, of organisations."""
    closed = table_of(ClosedPartyAddress)
    return sa.select(closed.c.address).where(closed.c.ended_at.is_(None))


def representation(
    parties: Iterable[DbRow],
    customer: Addressee,
    closed: Collection[str],
    zones: Sequence[str],
    *,
    now: datetime,
) -> Representation | None:
    """The one of these third parties who speaks for the customer at `now`, if they may be told everything, are worked
    with, and have an address that is open and not the customer's own."""
    standing: list[tuple[DbRow, Representation]] = []
    for row in parties:
        since = begins(row.authority_from, zones) if row.authority_from else row.created_at
        until = begins(row.authority_until + timedelta(days=1), zones) if row.authority_until else None
        if row.may_be_told is not MayBeTold.NOTHING and since <= now and (until is None or now < until):
            standing.append((row, Representation(row.kind.value, since, until)))
    speaks = min(standing, key=lambda each: (SPEAKS.index(each[0].kind), -each[0].id), default=None)
    if speaks is None:
        return None
    row, found = speaks
    may = row.may_be_told is MayBeTold.EVERYTHING and row.left_at is None
    return found if may and _is_reachable(row, customer, closed) else None


def _is_reachable(row: DbRow, customer: Addressee, closed: Collection[str]) -> bool:
    by_mail = row.email and spelled(row.email) not in closed and not is_their_mailbox(row.email, customer)
    by_post = (
        row.address.strip() and spelled(row.address) not in closed and not is_home(row.address, customer)
    )
    return bool(by_mail or by_post)


# --- addresses ------------------------------------------------------------------------------------------------


def spelled(address: str) -> str:
    """Spell an address as the list of closed ones does: in small letters, a postal one on one line."""
    return normalised(" ".join(address.split()))


def is_their_mailbox(email: str, customer: Addressee) -> bool:
    """True if an e-mail address is the customer's own."""
    return bool(customer.email) and spelled(email) == spelled(customer.email)


def is_home(address: str, customer: Addressee) -> bool:
    """True if an address is the customer's: it has their street, and their postcode where we know it."""
    there, street, postcode = map(_letters, (address, customer.address_line1, customer.postcode))
    return bool(street) and street in there and postcode in there


def _letters(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())
