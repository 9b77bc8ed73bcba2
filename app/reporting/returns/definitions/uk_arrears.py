"""UK: arrears of credit agreements over a quarter, in the sense of the FCA's performance data."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from app.book.delinquency.models import Pause, ReAge
from app.book.delinquency.queries import spells_on
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.definitions.outcomes.rules import LOST
from app.reporting.kpis.rules import Thing
from app.reporting.kpis.standing import counted_on, positive, standing_on
from app.reporting.returns.lines import Asked, line
from app.reporting.returns.rules import Measure, ReturnDefinition, ReturnKind, Row, Section, Source

ARREARS = {"arrears_1": 1, "arrears_30": 30, "arrears_60": 60, "arrears_90": 90}
"""Row -> its first day past due."""
SUPPORT = {
    PlanKind.INSTALMENTS: "repayment_plan",
    PlanKind.HARDSHIP: "hardship_plan",
    PlanKind.SETTLEMENT: "settlement_runs",
}
ENDS = {
    AccountStatus.CHARGED_OFF: "charged_off",
    AccountStatus.SOLD: "sold",
    AccountStatus.SETTLED: "settled",
}


def state(asked: Asked) -> Query:
    """Every counted account by its days past due at the end of the period; the day is that from which they count."""
    stands = standing_on(asked.shape, asked.days)
    row = sa.case(
        *(
            (stands.c.oldest_due_on <= asked.days.before(first), name)
            for name, first in sorted(ARREARS.items(), key=lambda pair: -pair[1])
        ),
        else_="up_to_date",
    )
    return sa.select(
        *line(
            row, Thing.ACCOUNT, stands.c.account_id, stands.c.oldest_due_on, stands.c.account_id,
            stands.c.customer_id, balance=positive(stands.c.balance_minor), past_due=stands.c.past_due_minor,
        )
    )  # fmt: skip


def flow(asked: Asked) -> Query:
    """Accounts in arrears before the period or at its end. The amount is that of the end where it is in arrears then,
    otherwise that of before."""
    account, on, before_on = table_of(Account), asked.period.on, asked.period.before_on
    then = spells_on(asked.portfolio_id, before_on).alias("then")
    now = spells_on(asked.portfolio_id, on).alias("now")
    was, is_late = _in_arrears(then, before_on), _in_arrears(now, on)
    lost = sa.and_(
        account.c.status.in_(LOST), account.c.ended_on.between(asked.period.first_on, asked.period.on)
    )
    row = sa.case(
        (sa.and_(was, lost), "lost"),
        (sa.and_(was, is_late), "stayed"),
        (was, "cleared"),
        else_="fell",
    )
    past_due = sa.case((is_late, now.c.past_due_minor), else_=then.c.past_due_minor)
    return (
        sa.select(
            *line(
                row, Thing.ACCOUNT, account.c.id, sa.case((is_late, now.c.oldest_due_on), else_=then.c.oldest_due_on),
                account.c.id, account.c.customer_id, past_due=past_due,
            )
        )
        .select_from(account)
        .outerjoin(then, then.c.account_id == account.c.id)
        .outerjoin(now, now.c.account_id == account.c.id)
        .where(account.c.portfolio_id == asked.portfolio_id, sa.or_(was, is_late))
    )  # fmt: skip


def _in_arrears(spells: sa.FromClause, on: date) -> sa.ColumnElement[bool]:
    return sa.and_(spells.c.account_id.is_not(None), counted_on(on))


def plans(asked: Asked) -> Query:
    """Counted accounts of customers whose plan or settlement runs at the end of the period."""
    stands, plan, on = standing_on(asked.shape, asked.days), table_of(Plan), asked.period.on
    row = sa.case(*((plan.c.kind == kind, name) for kind, name in SUPPORT.items()))
    runs = (
        plan.c.portfolio_id == asked.portfolio_id,
        plan.c.kind.in_(list(SUPPORT)),
        plan.c.accepted_on <= on,
        sa.or_(plan.c.ended_on.is_(None), plan.c.ended_on > on),
    )
    return (
        sa.select(*_of_standing(row, stands))
        .distinct()
        .select_from(stands)
        .join(plan, plan.c.customer_id == stands.c.customer_id)
        .where(*runs)
    )


def paused(asked: Asked) -> Query:
    """Counted accounts whose days past due do not count at the end of the period."""
    stands, pause, on = standing_on(asked.shape, asked.days), table_of(Pause), asked.period.on
    stops = sa.exists().where(
        pause.c.account_id == stands.c.account_id,
        pause.c.from_on <= on,
        sa.or_(pause.c.to_on.is_(None), pause.c.to_on > on),
    )
    return sa.select(*_of_standing("paused", stands)).where(stops)


def re_aged(asked: Asked) -> Query:
    """Counted accounts that were re-aged in the period."""
    stands, made = standing_on(asked.shape, asked.days), table_of(ReAge)
    in_period = sa.exists().where(
        made.c.account_id == stands.c.account_id,
        made.c.on.between(asked.period.first_on, asked.period.on),
    )
    return sa.select(*_of_standing("re_aged", stands)).where(in_period)


def _of_standing(
    row: str | sa.ColumnElement[str], stands: sa.Subquery
) -> tuple[sa.ColumnElement[object], ...]:
    return line(
        row, Thing.ACCOUNT, stands.c.account_id, stands.c.oldest_due_on, stands.c.account_id,
        stands.c.customer_id, balance=positive(stands.c.balance_minor), past_due=stands.c.past_due_minor,
    )  # fmt: skip


def ends(asked: Asked) -> Query:
    """Accounts that were charged off, sold or settled in the period, with what was taken off the book then."""
    account, entry = table_of(Account), table_of(Entry)
    mirror = entry.alias("mirror")
    first_on, on = asked.period.first_on, asked.period.on
    taken_off = (
        sa.select(sa.func.coalesce(sa.func.sum(-entry.c.amount_minor), 0))
        .where(
            entry.c.account_id == account.c.id,
            entry.c.ended_as == account.c.status,
            entry.c.effective_on.between(first_on, on),
            ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        )
        .scalar_subquery()
    )
    row = sa.case(*((account.c.status == status, name) for status, name in ENDS.items()))
    return sa.select(
        *line(
            row, Thing.ACCOUNT, account.c.id, account.c.ended_on, account.c.id, account.c.customer_id,
            balance=taken_off,
        )
    ).where(
        account.c.portfolio_id == asked.portfolio_id,
        account.c.status.in_(list(ENDS)),
        account.c.ended_on.between(first_on, on),
    )  # fmt: skip


def fees(asked: Asked) -> Query:
    """Fees of the period that were not reversed."""
    account, entry = table_of(Account), table_of(Entry)
    mirror = entry.alias("mirror")
    return (
        sa.select(
            *line(
                "fees", Thing.ENTRY, entry.c.id, entry.c.effective_on, entry.c.account_id, account.c.customer_id,
                balance=entry.c.amount_minor,
            )
        )
        .select_from(entry)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            entry.c.portfolio_id == asked.portfolio_id,
            entry.c.kind == EntryKind.FEE,
            entry.c.effective_on.between(asked.period.first_on, asked.period.on),
            ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        )
    )  # fmt: skip


_STATE = {Measure.NUMBER: "Agreements", Measure.BALANCE: "Balance", Measure.PAST_DUE: "Arrears"}
_ALL_STATES = ("up_to_date", *ARREARS)


def definition() -> ReturnDefinition:
    return ReturnDefinition(
        ReturnKind.UK_ARREARS,
        "UK: arrears of credit agreements",
        "Financial Conduct Authority",
        (
            Source(
                "SUP 16.11 and SUP 16 Annex 21R, credit agreement performance report PSD009 (PS24/3; PSD008a is the "
                "one-off report of the back book)",
                "https://www.fca.org.uk/firms/product-sales-data/credit-agreements",
                read=False,
            ),
        ),
        (3,),
        (_state_section(), _flow_section(), _support_section(), _ends_section(), _missing_section()),
        (
            "The report itself is one line for each agreement: the lists behind the cells are those lines. Arrears "
            "are what is past due, days are counted from the oldest unpaid due, and paused days do not count.",
            "Arrears before the period = stayed + cleared + lost; arrears at its end = stayed + fell.",
        ),
    )


def _state_section() -> Section:
    return Section(
        "Agreements at the end of the period",
        _STATE,
        (
            Row("up_to_date", "Not in arrears"),
            Row("arrears_1", "In arrears, 1–29 days"),
            Row("arrears_30", "In arrears, 30–59 days"),
            Row("arrears_60", "In arrears, 60–89 days"),
            Row("arrears_90", "In arrears, 90 days or more"),
            Row("in_arrears", "All in arrears", sum_of=tuple(ARREARS)),
            Row("agreements", "All agreements", sum_of=_ALL_STATES),
        ),
    )


def _flow_section() -> Section:
    return Section(
        "Arrears in the period",
        {Measure.NUMBER: "Agreements", Measure.PAST_DUE: "Arrears"},
        (
            Row("before", "In arrears before the period", sum_of=("stayed", "cleared", "lost")),
            Row("stayed", "Stayed in arrears"),
            Row("cleared", "Cleared, or ended without a loss"),
            Row("lost", "Charged off or sold"),
            Row("fell", "Fell into arrears"),
        ),
    )


def _support_section() -> Section:
    return Section(
        "Forbearance",
        _STATE,
        (
            Row("repayment_plan", "Repayment plan runs"),
            Row("hardship_plan", "Hardship plan runs"),
            Row("settlement_runs", "Settlement for less runs"),
            Row("paused", "Days past due are paused (moratorium, hardship, dispute)"),
            Row("re_aged", "Re-aged in the period"),
        ),
    )


def _ends_section() -> Section:
    return Section(
        "Ends and charges in the period",
        {Measure.NUMBER: "Number", Measure.BALANCE: "Amount"},
        (
            Row("charged_off", "Charged off: agreements, and the balance taken off the book"),
            Row("sold", "Sold: agreements, and the balance taken off the book"),
            Row("settled", "Settled for less: agreements, and what was waived"),
            Row("fees", "Fees charged and not reversed"),
        ),
    )


def _missing_section() -> Section:
    return Section(
        "Not recorded",
        {Measure.NUMBER: "Agreements"},
        (
            Row(
                "missed_payments",
                "Contractual payments missed",
                missing="Dues are kept by date and amount, not as a count of payments.",
            ),
            Row(
                "default_fees",
                "Fees for default",
                missing="A creditor's ledger does not tell fees for default from other fees.",
            ),
            Row(
                "persistent_debt",
                "Persistent debt",
                missing="Interest and principal paid over 18 months are not told apart for every creditor.",
            ),
            Row(
                "vulnerable",
                "Customers in vulnerable circumstances",
                missing="Support needs are not recorded as the report asks for them.",
            ),
        ),
    )
