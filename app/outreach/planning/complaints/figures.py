"""Figures of a complaint's letters, as the rows say now; and why such a letter would be false by now."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint, ComplaintAnswer, ComplaintLetter
from app.casework.complaints.queries import letter_of_step
from app.casework.complaints.rules import LetterKind
from app.casework.contacts.rules import CaseStep, DeskStep
from app.core.vocabulary import HoldKind
from app.outreach.gate.facts import Person
from app.outreach.letters.letter import Letter
from app.outreach.planning.deferred import Figures
from app.outreach.planning.letterhead import language_of
from app.policy.composition import packs_for
from app.policy.kinds.hold import stops_reminders

STEPS = {
    LetterKind.ACKNOWLEDGEMENT: DeskStep.COMPLAINT_RECEIVED,
    LetterKind.HOLDING: DeskStep.COMPLAINT_HOLDING,
    LetterKind.SUMMARY: DeskStep.COMPLAINT_SUMMARY,
    LetterKind.FINAL: DeskStep.COMPLAINT_FINAL,
}
"""The step of each letter."""


def complaint_figures(
    complaint: Complaint,
    kind: LetterKind,
    answer: ComplaintAnswer | None,
    letter: Letter,
    portfolio: Portfolio,
    customer: Person,
) -> Figures:
    """What a letter of a complaint adds, for this reader."""
    figures: dict[str, date | int | str] = {
        "complaint_reference": complaint.reference,
        "received_on": complaint.received_on,
        "review_on": complaint.answer_by,
    }
    if kind is LetterKind.ACKNOWLEDGEMENT:
        known = {name: figures[name] for name in ("received_on", "review_on")}
        return {**known, **reminders_rest(portfolio, customer)}
    if kind is LetterKind.HOLDING and complaint.expected_on is not None:
        figures["expected_on"] = complaint.expected_on
    if answer is not None:
        figures |= {
            "reasons": answer.reasons,
            "complaint_form": answer.form.value if answer.form else "",
            "complaint_outcome": answer.outcome.value if answer.outcome else "",
            "apology": "yes" if answer.apology else "",
            "correction": answer.correction,
        }
        if answer.redress_minor:
            figures["redress"] = answer.redress_minor
    body = packs_for(portfolio, customer).complaints.body
    if body is not None:
        late = {None: "", True: "yes", False: "no"}[body.consents_to_late]
        figures |= {
            "body_name": body.name_in(language_of(letter, customer)),
            "body_website": body.website,
            "body_months": str(body.months or ""),
            "body_days": str(body.days or ""),
            "body_late": late,
        }
    return figures


def reminders_rest(portfolio: Portfolio, customer: Person) -> Figures:
    """Whether no reminders are sent while the complaint is open, by the customer's packs and the portfolio's choice."""
    rests = stops_reminders(packs_for(portfolio, customer).rules, HoldKind.COMPLAINT)
    return {"reminders_rest": "yes"} if rests else {}


def figures_of_step(
    session: Session, step: CaseStep, letter: Letter, portfolio: Portfolio, customer: Person
) -> Figures:
    """The same for a letter that is written again."""
    known, complaint, answer = _of_step(session, step)
    if known is None or complaint is None:
        return {}
    return complaint_figures(complaint, known.kind, answer, letter, portfolio, customer)


def why_complaint_false(session: Session, step: CaseStep) -> str:
    """The reason that a letter of a complaint would be false if it left now; '' = it would be true."""
    known, complaint, answer = _of_step(session, step)
    if known is None or complaint is None:
        return "its complaint is not known"
    if known.kind in (LetterKind.ACKNOWLEDGEMENT, LetterKind.HOLDING):
        return "" if complaint.is_open else "the complaint was closed"
    if answer is None or complaint.is_open or answer.number != complaint.reopenings + 1:
        return "the complaint was reopened"
    return ""


def _of_step(
    session: Session, step: CaseStep
) -> tuple[ComplaintLetter | None, Complaint | None, ComplaintAnswer | None]:
    known = letter_of_step(session, step.case_id, step.step, step.occurrence)
    if known is None:
        return None, None, None
    complaint = session.get(Complaint, known.complaint_id)
    answer = session.get(ComplaintAnswer, known.answer_id) if known.answer_id else None
    return known, complaint, answer
