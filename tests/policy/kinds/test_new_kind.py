"""A new kind of rule is one file and one line in `KINDS`: here the file is this one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import pytest
from pydantic import Field

from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance, Reason, WaitUntil
from app.policy.calendars import DAY, midnight
from app.policy.composition import stack, unstack
from app.policy.facts import Contact, Facts
from app.policy.kinds import KINDS
from app.policy.overrides import check
from app.policy.pack import Pack
from app.policy.packfile import BadPack, parse_pack, shipped_packs
from app.policy.review import review
from app.policy.rules import Comparison, Question, Rule, RuleTable


class QuietDaysTable(RuleTable):
    days: Annotated[list[Annotated[int, Field(ge=1, le=31)]], Field(min_length=1)]

    def rule(self) -> QuietDaysRule:
        return QuietDaysRule(**self.shared(), days=frozenset(self.days))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietDaysRule(Rule):
    """No contact on certain days of the month, such as pay day."""

    kind: ClassVar[str] = "quiet_days"
    table: ClassVar[type[RuleTable]] = QuietDaysTable

    days: frozenset[int]

    def objections(self, asked: Question) -> Sequence[Reason]:
        quiet = [(zone, day) for zone, day in asked.local_days if day.day in self.days]
        if not quiet:
            return ()
        until = max(midnight(zone, day + DAY) for zone, day in quiet)
        return [self._reason(f"nobody is contacted on day {quiet[0][1].day}", until)]

    def _spelling(self) -> dict[str, Any]:
        return {"days": sorted(self.days)}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {"days": Comparison(sorted(self.days), sorted(changed.days), changed.days >= self.days)}


RULE = """
[[rules]]
id = "uk.pay_day"
kind = "quiet_days"
channels = ["sms", "call"]
days = [28]
force = "law"
citation = "Pay Day Act, section 1"
source = "this test"
verified = true
"""
CONTACT = Contact(Channel.SMS, Purpose.REMINDER, "+447700900123")
FACTS = Facts(("Europe/London",))
AS_LAW = stack([shipped_packs()["uk"]])


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch) -> Pack:
    monkeypatch.setitem(KINDS, QuietDaysRule.kind, QuietDaysRule)
    return parse_pack(shipped_packs()["uk"].text + RULE, "uk.toml")


def noon(day: int) -> datetime:
    return datetime(2026, 5, day, 12, tzinfo=UTC)


def test_a_pack_reads_it_and_the_review_asks_it(pack: Pack) -> None:
    waits = review(CONTACT, FACTS, pack, noon(28))
    assert isinstance(waits, WaitUntil)
    assert [(reason.rule, reason.citation) for reason in waits.reasons] == [
        ("uk.pay_day", "Pay Day Act, section 1")
    ]
    assert waits.at.day == 29
    assert isinstance(review(CONTACT, FACTS, pack, noon(27)), Clearance)
    assert isinstance(review(CONTACT, FACTS, AS_LAW, noon(28)), Clearance)


def test_a_portfolio_may_make_it_stricter_and_not_looser(pack: Pack) -> None:
    stricter = '[[rules]]\nid = "uk.pay_day"\ndays = [27, 28]\n'
    assert check(stricter, pack.rules) == ["uk.pay_day"]
    with pytest.raises(BadPack, match=r"uk\.pay_day: days: \[1\] is looser"):
        check('[[rules]]\nid = "uk.pay_day"\ndays = [1]\n', pack.rules)
    tight = stack([pack], stricter)
    assert isinstance(review(CONTACT, FACTS, tight, noon(27)), WaitUntil)
    assert unstack(tight.text) == tight


def test_its_file_checks_the_fields(pack: Pack) -> None:
    with pytest.raises(BadPack, match=r"uk\.toml: rule uk\.pay_day: days\.0: .*less than or equal to 31"):
        parse_pack(pack.text.replace("days = [28]", "days = [32]"), "uk.toml")


def test_a_kind_that_is_not_registered_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        BadPack, match=r"rule uk\.pay_day: kind: is 'quiet_days'; known kinds are hours, cap, gap"
    ):
        parse_pack(shipped_packs()["uk"].text + RULE, "uk.toml")


def test_the_document_of_packs_tells_every_kind_and_all_its_fields() -> None:
    text = (Path(__file__).parents[3] / "docs" / "packs.md").read_text(encoding="utf-8")
    rows = {cells[1].strip(" `"): cells[2] for line in text.splitlines() if len(cells := line.split("|")) > 4}
    for kind, rule in KINDS.items():
        own = {field.alias or name for name, field in rule.table.model_fields.items()} - set(
            RuleTable.model_fields
        )
        assert own <= set(re.findall(r"\w+", rows[kind])), kind
