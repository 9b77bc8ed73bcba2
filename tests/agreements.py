"""Agreements as tests make them: offers without the question of who may grant them, and without letters."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.offering import propose, put_offer
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.service import accept
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor


def monthly(total: int, down_payment: int, payments: int, first_due_on: date) -> AgreementTerms:
    """A repayment plan by the month."""
    return AgreementTerms(PlanKind.INSTALMENTS, total, first_due_on, payments, Cadence.MONTHLY, down_payment)


def make_offer(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    *,
    by: Actor | str,
    today: date,
    now: datetime,
) -> Plan:
    proposal = propose(session, case, terms, today=today)
    return put_offer(session, case, proposal, by=Actor(by), now=now)


def offer_settlement(
    session: Session,
    case: CollectionsCase,
    amount: int,
    settle_by: date,
    *,
    by: Actor | str,
    today: date,
    now: datetime,
) -> Plan:
    terms = AgreementTerms(PlanKind.SETTLEMENT, amount, settle_by)
    return make_offer(session, case, terms, by=by, today=today, now=now)


def promise_to_pay(
    session: Session,
    case: CollectionsCase,
    amount: int,
    due_on: date,
    *,
    by: Actor | str,
    today: date,
    now: datetime,
) -> Plan:
    plan = make_offer(
        session, case, AgreementTerms(PlanKind.PROMISE, amount, due_on), by=by, today=today, now=now
    )
    accept(session, plan, by=Actor(by), today=today, now=now)
    return plan
