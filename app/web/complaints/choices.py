"""Choices and words of the forms of one complaint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlmodel import Session

from app.casework.complaints.models import Complaint
from app.casework.complaints.queries import causes_of
from app.casework.complaints.rules import (
    ANSWER_LABELS,
    CATEGORY_LABELS,
    COMPLAINT_CHANNEL_LABELS,
    LETTER_LABELS,
    OMBUDSMAN_LABELS,
    OUTCOME_LABELS,
    SEVERITY_LABELS,
    OmbudsmanStage,
)
from app.casework.documents.models import CaseDocument
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.web.cases.case_file import CaseFile
from app.web.complaints.words import CATEGORIES, FORMS, KINDS, OUTCOMES, SEVERITIES, Options, texts

LABELS: Mapping[str, Mapping[str, str]] = {
    "category": texts(CATEGORY_LABELS),
    "severity": texts(SEVERITY_LABELS),
    "channel": texts(COMPLAINT_CHANNEL_LABELS),
    "outcome": texts(OUTCOME_LABELS),
    "answer": texts(ANSWER_LABELS),
    "letter": texts(LETTER_LABELS),
    "by": CHANNEL_LABELS,
    "ombudsman": texts(OMBUDSMAN_LABELS),
}


def choices_of(
    session: Session,
    file: CaseFile,
    row: Complaint,
    names: Mapping[str, str],
    documents: Sequence[CaseDocument],
) -> Mapping[str, Options]:
    """The choices of each form of the page."""
    causes = [(str(id_of(each)), each.name) for each in causes_of(session, row.portfolio_id)]
    return {
        "category": CATEGORIES,
        "severity": SEVERITIES,
        "owner": [("", "Nobody yet"), *names.items()],
        "cause": [("", "Not found yet"), *causes],
        "kind": [each for each in KINDS if each[0] != "summary" or may_resolve(row, file.book.today)],
        "outcome": OUTCOMES,
        "form": FORMS,
        "account": [(str(id_of(each)), f"{each.product} ·{each.card_last4}") for each in file.accounts],
        "document": [
            ("", "The desk writes it"),
            *[(str(id_of(each)), f"{each.name}, {each.dated_on}") for each in documents],
        ],
        "stage": _stages(row),
    }


def may_resolve(row: Complaint, today: date) -> bool:
    """Whether a summary resolution is still enough."""
    return row.resolve_by is not None and today <= row.resolve_by


def _stages(row: Complaint) -> Options:
    if row.ombudsman is OmbudsmanStage.NONE:
        return [(OmbudsmanStage.REFERRED.value, "The customer took it there")]
    return [
        (OmbudsmanStage.DECIDED_FOR_US.value, OMBUDSMAN_LABELS[OmbudsmanStage.DECIDED_FOR_US]),
        (OmbudsmanStage.DECIDED_FOR_CUSTOMER.value, OMBUDSMAN_LABELS[OmbudsmanStage.DECIDED_FOR_CUSTOMER]),
    ]
