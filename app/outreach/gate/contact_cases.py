"""Cases with everything that clearing and wording a contact need, read for many at once as narrow rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import disputed_minor
from app.book.delinquency.rules import owed_of
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import worked
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.support_needs.catalog import with_effect
from app.casework.support_needs.effects import LargePrint
from app.casework.support_needs.queries import with_need
from app.core.clock import local_date
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.timeline.rules import GENESIS
from app.core.timeline.service import Heads, customer_stream, lock_streams, read_heads
from app.core.types import Cells, Rows
from app.core.vocabulary import Channel
from app.outreach.gate.facts import gather_facts
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import PENDING, TO_CUSTOMERS, OutboxStatus
from app.policy.composition import packs_for
from app.policy.facts import ContactResult, Facts, PastContact
from app.policy.pack import Pack

STALE_AFTER = timedelta(days=3)
"""A message still queued this long after its business date is withheld: its words are no longer true."""


@dataclass(slots=True)
class CaseRow:
    """A case as far as the strategy moves it."""

    id: int
    customer_id: int
    status: CaseStatus
    step_day: int
    occurrence: int
    next_contact_on: date | None
    past_due_minor: int
    segment: str


class AccountRow(NamedTuple):
    """An account and where it stands."""

    id: int
    customer_id: int
    product: str
    card_last4: str
    past_due_minor: int
    balance_minor: int
    oldest_due_on: date | None
    disputed_minor: int = 0
    """The sum of the customer's open disputes on it, which no letter asks for."""

    @property
    def asked(self) -> int:
        """The amount a letter may ask for."""
        return owed_of(self.past_due_minor, self.balance_minor, self.disputed_minor)

    @property
    def left_out(self) -> int:
        """The part of past due that is not asked for because it is disputed."""
        return owed_of(self.past_due_minor, self.balance_minor) - self.asked


@dataclass(slots=True)
class ContactCase:
    """A case with everything that clearing and wording a contact need, loaded once."""

    case: CaseRow
    found: Cells
    """The case's row, as `CaseRow` has it."""
    customer: Any
    """A row with the columns of `Customer`."""
    pack: Pack
    facts: Facts
    head: tuple[int, str]
    """Of the customer's stream: every event about them moves it."""
    accounts: list[AccountRow] = field(default_factory=list)
    to_ask: int = 0
    """The amount a letter may ask for: past due, on each account never more than its balance."""
    oldest_due_on: date | None = None
    """The oldest of the accounts on which something past due is owed; other accounts do not count."""
    large_print: bool = False
    """The customer reads a bigger face only: a support need."""
    reserved: list[PastContact] = field(default_factory=list)
    """Contacts cleared since the facts were gathered; they count already."""

    def reserve(self, contact: PastContact) -> None:
        self.reserved.append(contact)

    def current_facts(self) -> Facts:
        if self.reserved:
            self.facts = replace(self.facts, history=(*self.facts.history, *self.reserved))
            self.reserved = []
        return self.facts

    def add(self, account: AccountRow) -> None:
        self.accounts.append(account)
        self.to_ask += account.asked
        due_on = account.oldest_due_on if account.asked else None
        if due_on is not None and (self.oldest_due_on is None or due_on < self.oldest_due_on):
            self.oldest_due_on = due_on


def load_contact_cases(
    session: Session,
    portfolio: Portfolio,
    case_ids: Sequence[int],
    *,
    now: datetime,
    skip_messages: Collection[int] = (),
    lock: bool = True,
    as_of: date | None = None,
) -> list[ContactCase]:
    """Cases with customer, accounts and facts, in id order, customers and cases locked until the transaction ends;
    or, without `lock`, with what `changed_cases` needs to tell later whether they are still the same.

    `skip_messages` are the outbox rows the question is about: none must count against itself. With `as_of` (today)
    the accounts stand as of this moment, otherwise as the last night left them.
    """
    case, customer = table_of(CollectionsCase), table_of(Customer)
    whose = sa.select(case.c.customer_id).where(among(session, case.c.id, case_ids))
    ids = sorted(set(session.execute(whose).scalars()))
    # The heads first: a change after this moment moves them, and so is noticed.
    streams = [customer_stream(i) for i in ids]
    heads = lock_streams(session, streams) if lock else read_heads(session, streams)
    connection = session.connection()
    cases = _case_rows(session, case_ids, lock=lock)
    rows = connection.execute(sa.select(customer).where(among(session, customer.c.id, ids)))
    customers = {row.id: row for row in rows}
    packs = _packs(portfolio, customers)
    reserved = reserved_contacts(session, portfolio, ids, now=now, skip_messages=skip_messages)
    facts = gather_facts(session, list(customers.values()), packs, now=now, reserved=reserved)
    large_print = with_need(session, ids, with_effect(LargePrint))
    contact_cases = {
        row.customer_id: ContactCase(
            CaseRow(*row),
            tuple(row),
            customers[row.customer_id],
            packs[row.customer_id],
            facts[row.customer_id],
            heads.get(customer_stream(row.customer_id), NO_HEAD),
            large_print=row.customer_id in large_print,
        )
        for row in cases
    }
    account, state = table_of(Account), table_of(AccountState)
    query = (
        sa.select(
            account.c.id, account.c.customer_id, account.c.product, account.c.card_last4,
            state.c.past_due_minor, state.c.balance_minor, state.c.oldest_due_on, disputed_minor(),
        )
        .join(state, state.c.account_id == account.c.id)
        .where(among(session, account.c.customer_id, ids), worked())
        .order_by(account.c.id)
    )  # fmt: skip
    rows_of = [AccountRow(*row) for row in connection.execute(query)]
    for account_row in _as_of(session, portfolio, rows_of, as_of) if as_of else rows_of:
        contact_cases[account_row.customer_id].add(account_row)
    return list(contact_cases.values())


def _as_of(
    session: Session, portfolio: Portfolio, rows: Sequence[AccountRow], today: date
) -> list[AccountRow]:
    """The same accounts with everything posted until now."""
    stands = standing_on(session, portfolio, [row.id for row in rows], today)
    return [
        row._replace(
            past_due_minor=now.past_due,
            balance_minor=now.balance,
            oldest_due_on=now.oldest_due_on,
            disputed_minor=now.disputed,
        )
        for row in rows
        for now in (stands[row.id],)
    ]


NO_HEAD = (0, GENESIS)


def _packs(portfolio: Portfolio, customers: Mapping[int, DbRow]) -> dict[int, Pack]:
    """The pack of each of these customers; neighbours have the same."""
    packs: dict[int, Pack] = {}
    of_place: dict[tuple[str, ...], Pack] = {}
    for i, row in customers.items():
        place = (row.country, row.region, row.city, row.postcode)
        if place not in of_place:
            of_place[place] = packs_for(portfolio, row)
        packs[i] = of_place[place]
    return packs


def _case_rows(session: Session, case_ids: Iterable[int], *, lock: bool) -> Rows:
    """As `CaseRow` has them, in id order."""
    case = table_of(CollectionsCase)
    query = (
        sa.select(
            case.c.id, case.c.customer_id, case.c.status, case.c.step_day, case.c.occurrence,
            case.c.next_contact_on, case.c.past_due_minor, case.c.segment,
        )
        .where(among(session, case.c.id, case_ids))
        .order_by(case.c.id)
    )  # fmt: skip
    return session.connection().execute(query.with_for_update() if lock else query).all()


def changed_cases(session: Session, seen: Sequence[ContactCase]) -> tuple[set[int], Heads]:
    """Lock these cases and their customers until the transaction ends. Which of them are not as they were found: their
    row is another one, or something happened to the customer; and the heads of the customers' streams."""
    streams = [customer_stream(contact_case.case.customer_id) for contact_case in seen]
    heads = lock_streams(session, streams)
    now = {
        row.id: row for row in _case_rows(session, [contact_case.case.id for contact_case in seen], lock=True)
    }
    changed = {
        contact_case.case.id
        for contact_case, stream in zip(seen, streams, strict=True)
        if now.get(contact_case.case.id) != contact_case.found or heads[stream] != contact_case.head
    }
    return changed, heads


def reserved_contacts(
    session: Session,
    portfolio: Portfolio,
    customer_ids: Sequence[int],
    *,
    now: datetime,
    skip_messages: Collection[int] = (),
) -> dict[int, list[PastContact]]:
    """Messages on their way, by customer: they count already. Those that waited too long will never leave and do not.

    When some of them are judged again for delivery (`skip_messages`), those still queued do not stand in their way:
    each is judged in its own turn.
    """
    message = table_of(OutboxMessage)
    statuses = (OutboxStatus.SENDING, OutboxStatus.UNKNOWN) if skip_messages else PENDING
    stale = local_date(now, portfolio.timezone) - STALE_AFTER
    # Spelled so that no index fits: on a night's first chunks PostgreSQL believes the outbox to be empty, and would go
    # through all that waits in it, again and again.
    status = sa.type_coerce(message.c.status, sa.Text) + ""
    query = sa.select(
        message.c.id, message.c.customer_id, message.c.status, message.c.destination, message.c.address,
        message.c.finished_at,
    ).where(
        among(session, message.c.customer_id, customer_ids),
        status.in_([each.value for each in statuses]),
        message.c.destination.in_(TO_CUSTOMERS),
        sa.or_(message.c.status != OutboxStatus.QUEUED, message.c.business_date >= stale),
    )  # fmt: skip
    reserved: dict[int, list[PastContact]] = {}
    for row in session.execute(query):
        if row.id not in skip_messages:
            # An unknown message counts from its attempt; a message on its way counts from now.
            at = row.finished_at if row.status is OutboxStatus.UNKNOWN and row.finished_at else now
            past = PastContact(at, Channel(row.destination.value), ContactResult.PLACED, row.address)
            reserved.setdefault(row.customer_id, []).append(past)
    return reserved
