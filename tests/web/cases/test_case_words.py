"""What the timeline tells: every event that has a sentence can be found by a filter."""

from __future__ import annotations

from app.web.wording import _TELLERS, SHOWN


def test_every_event_with_a_sentence_is_under_a_filter() -> None:
    filtered = {kind for _, kinds in SHOWN.values() for kind in kinds}
    assert set(_TELLERS) - filtered == set()
