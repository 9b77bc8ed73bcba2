"""What a provider forbids: Twilio carries no SMS of third-party debt collection in the United States and Canada."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.core.vocabulary import TO_CUSTOMERS, Channel, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.composition import packs_for, portfolio_packs, unstack, use_providers
from app.policy.facts import Contact, Facts
from app.policy.overrides import check
from app.policy.pack import Pack
from app.policy.packfile import BadPack, parse_pack, shipped_packs
from app.policy.review import review
from tests.policy.contacts import CALL, EMAIL, MOBILE, NEW_YORK, POST, SMS, local, rule_ids

CONSENTED = dict.fromkeys(Channel, True)


def pack_at(pack: str, collector: str, country: str, adopted: str = "") -> Pack:
    portfolio = SimpleNamespace(
        code="b",
        pack=pack,
        collector=collector,
        tightening="",
        complaint_stops="reminders",
        adopted_packs=adopted,
        assigned_on=None,
    )
    return packs_for(portfolio, SimpleNamespace(country=country, region="", city="", postcode=""))


def asked(pack: Pack, channel: Channel, purpose: Purpose = Purpose.REMINDER) -> object:
    facts = Facts((NEW_YORK,), consent=CONSENTED)
    return review(Contact(channel, purpose, MOBILE), facts, pack, local("2026-06-03 12:00", NEW_YORK))


@pytest.mark.parametrize("purpose", TO_CUSTOMERS)
def test_an_agency_sends_no_sms_by_twilio_whatever_the_consent(purpose: Purpose) -> None:
    """twilio.com/docs/api/errors 30863: forbidden regardless of consent."""
    use_providers("twilio")
    answer = asked(pack_at("us-third-party", "third_party", "US"), SMS, purpose)
    assert isinstance(answer, Refusals)
    [reason] = [each for each in answer.reasons if each.rule == "twilio.third_party_collection"]
    assert reason.detail.startswith("Twilio carries no SMS of third-party debt collection")
    assert all(code in reason.citation for code in ("30863", "30460", "30869"))
    assert (reason.force, reason.verified, reason.until) == ("provider policy", True, None)


@pytest.mark.parametrize("channel", [EMAIL, POST, CALL])
def test_other_channels_of_the_agency_are_open(channel: Channel) -> None:
    use_providers("twilio")
    assert isinstance(asked(pack_at("us-third-party", "third_party", "US"), channel), Clearance)


@pytest.mark.parametrize(
    ("pack", "collector", "country", "adopted", "forbidden"),
    [
        ("us-first-party", "first_party", "US", "", False),  # a bank that collects its own cards
        ("us-first-party", "third_party", "US", "", True),  # an agency under the creditor's pack is an agency
        ("uk", "third_party", "GB", "", False),
        ("uk", "third_party", "US", "", True),  # a British agency's customer in the United States
        ("uk", "third_party", "PR", "", True),
        ("us-third-party", "third_party", "CA", "", True),
        ("ca", "third_party", "CA", "", True),
        ("ca", "first_party", "CA", "", False),
        ("uk", "third_party", "CA", "", True),
    ],
)
def test_who_is_concerned(pack: str, collector: str, country: str, adopted: str, forbidden: bool) -> None:
    use_providers("twilio")
    rules = {rule.id for rule in pack_at(pack, collector, country, adopted).rules}
    assert ("twilio.third_party_collection" in rules) is forbidden


def test_it_holds_only_while_the_provider_carries_our_messages_and_on_record_for_ever() -> None:
    at_home = pack_at("us-third-party", "third_party", "US")
    assert isinstance(asked(at_home, SMS), Clearance), "printed to the console: nobody forbids it"
    use_providers("twilio")
    with_twilio = pack_at("us-third-party", "third_party", "US")
    use_providers("console")
    assert pack_at("us-third-party", "third_party", "US") is at_home
    assert with_twilio.label == f"{at_home.label}+{shipped_packs()['twilio'].label}"
    assert rule_ids(asked(unstack(with_twilio.text), SMS)) == ["twilio.third_party_collection"]


def test_no_portfolio_names_a_providers_policy_as_its_pack_or_changes_its_words() -> None:
    assert "twilio" not in portfolio_packs()
    rules = shipped_packs()["twilio"].rules
    with pytest.raises(BadPack, match="why"):
        check('[[rules]]\nid = "twilio.third_party_collection"\nwhy = "we asked them"\n', rules)
    alone = shipped_packs()["twilio"].text.replace(
        'stacks_on = ["us-third-party", "us-first-party", "ca"]\n', ""
    )
    with pytest.raises(BadPack, match="no pack of its own"):
        parse_pack(alone, "twilio.toml")
