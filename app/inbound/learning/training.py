"""Training of the intent model: a logistic scorecard over character n-grams, with thresholds found by cross-validation.

scikit-learn is imported when a model is trained and by nothing else of this package; what is kept is JSON that
`app.casework.recognition.model` evaluates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.casework.recognition.model import ORDINARY, SCALE, IntentModel, Measured, n_grams
from app.core.errors import Conflict
from app.inbound.learning.corpus import Line

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_PRECISION = 0.9
"""A label is told only beyond the chance from which so many of its answers are right."""
MOST_DISTURBED = 0.01
"""And at which at most this share of the ordinary answers is taken for it."""
LEAST_RECALL = 0.05
"""A label of which fewer are found is not worth telling."""
LEAST_LINES = 2
"""Lines in which an n-gram occurs to be learned."""
LEAST_WEIGHT = 25
"""Hundredths: an n-gram that weighs less for every label is left out."""
FOLDS, SEED, REGULARISATION = 6, 20261201, 12.0
DIGITS = 3


def train(lines: Sequence[Line]) -> IntentModel:
    """Train on all lines; measure on the whole answers, each by a model that has not seen it. Conflict if a label has
    too few of them, or scikit-learn is not installed."""
    counts = Counter(line.label for line in lines if line.tests)
    for label, count in counts.items():
        if count < FOLDS:
            raise Conflict(f"Only {count} answers mean {label}. A model needs at least {FOLDS} of each kind.")
    fit = _fitting()
    taught = [line for line in lines if not line.tests]
    tests = [line for line in lines if line.tests]
    found: list[tuple[Line, str, float]] = []
    for fold in range(FOLDS):
        held = [line for n, line in enumerate(_dealt(tests)) if n % FOLDS == fold]
        model = fit([*taught, *(line for n, line in enumerate(_dealt(tests)) if n % FOLDS != fold)])
        for line in held:
            chances = model.chances(line.text)
            label = max(chances, key=chances.__getitem__)
            found.append((line, label, chances[label]))
    thresholds: dict[str, float] = {}
    measured: dict[str, Measured] = {}
    for label in sorted(counts.keys() - {ORDINARY}):
        if best := _threshold(label, found):
            thresholds[label], measured[label] = best
    whole = fit(lines)
    return IntentModel(whole.labels, whole.intercepts, whole.weights, thresholds, measured)


def _dealt(lines: Sequence[Line]) -> list[Line]:
    """In an order in which every fold has its share of each label."""
    return sorted(lines, key=lambda line: (line.label, line.text))


def _threshold(label: str, found: Iterable[tuple[Line, str, float]]) -> tuple[float, Measured] | None:
    """The lowest chance from which the label is right often enough and disturbs few ordinary answers."""
    told = sorted(((chance, line.label) for line, said, chance in found if said == label), reverse=True)
    all_of_it = sum(1 for line, _, _ in found if line.label == label)
    ordinary = sum(1 for line, _, _ in found if line.label == ORDINARY)
    best, right, disturbed = None, 0, 0
    for n, (chance, truth) in enumerate(told, start=1):
        right += truth == label
        disturbed += truth == ORDINARY
        if disturbed > MOST_DISTURBED * ordinary:
            break
        if right / n >= LEAST_PRECISION:
            best = (
                round(chance - 10**-DIGITS / 2, DIGITS),
                Measured(round(right / n, DIGITS), round(right / all_of_it, DIGITS)),
            )
    return best if best and best[1].recall >= LEAST_RECALL else None


def _fitting() -> Callable[[Sequence[Line]], IntentModel]:
    try:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise Conflict(
            "Training needs scikit-learn, which is not installed. Install the extra `risk`: "
            'pip install "arrears-desk[risk]".'
        ) from None

    def fit(lines: Sequence[Line]) -> IntentModel:
        grams = [set(n_grams(line.text)) for line in lines]
        often = Counter(gram for each in grams for gram in each)
        known = [
            {gram: len(each) ** -0.5 for gram in sorted(each) if often[gram] >= LEAST_LINES} for each in grams
        ]
        vectors = DictVectorizer()
        library = LogisticRegression(
            C=REGULARISATION, max_iter=3000, class_weight="balanced", random_state=SEED
        )
        library.fit(vectors.fit_transform(known), [line.label for line in lines])
        columns = library.coef_.T.tolist()
        weights = {
            gram: tuple(round(weight * SCALE) for weight in column)
            for gram, column in zip(vectors.get_feature_names_out().tolist(), columns, strict=True)
        }
        return IntentModel(
            tuple(str(label) for label in library.classes_),
            tuple(round(each * SCALE) for each in library.intercept_.tolist()),
            {gram: each for gram, each in weights.items() if max(map(abs, each)) >= LEAST_WEIGHT},
            {},
            {},
        )

    return fit
