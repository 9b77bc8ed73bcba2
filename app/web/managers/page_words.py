"""Words of pages that stand as data below the web: figures, curves, returns, lists of choices.

A page shows them by `_(words)`; the catalogue's template takes them from here (`app/web/locale/babel.cfg`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from app.book.delinquency.days import CURRENT
from app.book.ledger.rules import AccountStatus, EntryKind
from app.operations.alerts.rules import ALERT_ADVICE, ALERT_TITLES
from app.operations.digests.document import words_of_digests
from app.operations.digests.rules import CADENCE_LABELS, OLD_SECRET_LABELS
from app.operations.thresholds.rules import POINTS, SINCE, TEST_LABELS, UNIT_WORDS
from app.reporting.cohorts.rules import CURVES
from app.reporting.kpis.definitions.catalog import FAMILIES, ON_DEMAND
from app.reporting.kpis.definitions.outcomes.schemes import schemes
from app.reporting.kpis.definitions.roll_forward import LINES
from app.reporting.kpis.rules import SEED_TITLES, Dimension, Unit
from app.reporting.returns.definitions.catalog import known_returns
from app.worklist.waiting import LABELS as WAITING_LABELS

Message = tuple[int, str, str, list[str]]


def extract(
    fileobj: object,  # noqa: ARG001 - Babel names them
    keywords: object,  # noqa: ARG001
    comment_tags: object,  # noqa: ARG001
    options: object,  # noqa: ARG001
) -> Iterator[Message]:
    """An extraction method of Babel: line, function, text and comments of each message."""
    for text in dict.fromkeys(page_words()):
        yield 1, "_", text, []


def page_words() -> Iterator[str]:
    """Every text, in English."""
    yield from SEED_TITLES.values()
    for family in (*FAMILIES, *ON_DEMAND):
        for each in family.definitions:
            yield from (each.title, each.counted, each.out_of)
    yield from (each.value.replace("_", " ") for each in chain(Dimension, EntryKind, AccountStatus))
    yield CURRENT
    for curve in CURVES.values():
        yield from (curve.title, curve.cohort)
    yield from chain.from_iterable(LINES.values())
    for scheme in schemes().values():
        yield from (scheme.title, *(each.name for each in scheme.classes))
    yield from chain(
        CADENCE_LABELS.values(), OLD_SECRET_LABELS.values(), TEST_LABELS.values(), WAITING_LABELS
    )
    yield from chain(
        ALERT_TITLES.values(),
        ALERT_ADVICE.values(),
        UNIT_WORDS.values(),
        (POINTS, SINCE),
        (each.value for each in Unit),
    )
    yield from words_of_digests()
    yield from _of_returns()


def _of_returns() -> Iterator[str]:
    for known in known_returns().values():
        definition = known.definition
        yield from (definition.title, *definition.about)
        for section in definition.sections:
            yield from (section.title, *section.columns.values())
            for row in section.rows:
                yield from filter(None, (row.title, row.missing))
