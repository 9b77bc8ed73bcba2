"""Invariants: queries that find nothing while the data is sound. The quick ones run every night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlmodel import Session, col

from app.book.delinquency.models import AccountState
from app.book.portfolios.models import Portfolio
from app.operations.invariants.agreements import (
    concessions_end_with_plans,
    instalment_changes_are_agreed,
    kept_plans_have_their_money,
    live_plans_have_a_next_date,
)
from app.operations.invariants.casework import (
    lump_payments_close,
    one_open_case_each,
    plans_sum_exactly,
    sent_messages_are_on_record,
    timelines_verify,
)
from app.operations.invariants.delinquency import (
    last_day,
    refolding_gives_the_same,
    roll_forward_closes,
    states_match_movements,
    states_match_spells,
)
from app.operations.invariants.disputes import (
    closed_disputes_leave_nothing_out,
    disputed_amounts_match_disputes,
)
from app.operations.invariants.figures import figures_match_ledger
from app.operations.invariants.ledger import (
    balances_match_ledger,
    ended_accounts_owe_nothing,
    one_statement_a_closing_day,
    positions_match_ledger,
)


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    row: str


def quick(session: Session, portfolio: Portfolio) -> list[Violation]:
    """The invariants that are cheap enough for every night. States are checked where the last day folded them: a night
    answers for the rows it changed, and the work does not grow with the portfolio's history."""
    tonight = col(AccountState.folded_through) == last_day(session, portfolio)
    return [
        *_named("roll_forward_closes", roll_forward_closes(session, portfolio)),
        *_named("states_match_movements", states_match_movements(session, portfolio, tonight)),
        *_named("states_match_spells", states_match_spells(session, portfolio, tonight)),
        *_named("ended_accounts_owe_nothing", ended_accounts_owe_nothing(session, portfolio)),
        *_named("figures_match_ledger", figures_match_ledger(session, portfolio)),
        *_named("disputed_amounts_match_disputes", disputed_amounts_match_disputes(session, portfolio)),
        *_named("closed_disputes_leave_nothing_out", closed_disputes_leave_nothing_out(session, portfolio)),
    ]


def thorough(session: Session, portfolio: Portfolio) -> list[Violation]:
    """All invariants, over all rows."""
    return _run(
        session,
        portfolio,
        (
            roll_forward_closes,
            states_match_movements,
            states_match_spells,
            ended_accounts_owe_nothing,
            one_statement_a_closing_day,
            balances_match_ledger,
            refolding_gives_the_same,
            figures_match_ledger,
            positions_match_ledger,
            plans_sum_exactly,
            live_plans_have_a_next_date,
            kept_plans_have_their_money,
            instalment_changes_are_agreed,
            concessions_end_with_plans,
            lump_payments_close,
            disputed_amounts_match_disputes,
            closed_disputes_leave_nothing_out,
            one_open_case_each,
            sent_messages_are_on_record,
            timelines_verify,
        ),
    )


def _run(
    session: Session, portfolio: Portfolio, checks: tuple[Callable[[Session, Portfolio], Iterator[str]], ...]
) -> list[Violation]:
    return [v for check in checks for v in _named(check.__name__, check(session, portfolio))]


def _named(invariant: str, rows: Iterator[str]) -> list[Violation]:
    return [Violation(invariant, row) for row in rows]
