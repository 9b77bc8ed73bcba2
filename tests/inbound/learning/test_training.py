"""Training of the intent model: the shipped file is what the command makes, and decided messages teach it."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from app.casework.correspondence.rules import ReviewOutcome
from app.casework.recognition.model import ORDINARY, SHIPPED, model_at
from app.core.database.engine import reading
from app.core.errors import Conflict
from app.inbound.learning.corpus import Line, decided_lines, label_of_decision, shipped_lines
from app.inbound.learning.training import train
from tests.inbound.correspondence import a_customer, decide, the_job, writes


def test_the_shipped_model_is_what_training_on_the_shipped_lines_gives() -> None:
    trained, shipped = train(list(shipped_lines())), model_at(SHIPPED)
    assert trained.labels == shipped.labels
    assert trained.thresholds == pytest.approx(shipped.thresholds, abs=0.01)
    assert trained.weights.keys() ^ shipped.weights.keys() <= {
        gram
        for gram in trained.weights.keys() | shipped.weights.keys()
        if max(map(abs, (trained.weights.get(gram) or shipped.weights[gram]))) <= 26
    }, "but for rounding"


def test_a_kind_with_too_few_answers_is_named() -> None:
    lines = [Line(f"word {n}", ORDINARY) for n in range(20)] + [Line("stop it", "stop")]
    with pytest.raises(Conflict, match="Only 1 answers mean stop"):
        train(lines)


@pytest.mark.parametrize(
    ("outcome", "intents", "label"),
    [
        (ReviewOutcome.STOPPED, "", "stop"),
        (ReviewOutcome.LIFTED, "maybe_stop", ORDINARY),
        (ReviewOutcome.STANDS, "dispute", "dispute"),
        (ReviewOutcome.STANDS, "attorney,dispute", "dispute"),
        (ReviewOutcome.STANDS, "attorney", ""),
    ],
)
def test_a_decision_teaches_what_it_says(outcome: ReviewOutcome, intents: str, label: str) -> None:
    assert label_of_decision(outcome, intents) == label


def test_messages_that_a_person_decided_about_are_lines(engine: Engine) -> None:
    a_customer(engine)
    writes(engine, "leave me alone will you")
    the_job(engine)
    decide(engine, ReviewOutcome.STOPPED)
    with reading(engine) as session:
        assert list(decided_lines(session)) == [Line("leave me alone will you", "stop")]
