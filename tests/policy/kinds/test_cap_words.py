"""The sentence of a full cap: what the limit is, over which channels, in which time."""

from __future__ import annotations

import pytest

from app.core.vocabulary import Channel
from app.policy.kinds.cap import limit_words

CALL, SMS, EMAIL, POST = Channel.CALL, Channel.SMS, Channel.EMAIL, Channel.POST
TOGETHER = "(calls, e-mails, letters and SMS together)"


@pytest.mark.parametrize(
    ("most", "counts", "channels", "per", "window", "said"),
    [
        (3, "made", {CALL, SMS, EMAIL, POST}, "person", "in 7 days", f"3 contacts in 7 days {TOGETHER}"),
        (
            1,
            "attempted",
            {SMS, EMAIL, POST},
            "person",
            "in 24 hours",
            "1 written message in 24 hours (SMS, e-mail and letter together)",
        ),
        (7, "placed", {CALL}, "debt", "in 7 days", "7 calls about this debt in 7 days"),
        (2, "attempted", {CALL}, "person", "in a calendar day", "2 call attempts in a calendar day"),
        (
            1,
            "answered",
            {CALL},
            "number",
            "in a calendar day",
            "1 answered call to this number in a calendar day",
        ),
        (1, "attempted", {SMS}, "person", "in a calendar week", "1 SMS in a calendar week"),
        (2, "attempted", {EMAIL}, "account", "in 30 days", "2 e-mails about this account in 30 days"),
    ],
)
def test_a_limit_is_told_in_words(
    most: int, counts: str, channels: set[Channel], per: str, window: str, said: str
) -> None:
    assert limit_words(most, counts, channels, per, window) == f"Limit reached: {said}"
