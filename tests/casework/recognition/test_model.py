"""The intent model: a table of weights that tells a meaning only beyond its threshold."""

from __future__ import annotations

import json

import pytest

from app.casework.recognition.model import (
    LONGEST_READ,
    ORDINARY,
    SHIPPED,
    IntentModel,
    Measured,
    model_at,
    n_grams,
    read_model,
    write_model,
)

SMALL = IntentModel(
    labels=(ORDINARY, "stop"),
    intercepts=(0, 0),
    weights={" no ": (-300, 300), " yes": (300, -300)},
    thresholds={"stop": 0.9},
    measured={"stop": Measured(0.9, 0.5)},
)


def test_the_n_grams_of_words_and_of_ideographs() -> None:
    assert list(n_grams("No!")) == [" no", "no ", " no "]
    assert list(n_grams("不要")) == ["不", "要", "不要"]
    assert list(n_grams("")) == []


def test_chances_are_of_all_labels_and_make_one() -> None:
    chances = SMALL.chances("no")
    assert set(chances) == {ORDINARY, "stop"}
    assert sum(chances.values()) == pytest.approx(1)
    assert chances["stop"] > 0.9


@pytest.mark.parametrize(("threshold", "told"), [(0.90, True), (0.96, True), (0.98, False)])
def test_a_meaning_is_told_from_its_threshold_on(threshold: float, *, told: bool) -> None:
    model = IntentModel(SMALL.labels, SMALL.intercepts, SMALL.weights, {"stop": threshold}, {})
    assert (model.guess("no") is not None) is told


def test_a_label_without_a_threshold_and_a_text_without_a_known_n_gram_are_never_told() -> None:
    assert SMALL.guess("yes") is None
    assert SMALL.guess("zzz") is None
    assert SMALL.guess("") is None


def test_a_long_text_is_read_to_its_limit_only() -> None:
    assert SMALL.guess("x" * LONGEST_READ + " no") is None


def test_a_model_is_written_the_same_each_time_and_read_back() -> None:
    assert read_model(write_model(SMALL)) == SMALL
    assert write_model(read_model(write_model(SMALL))) == write_model(SMALL)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": {" no ": [1]}}, "a weight a label is needed"),
        ({"thresholds": {"nonsense": 0.5}}, "labels that are none: nonsense"),
        ({"labels": "stop"}, "labels"),
    ],
)
def test_a_broken_model_says_where(change: dict[str, object], says: str) -> None:
    data = {**json.loads(write_model(SMALL)), **change}
    with pytest.raises(ValueError, match=says):
        read_model(json.dumps(data).encode())
    with pytest.raises(ValueError, match="the file"):
        read_model(b"no JSON")


def test_the_shipped_model_leaves_ordinary_answers_alone_and_has_measured_what_it_tells() -> None:
    model = model_at(SHIPPED)
    assert ORDINARY not in model.thresholds
    assert {"stop", "dispute"} <= model.thresholds.keys()
    assert all(model.measured[label].precision >= 0.9 for label in model.thresholds)
    assert model.guess("ok thanks, see you on monday") is None
