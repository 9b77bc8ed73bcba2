"""Staffing: what people can do and how much, and who covers for them while they are absent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from babel import Locale
from sqlmodel import Session, col, delete, select

from app.book.portfolios.days import days_now
from app.book.portfolios.models import Portfolio
from app.casework.assignment.events import AbilitiesSet, AbsenceEnded, AbsencePlanned
from app.casework.assignment.models import StaffAbsence, StaffSkill
from app.casework.assignment.nightly import cover_cases
from app.casework.assignment.queries import open_loads
from app.casework.assignment.rules import LONGEST_ABSENCE, MOST_CASES, CareSkill, SkillKind, language_of
from app.core.actor import Actor
from app.core.database.rows import locked_row
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import CASEWORK
from app.core.text import clean_reason, clean_text, counted
from app.core.timeline.service import about_staff, record

MOST_SKILLS = 30
LONGEST_SKILL = 60


@dataclass(frozen=True, slots=True)
class NewAbilities:
    """As a person typed them."""

    most_cases: int | None
    languages: Collection[str]
    products: Collection[str]
    care: Collection[CareSkill]


def set_abilities(session: Session, user_id: int, wanted: NewAbilities, *, by: Actor, now: datetime) -> User:
    """Set what a person can do and how many open cases they may have, in place of what was set before. The next night
    goes by it; no case moves now. Invalid for a language that is none and a capacity out of range."""
    user = _person(session, user_id)
    if wanted.most_cases is not None and not 0 <= wanted.most_cases <= MOST_CASES:
        raise Invalid(f"Write a number from 0 to {MOST_CASES:,}, or nothing for no limit.", "most_cases")
    spoken = sorted({_language(each) for each in wanted.languages if each.strip()})
    products = sorted({_product(each) for each in wanted.products if each.strip()})
    care = sorted(str(each) for each in set(wanted.care))
    for name, values in (("languages", spoken), ("products", products)):
        if len(values) > MOST_SKILLS:
            raise Invalid(f"Write at most {MOST_SKILLS}.", name)
    user.most_cases = wanted.most_cases
    session.execute(delete(StaffSkill).where(col(StaffSkill.user_id) == user_id))
    kinds = ((SkillKind.LANGUAGE, spoken), (SkillKind.PRODUCT, products), (SkillKind.CARE, care))
    for kind, values in kinds:
        session.add_all(StaffSkill(user_id=user_id, kind=kind, value=value) for value in values)
    session.flush()
    said = AbilitiesSet(user.username, wanted.most_cases, spoken, products, care)
    record(session, about_staff(user_id, said), by=by, now=now)
    return user


def _language(typed: str) -> str:
    language = language_of(typed.strip())
    if language not in Locale("en").languages:
        raise Invalid(
            f"There is no language with the code {typed.strip()[:20]}. Write codes such as en, zh or nb.",
            "languages",
        )
    return language


def _product(typed: str) -> str:
    return clean_text(typed, "products", at_most=LONGEST_SKILL, one_line=True).casefold()


def plan_absence(
    session: Session,
    user_id: int,
    first_on: date,
    last_on: date,
    cover: str,
    *,
    over_reason: str = "",
    by: Actor,
    now: datetime,
) -> StaffAbsence:
    """Plan an absence, both days included. While it lasts the cover has the person's cases, tasks and callbacks; the
    night after the last day gives them back. One that lasts today already moves the cases now. Invalid for days in
    the wrong order or past, for a cover who is no active colleague, and for one who would have more cases than their
    capacity without `over_reason`, which says why; Conflict where the person is absent on some of the days already."""
    user = _person(session, user_id)
    if last_on < first_on:
        raise Invalid("The last day is before the first.", "last_on")
    if last_on - first_on > LONGEST_ABSENCE:
        raise Invalid(
            f"An absence has at most {LONGEST_ABSENCE.days + 1} days. Plan the rest later.", "last_on"
        )
    if last_on < min(days_now(session, now).values(), default=now.date()):
        raise Invalid("These days are over.", "last_on")
    stand_in = session.scalar(
        select(User).where(User.username == cover, col(User.active).is_(True), col(User.role).in_(CASEWORK))
    )
    if stand_in is None or stand_in.id == user.id:
        raise Invalid("Choose an active colleague who works cases.", "cover")
    overlapping = select(StaffAbsence).where(
        StaffAbsence.user_id == user_id,
        col(StaffAbsence.ended_at).is_(None),
        StaffAbsence.first_on <= last_on,
        StaffAbsence.last_on >= first_on,
    )
    other = session.scalar(overlapping.limit(1))
    if other is not None:
        raise Conflict(
            f"{user.display_name} is absent from {other.first_on} to {other.last_on} already. End that absence first."
        )
    why = _why_over(session, user, stand_in, over_reason)
    absence = StaffAbsence(
        user_id=user_id,
        first_on=first_on,
        last_on=last_on,
        cover_id=id_of(stand_in),
        created_at=now,
        by=by,
        over_reason=why,
    )
    session.add(absence)
    session.flush()
    said = AbsencePlanned(user.username, first_on, last_on, cover, why)
    record(session, about_staff(user_id, said), by=by, now=now)
    bring_cases(session, by=by, now=now)
    return absence


def _why_over(session: Session, user: User, cover: User, typed: str) -> str:
    """The reason for a cover beyond their capacity; '' where they stay within it, by the cases of this moment."""
    loads = open_loads(session)
    cases = loads.get(cover.username, 0) + loads.get(user.username, 0)
    if cover.most_cases is None or cases <= cover.most_cases:
        return ""
    if not typed.strip():
        raise Invalid(
            f"{cover.display_name} would have {counted(cases, 'open case')}, {cases - cover.most_cases} more than the "
            f"{cover.most_cases} they may have. Choose another cover, or say why.",
            "over_reason",
        )
    return clean_reason(typed, "over_reason")


def end_absence(session: Session, absence_id: int, *, by: Actor, now: datetime) -> StaffAbsence:
    """Call an absence off, or end it before its last day: the cases return at once. Conflict where it ended already."""
    absence = locked_row(session, StaffAbsence, absence_id)
    if absence is None:
        raise NotFound(f"There is no absence {absence_id}.")
    if absence.ended_at is not None:
        raise Conflict("This absence was ended already.")
    absence.ended_at, absence.ended_by = now, by
    session.flush()
    user = session.get_one(User, absence.user_id)
    said = AbsenceEnded(user.username, absence.first_on, absence.last_on)
    record(session, about_staff(absence.user_id, said), by=by, now=now)
    bring_cases(session, by=by, now=now)
    return absence


def bring_cases(session: Session, *, by: Actor, now: datetime) -> None:
    """Bring the cases of every portfolio to who works them on its present day."""
    days = days_now(session, now)
    for portfolio in session.scalars(select(Portfolio).order_by(col(Portfolio.id))).all():
        cover_cases(session, portfolio, days[id_of(portfolio)], by=by, now=now)


def _person(session: Session, user_id: int) -> User:
    """A person who works cases, locked: two plans for one person wait for each other."""
    user = locked_row(session, User, user_id)
    if user is None or user.role not in CASEWORK:
        raise NotFound(f"There is no member of staff {user_id} who works cases.")
    return user
