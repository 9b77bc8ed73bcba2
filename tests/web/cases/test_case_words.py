"""What the timeline tells: every event that has a sentence of its own can be found by a filter."""

from __future__ import annotations

import pytest

from app.core.migration import schema
from app.core.timeline.payload import PAYLOADS, Payload, kinds_under
from app.core.timeline.presenting import TimelineFilter

schema.import_events()


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_every_event_with_a_sentence_is_under_a_filter(payload: type[Payload]) -> None:
    assert (payload.present is not Payload.present) == bool(payload.FILTERS)


@pytest.mark.parametrize("shown", TimelineFilter)
def test_a_filter_shows_something(shown: TimelineFilter) -> None:
    assert kinds_under(shown)
