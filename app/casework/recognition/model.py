"""Intent model: the likely meaning of a customer's words, from their character n-grams, as a scorecard in JSON. Pure.

It reads what the phrase lists do not know. It may only tighten: its answer keeps contact back or asks a person, and
never releases anything. The file beside it is written by `desk intents train`; nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.core.kit.folding import fold, has_run

SHIPPED = Path(__file__).with_name("intent_model.json")
ORDINARY = "ordinary"
"""The label of an answer that asks for none of the others."""
SHORTEST, LONGEST = 3, 5
"""Characters of an n-gram; a word has a blank on both sides."""
LONGEST_RUN = 3
"""Of an n-gram in a script without blanks; there one character may be a word."""
SCALE = 100
"""Weights are stored as whole hundredths."""
LONGEST_READ = 1000
"""Characters that are read: later ones change little, and an answer may be 4,000 long."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest meaning of a text, beyond the threshold that its training found for it."""

    label: str
    chance: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a threshold keeps, by cross-validation."""

    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class IntentModel:
    """A multinomial logistic scorecard: score of a label = intercept + the sum of the weights of a text's n-grams,
    divided by the root of how many different ones it has."""

    labels: tuple[str, ...]
    intercepts: tuple[int, ...]
    weights: Mapping[str, tuple[int, ...]]
    """N-gram -> a weight a label."""
    thresholds: Mapping[str, float]
    """Label -> least chance at which it is told; a label without one never is."""
    measured: Mapping[str, Measured]

    def __post_init__(self) -> None:
        width = len(self.labels)
        if len(self.intercepts) != width or any(len(each) != width for each in self.weights.values()):
            raise ValueError(f"a weight a label is needed, and there are {width} labels")
        if unknown := self.thresholds.keys() - set(self.labels):
            raise ValueError(f"thresholds for labels that are none: {', '.join(sorted(unknown))}")

    def chances(self, text: str) -> dict[str, float]:
        """The chance of each label; together 1."""
        return self._chances(set(n_grams(text)))

    def guess(self, text: str) -> Guess | None:
        """The likeliest label if it is beyond its threshold; None = the model has nothing to say."""
        grams = set(n_grams(text))
        if self.weights.keys().isdisjoint(grams):
            return None
        chances = self._chances(grams)
        label = max(chances, key=chances.__getitem__)
        least = self.thresholds.get(label)
        return Guess(label, chances[label]) if least is not None and chances[label] >= least else None

    def _chances(self, grams: Set[str]) -> dict[str, float]:
        scores = [intercept / SCALE for intercept in self.intercepts]
        length = len(grams) ** 0.5
        for gram in grams:
            for n, weight in enumerate(self.weights.get(gram, ())):
                scores[n] += weight / SCALE / length
        highest = max(scores)
        raised = [exp(score - highest) for score in scores]
        total = sum(raised)
        return {label: each / total for label, each in zip(self.labels, raised, strict=True)}


def n_grams(text: str) -> Iterator[str]:
    """The character n-grams of a text, as it is folded for search."""
    for word in fold(text[:LONGEST_READ]).split():
        if has_run(word):
            yield from _cut(word, 1, LONGEST_RUN)
        else:
            yield from _cut(f" {word} ", SHORTEST, LONGEST)


def _cut(word: str, shortest: int, longest: int) -> Iterator[str]:
    for length in range(shortest, longest + 1):
        yield from (word[at : at + length] for at in range(len(word) - length + 1))


def read_model(data: bytes) -> IntentModel:
    """A model as `desk intents train` wrote it. ValueError names what is wrong with it."""
    try:
        return _MODEL.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None


def write_model(model: IntentModel) -> bytes:
    """The model as JSON, an n-gram a line, in order: the same model gives the same bytes."""
    weights = ",\n".join(
        f"{json.dumps(gram, ensure_ascii=False)}:{json.dumps(list(model.weights[gram]), separators=(',', ':'))}"
        for gram in sorted(model.weights)
    )
    head = json.dumps(
        {
            "labels": list(model.labels),
            "intercepts": list(model.intercepts),
            "thresholds": dict(sorted(model.thresholds.items())),
            "measured": {
                label: {"precision": each.precision, "recall": each.recall}
                for label, each in sorted(model.measured.items())
            },
        },
        indent=1,
    )
    return f'{head[:-2]},\n "weights": {{\n{weights}\n}}}}\n'.encode()


@lru_cache(maxsize=4)
def model_at(path: Path) -> IntentModel:
    """The model in a file, read once a process."""
    return read_model(path.read_bytes())


_MODEL = TypeAdapter(IntentModel)
