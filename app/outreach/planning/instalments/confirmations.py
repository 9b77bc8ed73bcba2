"""Confirmation of a changed instalment: its new date, or that it is skipped as agreed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.rules import InstalmentChange
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.planning.agreements.event_figures import figures_now
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.in_writing.rules import WITH_SMS
from app.outreach.planning.instalments.facts import read_instalments
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer

LETTERS = {
    InstalmentChange.MOVED: (DeskStep.MOVED_INSTALMENT, "instalment_moved"),
    InstalmentChange.SKIPPED: (DeskStep.SKIPPED_INSTALMENT, "instalment_skipped"),
}


def confirm_change(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    change: PlanChange,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Queue the written confirmation of a change that was just made, on each channel the gate clears, and by post
    where none of them may. Returns the gate's answers."""
    session.flush()
    facts = read_instalments(session, [id_of(plan)], on)
    step, letter = LETTERS[change.change]
    of = CaseStep(
        plan.case_id, step, facts.occurrence(id_of(plan), change.n), plan_id=id_of(plan), instalment=change.n
    )
    figures = figures_now(session, of, on, {})
    letter_of_change = EventLetter(of, letter, figures, plan, WITH_SMS)
    written = write_event_letters(session, portfolio, [letter_of_change], catalog, on=on, by=by, now=now)
    return written.get(plan.case_id, {})
