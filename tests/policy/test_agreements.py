"""`[agreements]` of packs: what is read, what is refused, and that the strictest of several packs holds."""

from __future__ import annotations

import pytest

from app.policy.composition import stack, unstack
from app.policy.packfile import PACKS, BadPack, parse_pack, shipped_packs
from app.policy.sections.agreements import AgreementRules, Content, Figure, strictest_agreements

CN = (PACKS / "cn.toml").read_text(encoding="utf-8")


def most(rule: str, value: int) -> Figure:
    return Figure(rule, "law", "citation", "source", True, "xx@1", value)


def test_shipped_packs_name_their_sources() -> None:
    for pack in shipped_packs().values():
        rules = pack.agreements
        for rule in filter(
            None, (rules.plan_months, rules.settlement_days, rules.must_amortise) if rules else ()
        ):
            assert rule.citation
            assert rule.pack == pack.label
            assert not (rule.verified and "memory" in rule.source)


def test_china_requires_six_contents() -> None:
    rules = shipped_packs()["cn"].agreements
    assert rules is not None
    assert rules.required == tuple(Content)
    assert rules.plan_months is not None
    assert rules.plan_months.most == 60


def test_the_strictest_of_several_packs_holds() -> None:
    one = AgreementRules(settlement_days=most("a", 90), plan_months=most("b", 60))
    other = AgreementRules(settlement_days=most("c", 60), settlement_payments=most("d", 6))
    both = strictest_agreements([one, other])
    assert both == AgreementRules(
        settlement_days=most("c", 60), plan_months=most("b", 60), settlement_payments=most("d", 6)
    )
    assert strictest_agreements([]) is None


def test_stacked_packs_keep_every_duty_and_come_back_from_their_text() -> None:
    packs = shipped_packs()
    both = stack([packs["us-third-party"], packs["cn"]])
    assert both.agreements is not None
    assert both.agreements.must_amortise is not None
    assert both.agreements.contents
    assert unstack(both.text).agreements == both.agreements


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("most = 60", "most = 0", "most"),
        ("most = 60", 'most = "60"', "most"),
        ('parts = ["balance",', 'parts = ["colour",', "parts"),
        ("[agreements.plan_months]", "[agreements.plan_weeks]", "plan_weeks"),
        ('id = "cn.contents_70"', 'id = "Contents"', "id"),
    ],
)
def test_a_misspelt_section_is_refused_by_its_field(old: str, new: str, said: str) -> None:
    assert old in CN
    with pytest.raises(BadPack, match=said):
        parse_pack(CN.replace(old, new), "cn.toml")
