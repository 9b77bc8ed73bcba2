"""Result codes as a manager writes them: what is read, what is refused, on which line, and what no version may take."""

from __future__ import annotations

import re

import pytest

from app.casework.results.effects import PlaceHold, Retry
from app.casework.results.file import BadCodes, read_codes, shipped, shipped_codes, shipped_text
from app.casework.results.rules import CallField, CallResult, Counts, Direction
from app.core.vocabulary import HoldKind

TEXT = shipped_text()


def changed(before: str, after: str, *, within: str = "") -> str:
    """The shipped text with one change, in the table of the code `within` if one is named."""
    start = TEXT.index(f'code = "{within}"') if within else 0
    assert before in TEXT[start:]
    return TEXT[:start] + TEXT[start:].replace(before, after, 1)


def problems(text: str) -> list[str]:
    with pytest.raises(BadCodes) as bad:
        read_codes(text)
    return [str(problem) for problem in bad.value.problems]


def line_of(words: str, *, within: str) -> int:
    start = TEXT.index(f'code = "{within}"')
    return TEXT[: TEXT.index(words, start)].count("\n") + 1


def test_the_shipped_codes_are_whole() -> None:
    codes = shipped_codes().codes
    assert {code.code for code in codes} == set(CallResult)
    keys = [code.key for code in codes if code.key]
    assert keys[:9] == list("123456789")
    assert len(keys) == len(set(keys))
    assert all(key.isalpha() for key in keys[9:]), "those under More have a letter"
    assert shipped(CallResult.DISPUTES).hold is HoldKind.DISPUTE
    assert shipped(CallResult.NO_ANSWER).effect(Retry) == Retry(3)
    assert read_codes(TEXT) == shipped_codes(), "they keep their own rules"


def test_a_portfolio_adds_a_code_of_its_own() -> None:
    own = """
[[codes]]
code = "asks_for_statement"
label = "Asks for a statement"
key = "0"
direction = "in"
counts = "conversation"
asks = ["words"]
effects = [{ do = "task", text = "Send the statement", days = 1 }]
"""
    code = read_codes(TEXT + own).named("asks_for_statement")
    assert code is not None
    assert (code.conversation, code.directions, code.asks) == (True, {Direction.IN}, (CallField.WORDS,))


@pytest.mark.parametrize("code", [code.code for code in shipped_codes().codes if code.conversation])
def test_right_party_contact_stays_right_party_contact(code: str) -> None:
    """Caps and gaps of the law count it: no manager declares it an attempt."""
    for less in (Counts.ATTEMPT, Counts.ANSWERED, Counts.THIRD_PARTY):
        found = problems(changed('counts = "conversation"', f'counts = "{less}"', within=code))
        line = line_of("counts =", within=code)
        assert any(re.match(rf"line {line}: {code}, counts: must be conversation", each) for each in found)


@pytest.mark.parametrize("code", [c.code for c in shipped_codes().codes if c.hold or c.rests_number])
def test_the_protection_of_a_shipped_code_stays(code: str) -> None:
    block = re.search(rf'code = "{code}".*?(effects = \[.*?\]\n)(?=\n|$)', TEXT, re.DOTALL)
    assert block is not None
    text = TEXT[: block.start(1)] + "effects = []\n" + TEXT[block.end(1) :]
    assert any("must stay" in each for each in problems(text))


@pytest.mark.parametrize("code", ["wrong_number", "deceased", "promised", "opt_out"])
def test_a_code_that_protects_or_counts_is_not_left_out(code: str) -> None:
    found = problems(changed(f'code = "{code}"', 'code = "something_else"'))
    assert f"the code '{code}' protects customers and must stay" in found


@pytest.mark.parametrize(
    ("before", "after", "within", "said"),
    [
        ('key = "2"', 'key = "1"', "busy", "busy, key: '1' is used by 'no_answer' already"),
        ('label = "Busy"', 'lable = "Busy"', "busy", "busy, lable: is not known here"),
        ("attempts = 3", "attempts = 300", "no_answer", "no_answer, effects: must be less than or equal to 20"),
        ('asks = ["callback_at", "amount", "due_on"]', 'asks = ["amount", "due_on"]', "call_back",
         "call_back, requires: callback_at is required and not asked for"),
        ('asks = ["words"]', 'asks = ["words", "due_on"]', "cease",
         "cease, asks: due_on is asked for and no effect uses it"),
        ('requires = ["consent"]', "requires = []", "support_need",
         "support_need, requires: consent is missing: a support need is recorded with the customer's consent only"),
        ("replace_links = true", "replace_links = false", "wrong_number",
         "wrong_number, effects: number_bad must stay, with replace_links = true: another person is reached at this"
         " number"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(before: str, after: str, within: str, said: str) -> None:
    found = problems(changed(before, after, within=within))
    assert any(re.fullmatch(rf"line \d+: {re.escape(said)}", each) for each in found), found


def test_a_text_that_is_no_toml_is_refused_at_its_line() -> None:
    assert problems(changed('label = "Busy"', 'label = "Busy', within="busy"))[0].startswith(
        f"line {line_of('label', within='busy')}: not TOML"
    )


def test_a_stricter_version_is_taken() -> None:
    """A company may count more than the law, and hold longer."""
    text = changed('counts = "answered"', 'counts = "third_party"', within="hung_up")
    text = text.replace('kind = "hardship", days = 30', 'kind = "hardship", days = 60')
    codes = read_codes(text)
    hardship, hung_up = codes.named("hardship"), codes.named("hung_up")
    assert hardship is not None
    assert hung_up is not None
    assert hardship.effect(PlaceHold) == PlaceHold(HoldKind.HARDSHIP, 60)
    assert hung_up.counts is Counts.THIRD_PARTY


@pytest.mark.parametrize(
    ("before", "after", "within", "said"),
    [
        ('counts = "third_party"', 'direction = "out"\ncounts = "third_party"', "deceased", "must be both"),
        ('counts = "conversation"', 'direction = "in"\ncounts = "conversation"', "cease", "must be both"),
        ('kind = "dispute", days = 30', 'kind = "dispute", days = 1', "disputes", "at least 30 days"),
        ('"payment_claimed", days = 10', '"payment_claimed", days = 1', "paid", "at least 10 days"),
        ('asks = ["person"]', 'asks = ["person"]\nrequires = ["person"]', "attorney", "must stay optional"),
    ],
)
def test_no_version_makes_protection_shorter_or_harder_to_give(
    before: str, after: str, within: str, said: str
) -> None:
    [found] = problems(changed(before, after, within=within))
    assert said in found
    assert within in found


@pytest.mark.parametrize("field", ["paid_amount", "transactions", "support_type", "channel", "request"])
def test_what_only_the_cardholder_can_say_is_right_party_contact(field: str) -> None:
    asks = (
        '["consent", "support_type"]\nrequires = ["consent"]' if field == "support_type" else f'["{field}"]'
    )
    own = f'\n[[codes]]\ncode = "own"\nlabel = "Own"\ncounts = "attempt"\nasks = {asks}\n'
    assert any("own, counts: must be conversation" in each for each in problems(TEXT + own))
    read_codes(TEXT + own.replace("attempt", "conversation"))
