"""Decisions made under earlier packs are answered today as they were then.

`replay/<date>.json.gz` holds the texts of the composed packs of that day (`packs`, by label) and questions with the
answers that the code of that day gave (`decisions`: label, question, answer).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from app.outreach.gate.decisions import answer_text, read_request, request_text
from app.policy.composition import unstack

RECORDS = sorted((Path(__file__).parent / "replay").glob("*.json.gz"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name)
def test_decisions_on_record_are_answered_as_they_were(record: Path) -> None:
    kept = json.loads(gzip.decompress(record.read_bytes()))
    packs = {label: unstack(text) for label, text in kept["packs"].items()}
    assert {label: pack.label for label, pack in packs.items()} == {label: label for label in packs}
    for label, question, answer in kept["decisions"]:
        asked = read_request(question)
        assert answer_text(asked.answer(packs[label])) == answer, (label, question)
        assert request_text(asked) == question, "a question keeps its text, and so its hash"


def test_there_is_a_record() -> None:
    assert RECORDS
