"""Reads of people's abilities and absences, and of cases that wait for an owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import worked
from app.casework.assignment.models import StaffAbsence, StaffSkill
from app.casework.assignment.rules import Abilities, Agent, CareSkill, SkillKind, UnassignedCase
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.complaints.models import Complaint
from app.casework.support_needs.models import SupportNeed
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role

Absences = Sequence[tuple[StaffAbsence, str, str]]
"""Each with the user names of who is absent and of the cover."""


def abilities(session: Session) -> dict[int, Abilities]:
    """User id -> what they can do and how much; every member of staff."""
    by_kind: dict[tuple[int, SkillKind], set[str]] = {}
    for skill in session.scalars(select(StaffSkill)):
        by_kind.setdefault((skill.user_id, skill.kind), set()).add(skill.value)
    limits = session.execute(sa.select(col(User.id), col(User.most_cases))).all()
    return {
        user_id: Abilities(
            most_cases=most,
            languages=frozenset(by_kind.get((user_id, SkillKind.LANGUAGE), ())),
            products=frozenset(by_kind.get((user_id, SkillKind.PRODUCT), ())),
            care=frozenset(CareSkill(each) for each in by_kind.get((user_id, SkillKind.CARE), ())),
        )
        for user_id, most in limits
    }


def open_loads(session: Session) -> dict[str, int]:
    """Owner -> open cases in all portfolios; '' = those without an owner."""
    case = table_of(CollectionsCase)
    counted = (
        sa.select(case.c.owner, sa.func.count())
        .where(case.c.status == CaseStatus.OPEN)
        .group_by(case.c.owner)
    )
    return {owner: n for owner, n in session.connection().execute(counted)}


def agents(session: Session, *roles: Role) -> list[Agent]:
    """Active agents, or people of these roles, by user name, each with the open cases they have."""
    can, load = abilities(session), open_loads(session)
    people = select(User).where(col(User.role).in_(roles or (Role.AGENT,)), col(User.active).is_(True))
    found = session.scalars(people.order_by(col(User.username)))
    return [Agent(each.username, load.get(each.username, 0), can[id_of(each)]) for each in found]


def absences_from(session: Session, on: date) -> Absences:
    """Absences that last on this day or come later, in order."""
    away, cover = aliased(User), aliased(User)
    query = (
        sa.select(StaffAbsence, col(away.username), col(cover.username))
        .join(away, col(away.id) == col(StaffAbsence.user_id))
        .join(cover, col(cover.id) == col(StaffAbsence.cover_id))
        .where(col(StaffAbsence.ended_at).is_(None), col(StaffAbsence.last_on) >= on)
        .order_by(col(StaffAbsence.first_on), col(StaffAbsence.id))
    )
    return [(row, name, by) for row, name, by in session.execute(query)]


def covers_on(session: Session, on: date) -> dict[str, str]:
    """Who is absent on this day -> who covers for them."""
    return {name: cover for row, name, cover in absences_from(session, on) if row.first_on <= on}


def unassigned_cases(session: Session, portfolio_id: int, wanted: Sequence[Agent]) -> list[UnassignedCase]:
    """Open cases without an owner, by number. Products and care are read only where one of `wanted` has that skill."""
    case, customer, account = table_of(CollectionsCase), table_of(Customer), table_of(Account)
    query = (
        sa.select(case.c.id, case.c.customer_id, customer.c.language)
        .join(customer, customer.c.id == case.c.customer_id)
        .where(case.c.owner == "", case.c.status == CaseStatus.OPEN, case.c.portfolio_id == portfolio_id)
        .order_by(case.c.id)
    )
    rows = session.connection().execute(query).all()
    ids = [row.customer_id for row in rows]
    if not ids:
        return []
    products: dict[int, set[str]] = {}
    if any(agent.can.products for agent in wanted):
        held = sa.select(account.c.customer_id, account.c.product).where(
            among(session, account.c.customer_id, ids), worked()
        )
        for customer_id, product in session.connection().execute(held):
            products.setdefault(customer_id, set()).add(product.casefold())
    care: dict[int, set[CareSkill]] = {}
    for skill, found in _care(session, ids, wanted):
        for customer_id in found:
            care.setdefault(customer_id, set()).add(skill)
    last = last_agents(session, ids)
    return [
        UnassignedCase(
            row.id,
            row.customer_id,
            row.language,
            frozenset(products.get(row.customer_id, ())),
            frozenset(care.get(row.customer_id, ())),
            last.get(row.customer_id, ""),
        )
        for row in rows
    ]


def _care(
    session: Session, customer_ids: Sequence[int], wanted: Sequence[Agent]
) -> list[tuple[CareSkill, list[int]]]:
    """By care skill that one of `wanted` has, the customers who need it."""
    complaint, need = table_of(Complaint), table_of(SupportNeed)
    sources = {
        CareSkill.COMPLAINTS: (complaint.c.customer_id, complaint.c.closed_at),
        CareSkill.SUPPORT_NEEDS: (need.c.customer_id, need.c.ended_at),
    }
    asked = {skill for agent in wanted for skill in agent.can.care}
    found = []
    for skill in sorted(asked):
        whose, over = sources[skill]
        query = sa.select(whose).where(among(session, whose, customer_ids), over.is_(None))
        found.append((skill, list(session.scalars(query))))
    return found


def last_agents(session: Session, customer_ids: Sequence[int]) -> dict[int, str]:
    """Customer -> whose their last closed case was; a covered case is of who was covered for."""
    case = table_of(CollectionsCase)
    whose = sa.case((case.c.covered_for != "", case.c.covered_for), else_=case.c.owner)
    query = (
        sa.select(case.c.customer_id, whose)
        .where(
            among(session, case.c.customer_id, customer_ids),
            case.c.status == CaseStatus.CLOSED,
            case.c.owner != "",
        )
        .order_by(case.c.id)
    )
    return {customer_id: owner for customer_id, owner in session.connection().execute(query)}
