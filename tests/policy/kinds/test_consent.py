"""Consent and opt-out: what a yes and a no permit, by channel and purpose."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.core.vocabulary import TO_CUSTOMERS, Channel, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Contact, Facts
from app.policy.kinds.consent import ConsentRule
from app.policy.pack import Pack
from app.policy.review import review
from tests.policy.contacts import (
    CN,
    EMAIL,
    LONDON,
    MOBILE,
    NEW_YORK,
    POST,
    SHANGHAI,
    SHARED,
    SMS,
    UK,
    US,
    local,
    pack_of,
    reminder,
)


@pytest.mark.parametrize("purpose", TO_CUSTOMERS)
@pytest.mark.parametrize("pack", [US, UK, CN], ids=lambda pack: pack.code)
def test_an_opt_out_stops_a_channel_for_every_purpose_and_no_other_channel(
    pack: Pack, purpose: Purpose
) -> None:
    """12 CFR 1006.14(h)(1): a confirmation is no way around it."""
    facts = Facts((SHANGHAI,), consent={SMS: False}, opted_out_at={SMS: datetime(2026, 5, 1, tzinfo=UTC)})
    at = local("2026-06-01 12:00", SHANGHAI)
    by_sms = review(Contact(SMS, purpose, MOBILE), facts, pack, at)
    assert isinstance(by_sms, Refusals)
    assert "opted out of sms on 2026-05-01" in {reason.detail for reason in by_sms.reasons}
    assert isinstance(review(Contact(EMAIL, purpose, "ann@example.test"), facts, pack, at), Clearance)


@pytest.mark.parametrize(
    ("purpose", "permitted"),
    [(Purpose.REMINDER, False), (Purpose.CONFIRMATION, False), (Purpose.NOTICE, True)],
)
def test_us_a_notice_the_law_demands_goes_by_post_all_the_same(purpose: Purpose, permitted: bool) -> None:
    """12 CFR 1006.14(h)(2)(iii)."""
    facts = Facts((NEW_YORK,), consent={POST: False})
    answer = review(Contact(POST, purpose, "1 Main St"), facts, US, local("2026-06-01 12:00", NEW_YORK))
    assert isinstance(answer, Clearance if permitted else Refusals)


@pytest.mark.parametrize(("consent", "permitted"), [({}, False), ({SMS: False}, False), ({SMS: True}, True)])
def test_opt_in_needs_a_yes(consent: dict[Channel, bool], permitted: bool) -> None:
    opt_in = pack_of(ConsentRule(id="t.opt_in", mode="opt_in", **SHARED))
    answer = review(reminder(), Facts((LONDON,), consent=consent), opt_in, local("2026-06-01 12:00", LONDON))
    assert isinstance(answer, Clearance if permitted else Refusals)
