"""Due steps: which open cases have one on a day, found from narrow rows before anything else is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.days import days_past_due
from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import disputed_minor
from app.book.delinquency.rules import owed_of
from app.book.ledger.models import Account
from app.book.ledger.queries import worked
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.plans.queries import cases_with_live_plan
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.strategy.conditions import NO_FACTS
from app.outreach.strategy.control import (
    JoiningCase,
    compared_cases,
    drawn_until,
    may_join,
    note_compared,
    waits_until,
    without_ordinary,
)
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.ladders import load_ladders
from app.outreach.strategy.rules import NothingDue, Situation, StepDue, decide, rearm
from app.outreach.strategy.service import note_participants


@dataclass(frozen=True, slots=True)
class StrategyAnswer:
    """The strategy's answer about one open case on a day."""

    case_id: int
    step_day: int
    occurrence: int
    """Both as of today, after a payment may have taken the case back on the ladder."""
    answer: StepDue | NothingDue


def ask_strategy(
    session: Session, portfolio: Portfolio, case_ids: Sequence[int], *, on: date
) -> list[StrategyAnswer]:
    """The strategy's answer for those of these cases that are open and have to be asked on `on`, from narrow rows.

    On PostgreSQL the cases are locked; cases that another transaction holds are left out.
    """
    case, account, state = table_of(CollectionsCase), table_of(Account), table_of(AccountState)
    theirs = sa.and_(account.c.customer_id == case.c.customer_id, worked())
    late = sa.and_(state.c.account_id == account.c.id, state.c.oldest_due_on.is_not(None))
    query = (
        sa.select(
            case.c.id, case.c.step_day, case.c.occurrence, case.c.customer_id, case.c.past_due_minor,
            state.c.oldest_due_on, state.c.past_due_minor, state.c.balance_minor, disputed_minor(),
        )
        .select_from(case.outerjoin(account, theirs).outerjoin(state, late))
        # Not by portfolio: that would lead to the index over all that are to be asked, once a chunk.
        .where(
            among(session, case.c.id, case_ids),
            case.c.status == CaseStatus.OPEN,
            case.c.next_contact_on <= on,
        )
        .order_by(case.c.id)
        .with_for_update(of=case, skip_locked=True)
    )  # fmt: skip
    live = load_ladders(session, portfolio)
    plans_live = set(cases_with_live_plan(session, id_of(portfolio)))
    answers = []
    found = session.connection().execute(query).all()
    facts = (
        gather_case_facts(session, portfolio, live, [row[0] for row in found], on=on) if live.needs else {}
    )
    compared = compared_cases(session, portfolio, [row[0] for row in found])
    joining: list[JoiningCase] = []
    for (case_id, step_day, occurrence, customer_id, past_due), lines in groupby(
        found, key=itemgetter(0, 1, 2, 3, 4)
    ):
        # Only accounts on which something is owed say how late the case is.
        owed = [line[5] for line in lines if line[5] is not None and owed_of(*line[6:9])]
        days_late = days_past_due(min(owed, default=None), on)
        step_day, occurrence = rearm(step_day, occurrence, days_late)
        known = facts.get(case_id, NO_FACTS)
        situation = Situation(days_late, step_day, case_id in plans_live, bool(owed), known)
        ladder = live.of(customer_id, known).ladder
        answer = decide(ladder, situation, on)
        until = compared.get(case_id)
        is_new = bool(portfolio.control_share_percent) and case_id not in compared
        if is_new and may_join(ladder, situation, occurrence, answer, portfolio.control_days):
            until = drawn_until(portfolio, customer_id, on)
            joining.append(JoiningCase(case_id, customer_id, past_due, until is not None))
        if until is not None and on < until:
            answer = decide(without_ordinary(ladder), situation, on)
            answer = waits_until(answer, until) if isinstance(answer, NothingDue) else answer
        answers.append(StrategyAnswer(case_id, step_day, occurrence, answer))
    note_compared(session, portfolio, joining, on=on)
    note_participants(session, live, {(row[3], row[0], row[4]) for row in found}, on=on)
    return answers


def skip_idle_cases(
    session: Session, portfolio: Portfolio, case_ids: Sequence[int], *, on: date
) -> list[int]:
    """Return those of these cases that have a step due on `on`; for the others, note when to ask again."""
    case = table_of(CollectionsCase)
    idle = {
        asked.case_id: {
            "b_id": asked.case_id,
            "b_step": asked.step_day,
            "b_occurrence": asked.occurrence,
            "b_next": asked.answer.until,
        }
        for asked in ask_strategy(session, portfolio, case_ids, on=on)
        if isinstance(asked.answer, NothingDue)
    }
    if idle:
        update = (
            sa.update(case)
            .where(case.c.id == sa.bindparam("b_id"))
            .values(
                step_day=sa.bindparam("b_step"),
                occurrence=sa.bindparam("b_occurrence"),
                next_contact_on=sa.bindparam("b_next"),
            )
        )
        session.connection().execute(update, list(idle.values()))
    return [case_id for case_id in case_ids if case_id not in idle]


def cases_to_contact(session: Session, portfolio_id: int, on: date) -> list[int]:
    """Open cases whose strategy has to be asked on `on`."""
    query = (
        select(CollectionsCase.id)
        .where(
            CollectionsCase.portfolio_id == portfolio_id,
            CollectionsCase.status == CaseStatus.OPEN,
            col(CollectionsCase.next_contact_on) <= on,
        )
        .order_by(col(CollectionsCase.id))
    )
    return [i for i in session.scalars(query) if i is not None]
