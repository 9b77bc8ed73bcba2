"""Every kind, result and status that a reader meets has a word."""

from enum import StrEnum

import pytest

from app.book.customers.people import CONTACT_LIMITS
from app.book.customers.rules import PointKind, PointSource, PointState, PointType
from app.book.ledger.rules import EntryKind
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.documents.rules import DocumentKind
from app.casework.negotiation.household.rules import Employment, FigureSource, Frequency, Tenure
from app.casework.plans.rules import PlanKind
from app.core import labels
from app.core.vocabulary import Channel, HoldKind
from app.inbound.rules import Intent
from app.policy.facts import Suppression


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (Channel, labels.CHANNEL_LABELS),
        (Channel, labels.CHANNEL_PLURALS),
        (HoldKind, labels.HOLD_LABELS),
        (Intent, labels.INTENT_LABELS),
        (ReviewOutcome, labels.REVIEW_LABELS),
        (Suppression, labels.SUPPRESSION_LABELS),
        (EntryKind, labels.ENTRY_LABELS),
        (PlanKind, labels.PLAN_LABELS),
        (DocumentKind, labels.DOCUMENT_LABELS),
        (PointKind, labels.POINT_LABELS),
        (PointType, labels.POINT_TYPE_LABELS),
        (PointState, labels.POINT_STATE_LABELS),
        (PointSource, labels.POINT_SOURCE_LABELS),
        (Frequency, labels.FREQUENCY_LABELS),
        (FigureSource, labels.FIGURE_SOURCE_LABELS),
        (Tenure, labels.TENURE_LABELS),
        (Employment, labels.EMPLOYMENT_LABELS),
    ],
)
def test_each_member_has_a_label(kinds: type[StrEnum], words: labels.Labels) -> None:
    assert set(words) == set(kinds)


def test_each_field_of_the_contact_data_has_a_label() -> None:
    assert set(labels.CONTACT_LABELS) == set(CONTACT_LIMITS)


@pytest.mark.parametrize(
    ("label", "within"), [("E-mail", "e-mail"), ("SMS", "SMS"), ("Call", "call"), ("", "")]
)
def test_a_label_within_a_sentence(label: str, within: str) -> None:
    assert labels.in_sentence(label) == within
