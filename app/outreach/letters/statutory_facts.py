"""Statutory facts: dates to answer by, costs, and how a debt came to be, read for the letters that show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict

import sqlalchemy as sa
from pydantic_core import from_json
from sqlmodel import Session, col, select

from app.book.charges.concessions import lower_rates
from app.book.charges.rules import capped_apr
from app.book.customers.models import ContactPoint
from app.book.customers.rules import ADDRESS, PointKind, PointSource
from app.book.ledger.events import AccountChanged
from app.book.ledger.models import Account, ContactCorrection, Entry, Statement
from app.book.ledger.rules import MONEY_IN, AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.core.clock import local_instant
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.outreach.gate.contact_cases import AccountRow, ContactCase
from app.outreach.letters.letter import BadLetter, Letter, Unsayable
from app.outreach.letters.locales import format_amount, format_date, format_rate
from app.outreach.letters.statutory import (
    COSTS_CURRENCY,
    COSTS_LETTER,
    ClaimLine,
    Itemization,
    ItemLine,
    collection_costs,
    itemize,
)
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import MAY_HAVE_LEFT
from app.policy.composition import pack_of

FIGURES = frozenset({"address_found", "balance_total", "claims", "collection_costs", "itemization"})
"""Variables that are worked out here, besides the day to answer by."""


WHOLE_DEBT = frozenset({"balance_total", "claims", "itemization"})
"""Those of them that state the whole debt of an account."""


class StatutoryFigures(TypedDict, total=False):
    """Values of a letter's variables that law or ledger give; those that the letter shows."""

    answer_by: str
    balance_total: str
    collection_costs: str
    total_with_costs: str
    itemization: tuple[ItemLine, ...]
    claims: tuple[ClaimLine, ...]
    address_found: str


def figures_for(
    session: Session, contact_case: ContactCase, letter: Letter, currency: str, language: str, *, today: date
) -> StatutoryFigures:
    """Values of those of the letter's variables that are not the same for all letters, by name.

    Raises BadLetter where the law gives no figure (Dutch costs of a debt that is not in euros, or of nothing), and
    Unsayable where the ledger does not add up to what is claimed: an itemization shows what was charged and paid, and
    nothing is put in to close it (15 USC 1692e(2)(A)).
    """
    found: StatutoryFigures = {}
    if letter.variables & WHOLE_DEBT:
        _refuse_disputed(contact_case)
    if letter.answer is not None and letter.answer.shown:
        found["answer_by"] = format_date(letter.answer.ends(today), language)
    if "balance_total" in letter.variables:
        balance = sum(account.balance_minor for account in contact_case.accounts if account.asked > 0)
        found["balance_total"] = format_amount(balance, currency, language)
    if "collection_costs" in letter.variables:
        if currency != COSTS_CURRENCY or contact_case.to_ask <= 0:
            raise BadLetter(f"Letter {letter.name}: the law gives costs for debts in {COSTS_CURRENCY} only.")
        costs = collection_costs(_costs_base(session, contact_case, letter))
        found["collection_costs"] = format_amount(costs, currency, language)
        found["total_with_costs"] = format_amount(contact_case.to_ask + costs, currency, language)
    if "itemization" in letter.variables:
        late = [account for account in contact_case.accounts if account.asked > 0]
        found["itemization"] = tuple(_line(session, each, currency, language, today) for each in late)
        total = sum(account.balance_minor for account in late)
        found["balance_total"] = format_amount(total, currency, language)
    if "claims" in letter.variables:
        late = [account for account in contact_case.accounts if account.asked > 0]
        found["claims"] = tuple(_claim(session, each, currency, language, today) for each in late)
    if "address_found" in letter.variables:
        found["address_found"] = "yes" if _address_found(session, contact_case) else ""
    return found


def _refuse_disputed(contact_case: ContactCase) -> None:
    """Raise Unsayable where a part of what the letter states is disputed: it would ask for that part."""
    disputed = next((each for each in contact_case.accounts if each.asked > 0 and each.disputed_minor), None)
    if disputed is not None:
        raise Unsayable(
            f"An amount of card {disputed.card_last4} is disputed, and the letter states the whole debt. Decide the "
            "dispute first, or write to the customer by hand."
        )


def refuse_charged_off(session: Session, contact_case: ContactCase) -> None:
    """Raise Unsayable where a debt was charged off before it came: it must be itemized since then, and we do not know
    the day."""
    account = table_of(Account)
    late = [each.id for each in contact_case.accounts if each.asked > 0]
    query = sa.select(account.c.card_last4).where(
        among(session, account.c.id, late), account.c.status == AccountStatus.CHARGED_OFF
    )
    if (last4 := session.scalar(query.limit(1))) is not None:
        raise Unsayable(
            f"Card {last4} was charged off, and the letter would have to itemize its debt since that day. Write to the "
            "customer by hand."
        )


def costs_now(session: Session, contact_case: ContactCase, letter: Letter, language: str) -> str:
    """The collection costs that the letter would ask for now, formatted; '' = none are owed."""
    try:
        costs = collection_costs(_costs_base(session, contact_case, letter))
    except Unsayable:
        return ""
    return format_amount(costs, COSTS_CURRENCY, language)


def _costs_base(session: Session, contact_case: ContactCase, letter: Letter) -> int:
    """The amount in minor units of which the costs are a share. Where a letter asks for them, it is what the letter
    before named and is unpaid still (BW 6:96(6)): costs of what fell due since were not announced. What came since that
    letter was written pays what it named first, on the cards that it named."""
    if not letter.follows_up:
        return contact_case.to_ask
    message = table_of(OutboxMessage)
    found = session.execute(
        sa.select(message.c.past_due_minor, message.c.context, message.c.created_at)
        .where(
            message.c.case_id == contact_case.case.id,
            message.c.letter == COSTS_LETTER,
            message.c.status.in_(MAY_HAVE_LEFT),
        )
        .order_by(message.c.id.desc())
        .limit(1)
    ).first()
    if found is None:
        raise Unsayable("The fourteen-day letter that names these costs has not left. Send it first.")
    cards = {(line["product"], line["last4"]) for line in from_json(found.context).get("accounts", ())}
    named = [each for each in contact_case.accounts if (each.product, each.card_last4) in cards]
    came = _came_since(session, [each.id for each in named], found.created_at)
    left = min(int(found.past_due_minor) - came, sum(each.asked for each in named))
    if left <= 0:
        raise Unsayable(
            "Nothing is unpaid of what the fourteen-day letter named: no costs are owed. Send that letter again for "
            "what fell due since."
        )
    return left


def _came_since(session: Session, account_ids: Sequence[int], written_at: datetime) -> int:
    """What was credited to these accounts and known only after that moment, as a positive number in minor units. An
    entry that was undone does not count."""
    entry = table_of(Entry)
    undone = entry.alias("undone")
    came = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(-entry.c.amount_minor), 0))
        .outerjoin(undone, undone.c.reverses_id == entry.c.id)
        .where(
            among(session, entry.c.account_id, account_ids),
            entry.c.created_at > written_at,
            entry.c.amount_minor < 0,
            entry.c.kind != EntryKind.WRITE_OFF,
            undone.c.id.is_(None),
        )
    )
    return int(came or 0)


def _line(session: Session, account: AccountRow, currency: str, language: str, today: date) -> ItemLine:
    def money(minor: int) -> str:
        return format_amount(minor, currency, language)

    since = _itemization_date(session, account.id, today)
    entries = _entries(session, account.id, today)
    before = [(kind, amount) for on, kind, amount in entries if on <= since]
    after = [(kind, amount) for on, kind, amount in entries if on > since]
    shown = itemize(sum(amount for _, amount in before), after)
    _check_adds_up(account, entries, shown, currency, language)
    return ItemLine(
        product=account.product,
        last4=account.card_last4,
        since=format_date(since, language),
        owed=money(shown.owed),
        interest=money(shown.interest),
        fees=money(shown.fees),
        other=money(shown.other) if shown.other else "",
        paid=money(shown.paid),
        now=money(account.balance_minor),
    )


def _entries(session: Session, account_id: int, today: date) -> list[tuple[date, str, int]]:
    """(effective date, kind, signed amount) of each entry until today in the order of their dates; an entry that undoes
    another has the other's kind."""
    entry = table_of(Entry)
    undone = entry.alias("undone")
    query = (
        sa.select(entry.c.effective_on, sa.func.coalesce(undone.c.kind, entry.c.kind), entry.c.amount_minor)
        .outerjoin(undone, undone.c.id == entry.c.reverses_id)
        .where(entry.c.account_id == account_id, entry.c.effective_on <= today)
        .order_by(entry.c.effective_on, entry.c.id)
    )
    return [(_date(on), str(kind), int(amount)) for on, kind, amount in session.execute(query)]


def _check_adds_up(
    account: AccountRow, entries: Sequence[object], shown: Itemization, currency: str, language: str
) -> None:
    """Raise Unsayable where the ledger does not hold what is claimed."""
    if not entries:
        raise Unsayable(
            f"The ledger holds no entries of card {account.card_last4}, so that its debt cannot be itemized. Load the "
            "charges and payments."
        )
    if shown.now != account.balance_minor:
        raise Unsayable(
            f"The ledger of card {account.card_last4} adds up to {format_amount(shown.now, currency, language)}, and "
            f"{format_amount(account.balance_minor, currency, language)} is claimed. Ask the creditor what the "
            "difference is."
        )


def _claim(session: Session, account: AccountRow, currency: str, language: str, today: date) -> ClaimLine:
    def money(minor: int) -> str:
        return format_amount(minor, currency, language) if minor else ""

    entries = _entries(session, account.id, today)
    shown = itemize(0, [(kind, amount) for _, kind, amount in entries])
    _check_adds_up(account, entries, shown, currency, language)
    holder = session.get_one(Account, account.id)
    rate = since = until = first_base = last_base = ""
    if shown.interest > 0:
        charged = [on for on, kind, amount in entries if kind == EntryKind.INTEREST and amount > 0]
        first, last = charged[0], charged[-1]
        start = _interest_since(session, holder, entries, first)
        rate = format_rate(_one_rate(session, holder, start), language)
        since, until = format_date(start, language), format_date(last, language)
        first_base, last_base = (
            format_amount(max(_balance_before(entries, on), 0), currency, language) for on in (first, last)
        )
    return ClaimLine(
        product=account.product,
        last4=account.card_last4,
        contract_on=format_date(holder.opened_on, language),
        balance=format_amount(account.balance_minor, currency, language),
        charged=money(shown.other),
        interest=money(max(shown.interest, 0)),
        fees=money(shown.fees),
        paid=money(shown.paid),
        rate=rate,
        since=since,
        until=until,
        first_base=first_base,
        last_base=last_base,
    )


def _balance_before(entries: Sequence[tuple[date, str, int]], on: date) -> int:
    return sum(amount for day, _, amount in entries if day < on)


def _interest_since(
    session: Session, account: Account, entries: Sequence[tuple[date, str, int]], first: date
) -> date:
    """The first day for which the interest of the ledger was charged. Where the desk charges it day by day, that is the
    day of the first one; a creditor charges what ran since the statement before, or since the debt began."""
    if session.get_one(Portfolio, account.portfolio_id).accrues:
        return first
    statement = table_of(Statement)
    closed = session.execute(
        sa.select(sa.func.max(statement.c.closing_on)).where(
            statement.c.account_id == account.id, statement.c.closing_on < first
        )
    ).scalar()
    starts = [_date(closed)] if closed else [on for on, _, _ in entries if on < first][:1]
    if not starts:
        raise Unsayable(
            f"The ledger of card {account.card_last4} does not say for which days its interest of {first} was charged. "
            "Load the entries and statements before it."
        )
    return starts[0]


def _one_rate(session: Session, account: Account, since: date) -> int:
    """The yearly rate in millionths at which all interest since that day was charged. Raises Unsayable where there is
    no such rate."""
    portfolio, account_id = session.get_one(Portfolio, account.portfolio_id), id_of(account)
    changes = select(Event.data).where(
        Event.customer_id == account.customer_id, Event.account_id == account_id, Event.kind == AccountChanged.KIND,
        col(Event.at) >= local_instant(since, 0, 0, portfolio.timezone),
    )  # fmt: skip
    changed = any(
        "apr_millionths" in AccountChanged.from_json(text).from_ for text in session.scalars(changes)
    )
    if changed or not account.apr_millionths or lower_rates(session, [account_id]):
        raise Unsayable(
            f"The interest of card {account.card_last4} was not charged at one known rate, so that its calculation "
            "cannot be shown. Write to the customer by hand."
        )
    return capped_apr(account.apr_millionths, pack_of(portfolio).charges)


def _address_found(session: Session, contact_case: ContactCase) -> bool:
    """True if a part of the postal address that letters go to came from somebody other than the creditor: a person put
    it right, or it was noted as traced."""
    customer = contact_case.customer
    corrected = select(ContactCorrection.field).where(
        ContactCorrection.customer_id == customer.id, col(ContactCorrection.field).in_(ADDRESS)
    )
    elsewhere = select(ContactPoint.id).where(
        ContactPoint.customer_id == customer.id, ContactPoint.kind == PointKind.ADDRESS,
        ContactPoint.address_line1 == customer.address_line1, ContactPoint.city == customer.city,
        col(ContactPoint.ended_at).is_(None), col(ContactPoint.source) != PointSource.CREDITOR,
    )  # fmt: skip
    return any(session.scalar(query.limit(1)) is not None for query in (corrected, elsewhere))


def _itemization_date(session: Session, account_id: int, today: date) -> date:
    """The last statement's date; without statements the last payment's, or else the first entry's: all of them
    reference dates of 12 CFR 1006.34(b)(3). Not before the first entry, of which the ledger knows nothing."""
    statement, entry = table_of(Statement), table_of(Entry)
    own = sa.and_(entry.c.account_id == account_id, entry.c.effective_on <= today)
    first = session.execute(sa.select(sa.func.min(entry.c.effective_on)).where(own)).scalar()
    for query in (
        sa.select(sa.func.max(statement.c.closing_on)).where(
            statement.c.account_id == account_id, statement.c.closing_on <= today
        ),
        sa.select(sa.func.max(entry.c.effective_on)).where(own, entry.c.kind.in_(MONEY_IN)),
    ):
        if (found := session.execute(query).scalar()) is not None:
            return max(_date(found), _date(first or found))
    return _date(first or today)


def _date(value: object) -> date:
    return date.fromisoformat(str(value))
