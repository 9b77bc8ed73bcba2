"""Interest and late fees for portfolios whose ledger is kept here: posted by the day, once.

The night of D charges before it ages: every account stands at the end of D-1, interest of D is posted on that
balance and dated D, and a minimum that lapses on D bears its late fee. Each chunk is one transaction that also
moves `Accrual.through`, so a night that was killed goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.concessions import lower_rates, without_late_fees
from app.book.charges.default_sums import bearing_nothing_of, default_sums_on
from app.book.charges.models import Accrual
from app.book.charges.rests import OF_DISPUTES, resting
from app.book.charges.rules import Accrued, accrue, capped_apr, interest_of_day, is_paused, late_fee, rate_on
from app.book.charges.statements import bears_fee_already, once_a_violation
from app.book.delinquency.days import DAY, Interval
from app.book.delinquency.models import AccountState, Pause
from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account, Entry, LedgerChange, Statement
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.ledger.service import MAX_REFERENCE
from app.book.portfolios.days import first_day
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.database.bulk import bulk_write, chunked
from app.core.database.engine import table_of
from app.core.types import Cells
from app.policy.sections.charges import ChargeCaps

BEARING = (AccountStatus.ACTIVE, AccountStatus.CLOSED)
"""Accounts that bear interest and fees: not dormant ones, and none that has ended."""


def bears_interest(account: Account) -> bool:
    """True if the night posts interest on the account, where its portfolio has us post any."""
    return account.status in BEARING and account.ended_on is None


@dataclass(slots=True)
class Posted:
    """Result of charging a stretch of days: counts, and the first past day whose figures changed."""

    interest: int = 0
    late_fees: int = 0
    corrections: int = 0
    restated_from: date | None = None


@dataclass(slots=True)
class _Ledger:
    """Rows about to be written for one chunk."""

    portfolio: Portfolio
    on: date
    now: datetime
    entries: list[Cells] = field(default_factory=list)
    accruals: list[Cells] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def post(self, account_id: int, kind: EntryKind, amount: int, reference: str, description: str) -> None:
        day = self.on.isoformat()
        self.entries.append(
            (
                self.portfolio.id,
                account_id,
                kind.value,
                amount,
                day,
                day,
                reference,
                SYSTEM,
                description,
            )
        )
        self.touched.add(account_id)

    def accrued(self, account_id: int, carry: int) -> None:
        self.accruals.append((account_id, self.portfolio.id, self.on.isoformat(), carry))

    def write(self, session: Session) -> None:
        """Store them. A row dated on the day about to be aged needs no mark of a change: its account, folded to the
        day before, wakes on that day."""
        at = self.now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        if session.get_bind().dialect.name == "postgresql":
            at += "+00"  # SQLite keeps UTC without saying so
        bulk_write(session, Entry, _ENTRY, [(*entry, at) for entry in self.entries])
        bulk_write(session, Accrual, _ACCRUAL, self.accruals, replace_on="account_id")
        state = table_of(AccountState)
        session.connection().execute(
            sa.update(state)
            .where(
                state.c.account_id.in_(sorted(self.touched)),
                sa.or_(state.c.wake_on.is_(None), state.c.wake_on > self.on),
            )
            .values(wake_on=self.on)
        )


_ENTRY = (
    "portfolio_id",
    "account_id",
    "kind",
    "amount_minor",
    "effective_on",
    "posted_on",
    "reference",
    "source",
    "description",
    "created_at",
)
_ACCRUAL = ("account_id", "portfolio_id", "through", "carry")


# --- what came late -------------------------------------------------------------------------------------------


def catch_up(
    session: Session,
    portfolio: Portfolio,
    caps: ChargeCaps | None,
    account_ids: Sequence[int],
    on: date,
    *,
    now: datetime,
) -> Posted:
    """Bring accounts with news from before `on` up to the day before.

    Where the news changes the interest of past days, the difference is posted as one adjustment, and the interest of
    `on` with it.
    """
    posted = Posted()
    changes = _changes(session, account_ids)
    past = {account_id: day for account_id, (day, known) in changes.items() if known and day < on}
    fold_accounts(session, portfolio, account_ids, through=on - DAY)
    posted.restated_from = min(past.values(), default=None)
    late = [account_id for account_id, (day, _) in changes.items() if day < on - DAY]
    first_on = _first_day(session, portfolio)
    bearing = _bearing(session, late, on)
    pauses, lower = _pauses(session, list(bearing)), lower_rates(session, list(bearing))
    rests = bearing_nothing_of(session, list(bearing), caps)
    ledger = _Ledger(portfolio, on, now)
    for account_id, (principal, charged) in _entries(session, list(bearing), on - DAY).items():
        reference, apr = bearing[account_id]
        found = accrue(
            principal,
            first_on=first_on,
            through=on,
            apr_millionths=capped_apr(apr, caps),
            day_count=portfolio.day_count,
            pauses=pauses.get(account_id, ()),
            lower=lower.get(account_id, ()),
            rests=rests.get(account_id, ()),
        )
        since = max(changes[account_id][0], first_on)
        _post_found(ledger, posted, account_id, reference, found, charged, since)
    ledger.write(session)
    return posted


def _post_found(
    ledger: _Ledger,
    posted: Posted,
    account_id: int,
    reference: str,
    found: Accrued,
    charged: int,
    since: date,
) -> None:
    if found.before != charged:
        name = f"interest-correction:{reference}:{since}:{ledger.on}"
        if len(name) > MAX_REFERENCE:
            name = f"interest-correction:#{account_id}:{since}:{ledger.on}"
        what = f"interest from {since}, as it should have been"
        ledger.post(account_id, EntryKind.ADJUSTMENT, found.before - charged, name, what)
        posted.corrections += 1
    if found.last:
        _post_interest(ledger, account_id, reference, found.last)
        posted.interest += 1
    ledger.accrued(account_id, found.carry)


def _changes(session: Session, account_ids: Sequence[int]) -> dict[int, tuple[date, bool]]:
    """Account -> earliest change, and whether it was counted on a day that is closed already."""
    change, state = table_of(LedgerChange), table_of(AccountState)
    query = (
        sa.select(change.c.account_id, change.c.earliest_on, state.c.account_id.is_not(None))
        .outerjoin(state, state.c.account_id == change.c.account_id)
        .where(change.c.account_id.in_(account_ids))
    )
    return {row[0]: (row[1], bool(row[2])) for row in session.connection().execute(query)}


def _first_day(session: Session, portfolio: Portfolio) -> date:
    """Interest runs from the portfolio's first business day."""
    first = first_day(session, portfolio)
    assert first is not None, "charging is part of a business day"
    return first


def _bearing(session: Session, account_ids: Sequence[int], on: date) -> dict[int, tuple[str, int]]:
    """Reference and annual rate of those that bear interest and have not been charged for `on` yet."""
    account, accrual = table_of(Account), table_of(Accrual)
    query = (
        sa.select(account.c.id, account.c.reference, account.c.apr_millionths)
        .outerjoin(accrual, accrual.c.account_id == account.c.id)
        .where(
            account.c.id.in_(account_ids),
            account.c.status.in_(BEARING),
            account.c.ended_on.is_(None),
            sa.or_(accrual.c.through.is_(None), accrual.c.through < on),
        )
        .order_by(account.c.id)
    )
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(query)}


def _entries(
    session: Session, account_ids: Sequence[int], through: date
) -> dict[int, tuple[list[tuple[date, int]], int]]:
    """Map account -> (what it owed without the night's interest, by day; the sum of that interest). Interest that a
    person took back stays taken back: a reversal or a waiver is an entry like any other. What a dispute corrected of
    these days is dated after them."""
    entry = table_of(Entry)
    of_dispute = sa.and_(entry.c.source == SYSTEM, entry.c.reference.startswith(OF_DISPUTES))
    query = (
        sa.select(
            entry.c.account_id, entry.c.effective_on, entry.c.amount_minor, entry.c.source, entry.c.reference
        )
        .where(entry.c.account_id.in_(account_ids), sa.or_(entry.c.effective_on <= through, of_dispute))
        .order_by(entry.c.effective_on, entry.c.id)
    )
    found: dict[int, tuple[list[tuple[date, int]], int]] = {i: ([], 0) for i in account_ids}
    for account_id, effective_on, amount, source, reference in session.connection().execute(query):
        principal, charged = found[account_id]
        if source == SYSTEM and reference.startswith(("interest:", "interest-correction:")):
            found[account_id] = (principal, charged + amount)
        else:
            principal.append((effective_on, amount))
    return found


# --- the day itself -------------------------------------------------------------------------------------------


def accounts_to_charge(session: Session, portfolio: Portfolio, on: date) -> list[int]:
    """Accounts that owe something at the end of the day before `on` and bear interest not posted yet."""
    state, account, accrual = table_of(AccountState), table_of(Account), table_of(Accrual)
    query = (
        sa.select(state.c.account_id)
        .join(account, account.c.id == state.c.account_id)
        .outerjoin(accrual, accrual.c.account_id == state.c.account_id)
        .where(
            state.c.portfolio_id == portfolio.id,
            state.c.balance_minor > 0,
            account.c.status.in_(BEARING),
            account.c.ended_on.is_(None),
            sa.or_(accrual.c.through.is_(None), accrual.c.through < on),
        )
        .order_by(state.c.account_id)
    )
    return list(session.connection().execute(query).scalars())


def charge_interest(
    session: Session,
    portfolio: Portfolio,
    caps: ChargeCaps | None,
    account_ids: Sequence[int],
    on: date,
    *,
    now: datetime,
) -> Posted:
    """Post interest of `on` to these accounts, folded to the day before."""
    state, accrual = table_of(AccountState), table_of(Accrual)
    bearing = _bearing(session, account_ids, on)
    carried = sa.func.coalesce(accrual.c.carry, 0)
    query = (
        sa.select(state.c.account_id, state.c.balance_minor, carried, resting(state.c.account_id, on))
        .outerjoin(accrual, accrual.c.account_id == state.c.account_id)
        .where(state.c.account_id.in_(list(bearing)))
        .order_by(state.c.account_id)
    )
    pauses, lower = _pauses(session, list(bearing)), lower_rates(session, list(bearing))
    free = default_sums_on(session, list(bearing), on, caps)
    ledger, posted = _Ledger(portfolio, on, now), Posted()
    for account_id, balance, carry, rests in session.connection().execute(query):
        if is_paused(on, pauses.get(account_id, ())):
            continue
        reference, apr = bearing[account_id]
        rate = rate_on(on, capped_apr(apr, caps), lower.get(account_id, ()))
        interest, carry = interest_of_day(
            balance - int(rests) - free.get(account_id, 0), rate, portfolio.day_count, carry
        )
        if interest:
            _post_interest(ledger, account_id, reference, interest)
            posted.interest += 1
        ledger.accrued(account_id, carry)
    ledger.write(session)
    return posted


def _post_interest(ledger: _Ledger, account_id: int, reference: str, interest: int) -> None:
    name = f"interest:{reference}:{ledger.on}"
    ledger.post(account_id, EntryKind.INTEREST, interest, name, f"interest of {ledger.on}")


def charge_late_fees(
    session: Session, portfolio: Portfolio, caps: ChargeCaps | None, on: date, *, now: datetime
) -> Posted:
    """Post a fee for each statement whose minimum, or part of it, lapses unpaid on `on`; once a statement. As much of a
    minimum as is in dispute, where charges on that rest, is not missed."""
    posted = Posted()
    if portfolio.late_fee_minor == 0:
        return posted
    least = max(1, portfolio.small_debt_minor)
    state, account = table_of(AccountState), table_of(Account)
    query = (
        sa.select(state.c.account_id, state.c.minimums, resting(state.c.account_id, on).label("rests"))
        .join(account, account.c.id == state.c.account_id)
        .where(
            state.c.portfolio_id == portfolio.id,
            state.c.wake_on <= on,
            state.c.minimums != "[]",
            account.c.status.in_(BEARING),
            account.c.ended_on.is_(None),
        )
        .order_by(state.c.account_id)
    )
    for rows in chunked(session.connection().execute(query).all(), 2000):
        ids = [row.account_id for row in rows]
        pauses, spared = _pauses(session, ids), without_late_fees(session, ids, on)
        missed = {
            row.account_id: {
                due_on for _, due_on, amount in json.loads(row.minimums) if amount - int(row.rests) >= least
            }
            for row in rows
            if not is_paused(on, pauses.get(row.account_id, ())) and row.account_id not in spared
        }
        rests = {row.account_id: int(row.rests) for row in rows}
        ledger = _Ledger(portfolio, on, now)
        for account_id, reference, minimum in _lapsing(session, missed, on):
            fee = late_fee(portfolio.late_fee_minor, minimum, portfolio.currency, caps, rests[account_id])
            if fee:
                ledger.post(
                    account_id,
                    EntryKind.FEE,
                    fee,
                    f"late-fee:{reference}",
                    f"late fee, statement {reference}",
                )
        ledger.write(session)
        posted.late_fees += len(ledger.entries)
    return posted


def _lapsing(session: Session, missed: Mapping[int, set[str]], on: date) -> Iterable[tuple[int, str, int]]:
    """(account, reference, minimum) of the statements with an open minimum of these due dates, all before `on`,
    that bear no fee yet."""
    statement = table_of(Statement)
    query = (
        sa.select(
            statement.c.account_id,
            statement.c.reference,
            statement.c.minimum_due_minor,
            statement.c.closing_on,
            statement.c.due_on,
        )
        .where(
            statement.c.account_id.in_(list(missed)),
            statement.c.due_on < on,
            statement.c.minimum_due_minor > 0,
            ~bears_fee_already(statement),
        )
        .order_by(statement.c.id)
    )
    rows = (tuple(row) for row in session.connection().execute(query))
    lapsing = (row for row in rows if row[4].isoformat() in missed[row[0]])
    for account_id, reference, minimum, _ in once_a_violation(lapsing):
        yield account_id, reference, minimum


def _pauses(session: Session, account_ids: Sequence[int]) -> dict[int, list[Interval]]:
    pause = table_of(Pause)
    query = sa.select(pause.c.account_id, pause.c.from_on, pause.c.to_on).where(
        pause.c.account_id.in_(account_ids)
    )
    found: dict[int, list[Interval]] = {}
    for account_id, from_on, to_on in session.connection().execute(query):
        found.setdefault(account_id, []).append((from_on, to_on))
    return found
