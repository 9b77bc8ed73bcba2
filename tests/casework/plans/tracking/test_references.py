"""The payment reference of an instalment: made, read, and never read from a typing error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from app.casework.plans.tracking.references import in_groups, named_in, read_reference, reference_of

plans = st.integers(1, 10**15 - 1)
numbers = st.integers(0, 600)


@given(plans, numbers)
def test_a_reference_is_a_creditor_reference_and_comes_back(plan_id: int, n: int) -> None:
    reference = reference_of(plan_id, n)
    assert iso11649.is_valid(reference)
    assert len(reference) <= 25
    for spelled in (reference, reference.lower(), in_groups(reference)):
        assert read_reference(spelled) == (plan_id, n)
        assert named_in(f"rent, {spelled} thank you") == [(plan_id, n)]


@given(plans, numbers, st.data())
def test_one_wrong_character_names_nothing(plan_id: int, n: int, data: st.DataObject) -> None:
    reference = reference_of(plan_id, n)
    at = data.draw(st.integers(2, len(reference) - 1))
    wrong = data.draw(st.sampled_from([c for c in "0123456789PN" if c != reference[at]]))
    typed = reference[:at] + wrong + reference[at + 1 :]
    # "01" and "98" are two spellings of one check, and so on; nobody is given the second.
    if read_reference(typed) is not None:
        assert reference[2:4] != typed[2:4]
        assert read_reference(typed) == (plan_id, n)


@given(plans, numbers, st.data())
def test_two_neighbours_swapped_name_nothing(plan_id: int, n: int, data: st.DataObject) -> None:
    reference = reference_of(plan_id, n)
    at = data.draw(st.integers(4, len(reference) - 2))
    if reference[at] != reference[at + 1]:
        typed = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
        assert read_reference(typed) is None


@pytest.mark.parametrize("text", ["", "RF", "P000012N03", "RF18539007547034", "RF00P000012N03", "RF93 P12N3"])
def test_anything_else_is_no_reference_of_ours(text: str) -> None:
    assert read_reference(text) is None
    assert named_in(text) == []


def test_how_it_looks() -> None:
    assert reference_of(12, 3) == "RF" + reference_of(12, 3)[2:4] + "P000012N03"
    assert in_groups(reference_of(12, 3)).split(" ")[1:] == ["P000", "012N", "03"]


def test_the_beginning_of_a_grouped_reference_is_no_other_instalment() -> None:
    assert read_reference("RF13P10000049N13") == (10_000_049, 13)
    assert named_in("RF13 P100 0004 9N13 3") == [(10_000_049, 133)]
