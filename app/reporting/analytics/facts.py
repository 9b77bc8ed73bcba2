"""The selects behind the analytics tables, each with the columns of its table in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from app.book.delinquency.days import CURRENT
from app.book.delinquency.models import AccountState, Spell
from app.book.ledger.models import Account, Customer, Entry
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.results.rules import Direction
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.core.ids import id_of
from app.core.money import exponent
from app.core.timeline.models import Event
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_CUSTOMERS
from app.reporting.analytics import schema
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.definitions.sql import json_text
from app.reporting.kpis.family import agent_of
from app.reporting.kpis.models import AccountSlice, KpiSlice, KpiSnapshot, Restatement


@dataclass(frozen=True, slots=True)
class Span:
    """The rows that are asked for: of one portfolio, and in tables by day the days in (`after`, `through`]."""

    portfolio: Portfolio
    after: date
    through: date

    @property
    def code(self) -> Expression:
        return sa.literal(self.portfolio.code, sa.String)

    @property
    def portfolio_id(self) -> int:
        return id_of(self.portfolio)

    def holds(self, day: Expression) -> sa.ColumnElement[bool]:
        return sa.and_(day > self.after, day <= self.through)


def _text(column: Expression) -> Expression:
    """The value of an enum as it is stored."""
    return sa.type_coerce(column, sa.String)


def _portfolios(span: Span) -> Query:
    portfolio = span.portfolio
    return sa.select(
        span.code,
        sa.literal(portfolio.currency, sa.String),
        sa.literal(exponent(portfolio.currency), sa.Integer),
        sa.literal(portfolio.timezone, sa.String),
        sa.literal(portfolio.source.value, sa.String),
        sa.literal(span.through, sa.Date),
    )


def _accounts(span: Span) -> Query:
    account, state = table_of(Account), table_of(AccountState)
    return (
        sa.select(
            span.code,
            account.c.id,
            account.c.customer_id,
            account.c.reference,
            account.c.product,
            account.c.opened_on,
            account.c.placed_on,
            _text(account.c.status),
            account.c.ended_on,
            account.c.credit_limit_minor,
            account.c.apr_millionths,
            sa.func.coalesce(state.c.bucket, CURRENT),
            state.c.oldest_due_on,
            sa.func.coalesce(state.c.past_due_minor, 0),
            sa.func.coalesce(state.c.balance_minor, 0),
        )
        .outerjoin(state, state.c.account_id == account.c.id)
        .where(account.c.portfolio_id == span.portfolio_id)
        .order_by(account.c.id)
    )


def _spells(span: Span) -> Query:
    spell = table_of(Spell)
    columns = (spell.c.account_id, spell.c.from_on, spell.c.to_on, spell.c.bucket, spell.c.oldest_due_on)
    return (
        sa.select(span.code, *columns, spell.c.past_due_minor)
        .where(spell.c.portfolio_id == span.portfolio_id)
        .order_by(spell.c.account_id, spell.c.from_on)
    )


def _members(span: Span) -> Query:
    kept, known = table_of(AccountSlice), table_of(KpiSlice)
    names = ("product", "agent", "team", "strategy", "arm", "placement", "segment")
    return (
        sa.select(
            span.code, kept.c.account_id, kept.c.from_on, kept.c.to_on, *(known.c[name] for name in names)
        )
        .join(known, known.c.id == kept.c.slice_id)
        .where(kept.c.portfolio_id == span.portfolio_id)
        .order_by(kept.c.account_id, kept.c.from_on)
    )


def _entries(span: Span) -> Query:
    entry = table_of(Entry)
    return (
        sa.select(
            span.code,
            entry.c.id,
            entry.c.account_id,
            _text(entry.c.kind),
            entry.c.amount_minor,
            entry.c.effective_on,
            entry.c.posted_on,
            entry.c.reverses_id,
        )
        .where(entry.c.portfolio_id == span.portfolio_id, span.holds(entry.c.posted_on))
        .order_by(entry.c.posted_on, entry.c.id)
    )


def _cases(span: Span) -> Query:
    case = table_of(CollectionsCase)
    return (
        sa.select(
            span.code,
            case.c.id,
            case.c.customer_id,
            _text(case.c.status),
            _text(case.c.outcome),
            case.c.owner,
            case.c.segment,
            case.c.opened_on,
            case.c.closed_on,
            case.c.broken_promises,
            case.c.with_legal_since,
        )
        .where(case.c.portfolio_id == span.portfolio_id)
        .order_by(case.c.id)
    )


def _agreements(span: Span) -> Query:
    plan = table_of(Plan)
    return (
        sa.select(
            span.code,
            plan.c.id,
            plan.c.case_id,
            plan.c.customer_id,
            _text(plan.c.kind),
            _text(plan.c.status),
            plan.c.total_minor,
            _text(plan.c.cadence),
            plan.c.waived_fees_minor,
            plan.c.apr_millionths,
            plan.c.offered_at,
            plan.c.accepted_on,
            plan.c.ended_on,
        )
        .where(plan.c.portfolio_id == span.portfolio_id)
        .order_by(plan.c.id)
    )


def _instalments(span: Span) -> Query:
    plan, part = table_of(Plan), table_of(PlanInstalment)
    columns = (part.c.plan_id, part.c.n, part.c.due_on, part.c.amount_minor, part.c.interest_minor)
    return (
        sa.select(span.code, *columns, part.c.is_skipped)
        .join(plan, plan.c.id == part.c.plan_id)
        .where(plan.c.portfolio_id == span.portfolio_id)
        .order_by(part.c.plan_id, part.c.n)
    )


def _messages(span: Span) -> Query:
    message = table_of(OutboxMessage)
    return (
        sa.select(
            span.code,
            message.c.id,
            message.c.case_id,
            message.c.customer_id,
            _text(message.c.destination),
            _text(message.c.purpose),
            message.c.letter,
            message.c.language,
            _text(message.c.status),
            message.c.business_date,
            message.c.sent_at,
            message.c.finished_at,
        )
        .where(
            message.c.portfolio_id == span.portfolio_id,
            message.c.destination.in_(TO_CUSTOMERS),
            span.holds(message.c.business_date),
        )
        .order_by(message.c.business_date, message.c.id)
    )


def _calls(span: Span) -> Query:
    event, customer = table_of(Event), table_of(Customer)
    return (
        sa.select(
            span.code,
            event.c.id,
            event.c.case_id,
            event.c.customer_id,
            event.c.at,
            sa.func.coalesce(json_text(event.c.data, "direction"), Direction.OUT.value),
            json_text(event.c.data, "result"),
            sa.func.coalesce(json_text(event.c.data, "counts"), "attempt"),
            agent_of(event.c.by),
        )
        .join(customer, customer.c.id == event.c.customer_id)
        .where(event.c.kind == CallLogged.KIND, customer.c.portfolio_id == span.portfolio_id)
        .order_by(event.c.id)
    )


def _figures(span: Span) -> Query:
    figure, restated = table_of(KpiSnapshot), table_of(Restatement)
    night = sa.func.coalesce(restated.c.run_on, figure.c.business_date, type_=sa.Date)
    return (
        sa.select(
            span.code,
            night,
            figure.c.business_date,
            figure.c.kpi,
            figure.c.definition,
            figure.c.dimension,
            figure.c.member,
            figure.c.version,
            figure.c.numerator,
            figure.c.denominator,
            figure.c.computed_at,
        )
        .outerjoin(restated, restated.c.id == figure.c.restatement_id)
        .where(
            figure.c.portfolio_id == span.portfolio_id,
            figure.c.kpi.in_(
                sorted(DEFINITIONS)
            ),  # not the sums by bucket that the dashboard keeps for its charts
            span.holds(night),
        )
        .order_by(night, figure.c.id)
    )


SELECTS: Mapping[schema.Table, Callable[[Span], Query]] = {
    schema.PORTFOLIOS: _portfolios,
    schema.ACCOUNTS: _accounts,
    schema.SPELLS: _spells,
    schema.MEMBERS: _members,
    schema.ENTRIES: _entries,
    schema.CASES: _cases,
    schema.AGREEMENTS: _agreements,
    schema.INSTALMENTS: _instalments,
    schema.MESSAGES: _messages,
    schema.CALLS: _calls,
    schema.FIGURES: _figures,
}
