"""Packs stack by place and are only ever stricter; a portfolio may tighten them and never loosen one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import NotFound
from app.core.vocabulary import Channel, Purpose
from app.policy.answers import Clearance
from app.policy.composition import pack_of, packs_for, stack, unstack
from app.policy.facts import Contact, ContactResult, Facts, PastContact
from app.policy.kinds.cap import CapRule, Counted
from app.policy.kinds.hours import HoursRule
from app.policy.overrides import check, tighten
from app.policy.pack import Pack
from app.policy.packfile import BadPack, shipped_packs
from app.policy.review import review

EVERY_RULE = [rule for pack in shipped_packs().values() for rule in pack.rules]


def portfolio_of(
    pack: str,
    collector: str = "third_party",
    tightening: str = "",
    adopted: str = "",
    stops: str = "reminders",
) -> SimpleNamespace:
    return SimpleNamespace(
        code="b",
        pack=pack,
        collector=collector,
        tightening=tightening,
        adopted_packs=adopted,
        complaint_stops=stops,
        assigned_on=None,
    )


def home(country: str, region: str = "", city: str = "", postcode: str = "") -> SimpleNamespace:
    return SimpleNamespace(country=country, region=region, city=city, postcode=postcode)


PLACES = [
    # portfolio's pack and collector, customer's place, codes stacked
    (
        ("us-third-party", "third_party"),
        ("US", "CA", "Los Angeles", "90001"),
        "us-third-party us-ca-third-party us-ca",
    ),
    (
        ("us-third-party", "third_party"),
        ("US", "", "", "10001"),
        "us-third-party us-ny-third-party us-ny us-nyc",
    ),
    (
        ("us-third-party", "third_party"),
        ("US", "NY", "brooklyn", ""),
        "us-third-party us-ny-third-party us-ny us-nyc",
    ),
    (("us-third-party", "third_party"), ("US", "OH", "Brooklyn", "44144"), "us-third-party"),
    (
        ("us-third-party", "third_party"),
        ("US", "NY", "Albany", "12207"),
        "us-third-party us-ny-third-party us-ny",
    ),
    (
        ("us-first-party", "first_party"),
        ("US", "Massachusetts", "", ""),
        "us-first-party us-ma-first-party us-ma",
    ),
    (
        ("us-first-party", "first_party"),
        ("US", "", "", "02108-1234"),
        "us-first-party us-ma-first-party us-ma",
    ),
    (("us-nyc", "first_party"), ("US", "CA", "", "90001"), "us-first-party us-nyc us-ca"),
    (("cn", "first_party"), ("US", "CA", "", "90001"), "cn us-first-party us-ca"),
    (("cn", "third_party"), ("US", "NY", "", "10001"), "cn us-third-party us-ny-third-party us-ny us-nyc"),
    (("uk", "third_party"), ("NL", "", "", ""), "uk nl nl-third-party"),
    (("uk", "first_party"), ("NL", "", "", ""), "uk nl"),
    (("nl", "third_party"), ("AT", "", "", ""), "nl nl-third-party no-pack"),
    (("cn", "first_party"), ("TW", "", "", ""), "cn tw"),
    (("tw", "first_party"), ("TW", "", "", ""), "tw"),
    (("cn", "first_party"), ("KR", "", "", ""), "cn no-pack"),
    (("cn", "first_party"), ("", "", "", ""), "cn"),
    (("uk", "third_party"), ("gb", "", "", ""), "uk"),
]


ADOPTED = [
    # text, country, collector, codes stacked
    ("AT=uk", "AT", "third_party", "cn uk"),
    ("AT=nl", "AT", "third_party", "cn nl nl-third-party"),  # with the overlay for agencies
    ("AT=nl", "AT", "first_party", "cn nl"),
    ("AT=uk\nFR=nl", "FR", "first_party", "cn nl"),
    ("FR=nl", "AT", "first_party", "cn no-pack"),
    ("AT=gone", "AT", "first_party", "cn no-pack"),  # a pack that is not shipped any more
    ("US=uk", "US", "first_party", "cn us-first-party"),  # a country's own pack comes first
    ("AT=cn", "AT", "first_party", "cn"),
]


@pytest.mark.parametrize(("text", "country", "collector", "codes"), ADOPTED)
def test_an_adopted_pack_holds_where_no_pack_covers(
    text: str, country: str, collector: str, codes: str
) -> None:
    pack = packs_for(portfolio_of("cn", collector, adopted=text), home(country))
    assert [part.split("@")[0] for part in pack.parts] == codes.split()
    assert pack.uncovered == (country if "no-pack" in codes else "")
    again = unstack(pack.text)
    assert (again.label, again.uncovered) == (pack.label, pack.uncovered), "the record asks the same"


@pytest.mark.parametrize(("portfolio", "place", "codes"), PLACES)
def test_packs_of_a_place(portfolio: tuple[str, str], place: tuple[str, ...], codes: str) -> None:
    pack = packs_for(portfolio_of(*portfolio), home(*place))
    assert [part.split("@")[0] for part in pack.parts] == codes.split()
    labels = {code: pack.label for code, pack in shipped_packs().items()} | {"no-pack": f"no-pack@{place[0]}"}
    assert pack.label == "+".join(labels[code] for code in codes.split())
    named = [shipped_packs()[code] for code in codes.split() if code != "no-pack"]
    below = {rule.id for each in named for rule in each.rules}
    assert {rule.id for rule in pack.rules} == below
    assert packs_for(portfolio_of(*portfolio), home(*place)) is pack


def test_a_portfolio_with_a_pack_nobody_knows_is_told_which_there_are() -> None:
    for asked in (
        lambda: pack_of(portfolio_of("atlantis")),
        lambda: packs_for(portfolio_of("atlantis"), home("US")),
    ):
        with pytest.raises(NotFound, match="atlantis.*us-nyc"):
            asked()


def test_a_house_rule_that_two_packs_share_is_asked_once() -> None:
    pack = packs_for(portfolio_of("uk"), home("SG"))
    assert len([rule for rule in pack.rules if rule.id == "house.messages_day"]) == 1
    assert pack.retention is None
    assert packs_for(portfolio_of("us-third-party"), home("US", "NY", "", "10001")).retention.years == 3  # type: ignore[union-attr]


def test_a_stack_is_read_back_from_its_text_word_for_word() -> None:
    tight = '[[rules]]\nid = "us.calls_7in7"\nmost = 3\n'
    pack = packs_for(portfolio_of("us-third-party", tightening=tight), home("US", "NY", "", "10001"))
    again = unstack(pack.text)
    assert again == pack
    assert again.label == pack.label
    assert again.text == pack.text


# ------------------------------------------------------------------------------------------- tightening

STRICTER = [
    ('id = "us.calls_7in7"\nmost = 3', "us.calls_7in7", "most", 3),
    ('id = "us.calls_7in7"\nwindow_days = 10', "us.calls_7in7", "window_days", 10),
    ('id = "us.calls_7in7"\ncounts = "attempted"', "us.calls_7in7", "counts", Counted.ATTEMPTED),
    ('id = "us.calls_after_conversation"\ndays = 14', "us.calls_after_conversation", "days", 14),
    ('id = "us.hours"\nopen = [{ from = "09:00", to = "20:00" }]', "us.hours", "week", (((540, 1200),),) * 7),
    ('id = "us.medium_preference"\nmode = "opt_in"', "us.medium_preference", "mode", "opt_in"),
    ('id = "us.time_barred"\nyears = 2', "us.time_barred", "years", 2),
    ('id = "us.time_barred"\nstops = "contact"', "us.time_barred", "stops", "contact"),
]


@pytest.mark.parametrize(("entry", "rule_id", "name", "figure"), STRICTER)
def test_a_stricter_figure_takes_the_packs_place(entry: str, rule_id: str, name: str, figure: object) -> None:
    tight = pack_of(portfolio_of("us-third-party", tightening=f"[[rules]]\n{entry}\n"))
    [rule] = [rule for rule in tight.rules if rule.id == rule_id]
    [before] = [rule for rule in shipped_packs()["us-third-party"].rules if rule.id == rule_id]
    assert getattr(rule, name) == figure
    assert rule.citation == f"{before.citation}; tightened by the portfolio"
    assert rule.force == before.force
    assert tight.label.startswith(f"{shipped_packs()['us-third-party'].label}+tightening@")
    assert check(f"[[rules]]\n{entry}\n", EVERY_RULE) == [rule_id]


LOOSER = [
    # a table, and what the message must name
    ('id = "us.calls_7in7"\nmost = 8', ["us.calls_7in7", "most", "8 is looser than the 7", "1006.14(b)(2)"]),
    ('id = "us.calls_7in7"\nwindow_days = 6', ["us.calls_7in7", "window_days"]),
    ('id = "us.calls_7in7"\ncounts = "answered"', ["us.calls_7in7", "counts"]),
    ('id = "us.calls_7in7"\nper = "number"', ["us.calls_7in7", "per"]),
    ('id = "us.calls_7in7"\npurposes = ["reminder"]', ["us.calls_7in7", "purposes"]),
    ('id = "us.hours"\nopen = [{ from = "07:59", to = "20:00" }]', ["us.hours", "open"]),
    ('id = "us.hours"\nchannels = ["call"]', ["us.hours", "channels"]),
    ('id = "id.hours"\nopen = [{ from = "08:00", to = "20:00" }]', ["id.hours", "open"]),  # Sundays
    ('id = "id.hours"\nholidays = { country = "SG" }', ["id.hours", "holidays"]),
    ('id = "us-nyc.electronic_optin"\nmode = "opt_out"', ["us-nyc.electronic_optin", "mode"]),
    ('id = "us.attorney"\nholds = ["dispute"]', ["us.attorney", "holds"]),
    ('id = "no.inkassovarsel"\ndays = 13', ["no.inkassovarsel", "days"]),
    ('id = "no.betalingsoppfordring"\nvalid_months = 7', ["no.betalingsoppfordring", "valid_months"]),
    ('id = "us.optout_notice"\nblocks = ["help"]', ["us.optout_notice", "blocks"]),
    ('id = "us.time_barred"\nyears = 4', ["us.time_barred", "years"]),
    ('id = "house.contacts_week"\nmost = 4', ["house.contacts_week", "most", "operator choice"]),
    ('id = "us.calls_7in7"\nmost = 3\nforce = "guideline"', ["us.calls_7in7", "force", "the pack's to say"]),
    ('id = "us.calls_7in7"\nkind = "gap"\ndays = 3', ["us.calls_7in7", "kind"]),
    ('id = "us.calls_7in7"\nmost = "3"', ["us.calls_7in7", "most"]),
    ('id = "us.calls_7in7"\nmax = 3', ["us.calls_7in7", "max"]),
    ('id = "us.calls_7in8"\nmost = 3', ["us.calls_7in8", "no pack has it"]),
    ('id = "house.mine"\nmost = 3', ["house.mine", "kind"]),
    ('id = "us.hours"\nholidays = { country = "XX" }', ["us.hours", "holidays", "XX"]),
    ("most = 3", ["rule number 1", "id"]),
]


@pytest.mark.parametrize(("entry", "names"), LOOSER)
def test_a_loosening_or_a_mistake_is_refused_by_rule_and_field(entry: str, names: Sequence[str]) -> None:
    with pytest.raises(BadPack) as refused:
        check(f"[[rules]]\n{entry}\n", EVERY_RULE)
    for name in names:
        assert name in refused.value.message


def test_a_rule_of_ones_own_is_added() -> None:
    text = """
        [[rules]]
        id = "house.no_mondays"
        kind = "hours"
        channels = ["call"]
        open = [{ weekdays = ["tue", "wed", "thu", "fri"], from = "09:00", to = "17:00" }]
        force = "operator choice"
        citation = "house rule: no calls on Mondays"
        source = "house rule"
        verified = true
        """
    pack = pack_of(portfolio_of("uk", tightening=text))
    assert check(text, EVERY_RULE) == ["house.no_mondays"]
    assert pack.rules[-1].id == "house.no_mondays"
    monday = datetime(2026, 6, 1, 11, 0, tzinfo=UTC)
    contact = Contact(Channel.CALL, Purpose.REMINDER, "+447700900123")
    assert not isinstance(review(contact, Facts(("Europe/London",)), pack, monday), Clearance)


def test_a_rule_of_another_place_is_passed_over() -> None:
    text = '[[rules]]\nid = "us-nyc.freq"\nmost = 2\n'
    assert check(text, EVERY_RULE) == ["us-nyc.freq"]
    elsewhere = packs_for(portfolio_of("us-third-party", tightening=text), home("US", "OR", "", "97201"))
    assert elsewhere.rules == shipped_packs()["us-third-party"].rules
    there = packs_for(portfolio_of("us-third-party", tightening=text), home("US", "NY", "", "10001"))
    assert [rule.most for rule in there.rules if rule.id == "us-nyc.freq"] == [2]  # type: ignore[attr-defined]


def test_a_pack_that_became_stricter_than_the_portfolio_keeps_its_own_figure() -> None:
    stricter = tuple(
        replace(rule, most=2) if isinstance(rule, CapRule) and rule.id == "us.calls_7in7" else rule
        for rule in shipped_packs()["us-third-party"].rules
    )
    rules, _ = tighten(stricter, '[[rules]]\nid = "us.calls_7in7"\nmost = 3\n')
    assert [rule.most for rule in rules if rule.id == "us.calls_7in7"] == [2]  # type: ignore[attr-defined]


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.id)
def test_every_rule_has_a_spelling_that_reads_back(rule) -> None:
    from app.policy.packfile import rule_of

    assert rule_of(rule.spelling(), "here") == rule
    assert all(field.as_strict for field in rule.compared(rule).values())


# ------------------------------------------------------------------------------------------- properties

wishes = st.lists(
    st.tuples(
        st.integers(0, 45 * 24 * 60),
        st.sampled_from([Channel.CALL, Channel.CALL, *Channel]),
        st.sampled_from(ContactResult),
        st.sampled_from(["", "A", "B"]),
        st.sampled_from(["+12125550100", "+12125550199"]),
    ),
    min_size=20,
    max_size=70,
)
STACKS = [
    (packs_for(portfolio_of("us-third-party"), home("US", "NY", "", "10001")), "America/New_York"),
    (packs_for(portfolio_of("us-first-party", "first_party"), home("US", "MA")), "America/New_York"),
    (packs_for(portfolio_of("au"), home("AU")), "Australia/Sydney"),
    (packs_for(portfolio_of("cn"), home("CN")), "Asia/Shanghai"),
    (packs_for(portfolio_of("uk"), home("NL")), "Europe/Amsterdam"),
]


@settings(max_examples=60, deadline=None)
@given(stacked=st.sampled_from(STACKS), wanted=wishes)
def test_no_sequence_of_clearances_breaks_a_cap_of_any_stack(
    stacked: tuple[Pack, str], wanted: list[tuple[int, Channel, ContactResult, str, str]]
) -> None:
    """Counted naively afterwards, by dates alone: per debt, per number, rolling and calendar."""
    pack, zone = stacked
    start, history = datetime(2026, 10, 1, 12, 0, tzinfo=UTC), list[PastContact]()
    for minute, channel, result, debt, number in sorted(wanted, key=lambda wish: wish[0]):
        at = start + timedelta(minutes=minute)
        contact = Contact(channel, Purpose.REMINDER, number, account=debt)
        facts = Facts((zone,), consent=dict.fromkeys(Channel, True), history=tuple(history))
        if isinstance(review(contact, facts, pack, at), Clearance):
            history.append(PastContact(at, channel, result, number, debt))
    for rule in pack.rules:
        if isinstance(rule, CapRule):
            assert naive_peak(rule, history, zone) <= rule.most, rule.id


def naive_peak(rule: CapRule, history: list[PastContact], zone: str) -> int:
    """The fullest window that any contact closes, for any one debt or number: each is held against every other."""
    from zoneinfo import ZoneInfo

    def day(past: PastContact) -> date:
        return past.at.astimezone(ZoneInfo(zone)).date()

    def same_window(earlier: PastContact, last: PastContact) -> bool:
        if rule.calendar == "month":
            return (day(earlier).year, day(earlier).month) == (day(last).year, day(last).month)
        if rule.window_days is not None:
            return 0 <= (day(last) - day(earlier)).days < rule.window_days
        return timedelta(0) <= last.at - earlier.at < timedelta(hours=rule.window_hours or 0)

    def counts(past: PastContact) -> bool:
        reached = list(ContactResult).index(past.result)
        needed = {Counted.ATTEMPTED: 0, Counted.PLACED: 1, Counted.ANSWERED: 2}
        if rule.counts is Counted.MADE:
            return past.channel is not Channel.CALL or reached == 2
        return reached >= needed[rule.counts]

    peak = 0
    relevant = [past for past in history if past.channel in rule.channels and counts(past)]
    for n, last in enumerate(relevant):
        inside = [past for past in relevant[: n + 1] if same_window(past, last)]
        if rule.per == "number":
            inside = [past for past in inside if past.address == last.address]
        if rule.per in ("debt", "account") and last.account:
            inside = [past for past in inside if past.account in ("", last.account)]
        peak = max(peak, len(inside))
    return peak


@settings(max_examples=200, deadline=None)
@given(
    rule=st.sampled_from([rule for rule in EVERY_RULE if isinstance(rule, (CapRule, HoursRule))]),
    channel=st.sampled_from(Channel),
    minute=st.integers(0, 60 * 24 * 60),
    contacts=st.lists(st.integers(0, 40 * 24 * 60), max_size=12),
    most=st.integers(1, 8),
    opens=st.integers(0, 20),
)
def test_whatever_a_tightened_pack_clears_the_pack_itself_clears(
    rule: CapRule | HoursRule, channel: Channel, minute: int, contacts: list[int], most: int, opens: int
) -> None:
    """A change that is accepted never lets through what was stopped before it."""
    if isinstance(rule, CapRule):
        text = f'[[rules]]\nid = "{rule.id}"\nmost = {most}\n'
    else:
        text = (
            f'[[rules]]\nid = "{rule.id}"\nopen = [{{ from = "{opens:02}:00", to = "{opens + 3:02}:30" }}]\n'
        )
    [pack] = [pack for pack in shipped_packs().values() if any(each is rule for each in pack.rules)]
    try:
        check(text, pack.rules)
    except BadPack:
        return
    now = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=minute)
    past = tuple(
        PastContact(now - timedelta(minutes=ago), channel, ContactResult.ANSWERED, "x") for ago in contacts
    )
    facts = Facts(("Asia/Singapore",), consent=dict.fromkeys(Channel, True), history=past)
    contact = Contact(channel, Purpose.REMINDER, "x")
    if isinstance(review(contact, facts, stack([pack], text), now), Clearance):
        assert isinstance(review(contact, facts, pack, now), Clearance)
