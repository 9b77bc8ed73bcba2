"""Offers of advisers as terms, the account of a part, and files that are read line by line."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.advisers.reading import ProposalLine, read_offer, read_proposals, read_schedule
from app.casework.advisers.rules import Owed, ProposedOffer, account_for, terms_of
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.schedule import schedule
from app.core.errors import Invalid

FIRST = date(2026, 1, 31)


def offer(amount: int, **changes: object) -> ProposedOffer:
    given: dict[str, object] = {
        "kind": PlanKind.INSTALMENTS, "amount_minor": amount, "cadence": Cadence.MONTHLY, "first_due_on": FIRST,
        **changes,
    }  # fmt: skip
    return ProposedOffer(**given)  # type: ignore[arg-type]


def test_an_offer_is_kept_to_the_unit() -> None:
    terms = terms_of(offer(3_000), 10_000)
    assert [(part.due_on, part.amount) for part in terms.parts] == [
        (date(2026, 1, 31), 3_000),
        (date(2026, 2, 28), 3_000),
        (date(2026, 3, 31), 3_000),
        (date(2026, 4, 30), 1_000),
    ]
    weekly = terms_of(offer(3_000, cadence=Cadence.WEEKLY, down_payment_minor=1_000), 10_000)
    assert [(part.n, part.due_on.day, part.amount) for part in weekly.parts] == [
        (1, 31, 1_000),
        (2, 7, 3_000),
        (3, 14, 3_000),
        (4, 21, 3_000),
    ]
    assert schedule(weekly, ()) == list(weekly.parts), "an agreement can be made on these terms"
    once = terms_of(offer(10_000), 10_000)
    assert (once.cadence, once.payments, once.parts) == (Cadence.ONCE, 1, ())
    with pytest.raises(ValueError, match="more than 600 payments"):
        terms_of(offer(1), 601)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from([Cadence.WEEKLY, Cadence.MONTHLY]))
def test_the_payments_sum_to_the_debt(amount: int, owed: int, cadence: Cadence) -> None:
    if owed > 600 * amount:
        return
    terms = terms_of(offer(amount, cadence=cadence), owed)
    if terms.parts:
        assert sum(part.amount for part in terms.parts) == owed
        assert all(0 < part.amount <= amount for part in terms.parts)
        assert list(terms.parts) == sorted(terms.parts, key=lambda part: part.due_on)
    else:
        assert owed <= amount


@pytest.mark.parametrize(
    ("amount", "expected"), [(500, 1), (501, 2), (2_000, 2), (2_001, 3), (3_000, 3), (3_001, None)]
)
def test_a_part_goes_whole_to_the_account_longest_past_due(amount: int, expected: int | None) -> None:
    accounts = [
        Owed(1, 500, 100, date(2026, 1, 1)),
        Owed(2, 2_000, 100, date(2026, 2, 1)),
        Owed(3, 3_000, 0, None),
    ]
    found = account_for(amount, accounts)
    assert (found.account_id if found else None) == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff", "not text"),
        (b"{", "not JSON"),
        (b"[]", 'array "plans"'),
        (b'{"plans": []}', "1 to 5000 plans"),
        (b'{"plans": [1], "surprise": 1}', "no member 'surprise'"),
        (b'{"plans": [1], "adviser": "OTHER"}', "another adviser"),
        (b'{"plans": [1], "currency": "EUR"}', "currency"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_proposals(content, "GBP", "HELP")


GOOD = {"amount": "25.00", "frequency": "monthly", "first-on": "2026-04-01"}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ({"reference": "A", "offer": GOOD}, []),
        ({"reference": "A", "offer": {**GOOD, "amount": 25}}, []),
        ({"offer": GOOD}, ["reference"]),
        ({"reference": "4111 1111 1111 1111", "offer": GOOD}, ["reference"]),
        ({"reference": "A"}, ["offer"]),
        (7, ["(not shown)", "reference", "offer"]),
        ({"reference": "A", "offer": GOOD, "x": 1}, ["x"]),
        ({"reference": "A", "offer": GOOD, "4111111111111111": 1}, ["(not shown)"]),
        ({"reference": "A", "offer": {**GOOD, "x": 1}}, ["offer.x"]),
        ({"reference": "A", "offer": {**GOOD, "amount": "-1"}}, ["offer.amount"]),
        ({"reference": "A", "offer": {**GOOD, "amount": "1.001"}}, ["offer.amount"]),
        ({"reference": "A", "offer": {**GOOD, "amount": None}}, ["offer.amount"]),
        ({"reference": "A", "offer": {**GOOD, "frequency": "daily"}}, ["offer.frequency"]),
        ({"reference": "A", "offer": {**GOOD, "kind": "gift"}}, ["offer.kind"]),
        ({"reference": "A", "offer": {**GOOD, "kind": "settlement"}}, ["offer.total"]),
        ({"reference": "A", "offer": {**GOOD, "first-on": "soon"}}, ["offer.first-on"]),
        (
            {"reference": "A", "offer": {**GOOD, "kind": [], "frequency": {}}},
            ["offer.kind", "offer.frequency"],
        ),
    ],
)
def test_a_wrong_line_names_its_field(line: object, fields: list[str]) -> None:
    content = json.dumps({"plans": [line]}).encode()
    [read] = read_proposals(content, "GBP", "HELP")
    _, faults = read_offer(read, "GBP")
    assert [fault.field for fault in faults] == fields


def test_a_line_is_known_by_its_content() -> None:
    one, other = (
        ProposalLine(1, "A", {"reference": "A", "offer": GOOD}),
        ProposalLine(9, "A", {"offer": GOOD, "reference": "A"}),
    )
    assert one.digest == other.digest
    assert one.digest != ProposalLine(1, "A", {"reference": "A"}).digest


@pytest.mark.parametrize(
    "schedule",
    [
        "reference,amount\nP-000001,20.00\n\nP-000002,x\nP-000003,-1\n",
        "Amount , Reference\n20.00,P-000001\n\nx,P-000002\n-1,P-000003\n",
    ],
)
def test_a_schedule_is_read_line_by_line(schedule: str) -> None:
    parts = read_schedule(schedule.encode(), "GBP")
    assert [(part.number, part.reference, part.amount_minor, bool(part.fault)) for part in parts] == [
        (2, "P-000001", 2_000, False),
        (4, "P-000002", 0, True),
        (5, "P-000003", 0, True),
    ]
    told = json.dumps([{"reference": "P-000001", "amount": 20.5}, {"amount": "1"}]).encode()
    assert [(part.number, part.reference, part.amount_minor) for part in read_schedule(told, "GBP")] == [
        (1, "P-000001", 2_050),
        (2, "", 100),
    ]
    assert read_schedule(b"reference,amount\n4111 1111 1111 1111,1.00\n", "GBP")[0].reference == ""


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2", b"reference,amount\n", b"[1]", b"[]", b"{}", b"\xff\xff"]
)
def test_a_schedule_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        read_schedule(content, "GBP")
