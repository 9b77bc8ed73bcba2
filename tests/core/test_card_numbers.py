"""What is a full card number and what is not: tables of both kinds, and how often the search is right on many more."""

from __future__ import annotations

import random
import re

import pytest

from app.book.feeds.bank.rules import REMOVED, blotted
from app.core.card_numbers import IBAN_LENGTHS, holds_card_number, luhn, mask_card_numbers

VISA, VISA_13, VISA_19 = "4111111111111111", "4222222222222", "4000000000000000006"
NUMBERS = {
    "visa": VISA,
    "visa of 13": VISA_13,
    "visa of 19": VISA_19,
    "mastercard": "5555555555554444",
    "mastercard 2-series": "2223003122003222",
    "american express": "378282246310005",
    "diners club": "30569309025904",
    "discover": "6011111111111117",
    "jcb": "3530111333300000",
    "unionpay": "6200000000000005",
    "unionpay of 19": "6205500000000000004",
    "maestro": "6759649826438453",
    "maestro of 19": "6799990100000000019",
    "dankort": "5019717010103742",
    "mir": "2200000000000004",
    "rupay": "8171999927660000",
    "troy": "9792030394440796",
}


def grouped(number: str) -> list[str]:
    """As it is printed on the card."""
    sizes = {15: (4, 6, 5), 14: (4, 6, 4)}.get(len(number), (4, 4, 4, 4, 3))
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size])
        at += size
    return [group for group in groups if group]


SIGNS = {
    "blank": " ",
    "two blanks": "  ",
    "no-break": "\u00a0",
    "two no-break": "\u00a0\u00a0",
    "blank and no-break": " \u00a0",
    "thin": "\u2009",
    "narrow no-break": "\u202f",
    "ideographic": "\u3000",
    "zero width": "\u200b",
    "tab": "\t",
    "hyphen": "-",
    "hyphen of Unicode": "\u2010",
    "no-break hyphen": "\u2011",
    "figure dash": "\u2012",
    "en dash": "\u2013",
    "em dash": "\u2014",
    "minus": "\u2212",
    "full-width hyphen": "\uff0d",
    "spaced dash": " \u2013 ",
    "soft hyphen": "\u00ad",
    "slash": "/",
    "spaced slash": " / ",
    "full-width slash": "\uff0f",
    "underscore": "_",
    "dot": ".",
    "middle dot": "\u00b7",
    "new line": "\n",
    "entity": "&nbsp;",
    "percent": "%20",
    "plus": "+",
    "equals": "=",
    "brackets": ") (",
    "square brackets": "][",
    "comma": ",",
}
SCRIPTS = {"full-width": 0xFF10, "arabic": 0x0660, "persian": 0x06F0, "devanagari": 0x0966, "bold": 0x1D7CE}
AROUND = ("{}", "my card {} please", "Card:{}", "PAN{}", "({})", "nr.{},", "{}\n", "“{}”", "卡號{}。")


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("name", NUMBERS)
def test_any_issuer_s_number_is_seen_with_any_sign_between(name: str, sign: str) -> None:
    written = SIGNS[sign].join(grouped(NUMBERS[name]))
    for around in AROUND[:3]:
        text = around.format(written)
        assert holds_card_number(text), text
        hidden = mask_card_numbers(text)
        assert not holds_card_number(hidden)
        assert len(hidden) == len(text)
        assert NUMBERS[name][-4:] in re.sub(r"[^0-9]", "", hidden)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", NUMBERS)
def test_it_is_seen_in_a_row_wherever_it_stands(name: str, around: str) -> None:
    text = around.format(NUMBERS[name])
    assert holds_card_number(text)
    assert blotted(text) == around.format(REMOVED)


@pytest.mark.parametrize("script", SCRIPTS)
def test_digits_of_other_scripts_are_digits(script: str) -> None:
    for number in NUMBERS.values():
        text = number.translate({48 + digit: SCRIPTS[script] + digit for digit in range(10)})
        assert holds_card_number(text)
        assert holds_card_number(" ".join(grouped(text)))


@pytest.mark.parametrize(
    "written",
    [
        f"{VISA}123",
        f"{VISA}1226",
        f"{VISA}122028",
        f"{VISA}1226123",
        f"{VISA}2612123",
        "3782822463100051234",
        f"{VISA} 12/26 123",
        f"{VISA}/12/26/123",
        f"{VISA}|12|26|123",
        f"{VISA}=26121010000012345678?",
        f"%B{VISA}^CHEN/MEI^26121010000?",
        "4111 1111 1111 1111123",
        "4111 1111 1111 1111 1226 123",
        "1234 4111 1111 1111 1111",
        "41 11 11 11 11 11 11 11",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4111 11111111 1111",
        "411111 1111111111",
        "411111******1111 and 4111-1111-1111-1111",
        "41111111-11111111",
        f"{VISA}.00",
        f"+{VISA}",
        "4\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e3" + "1\ufe0f\u20e3" * 12,
        f"IBAN DE89370400440532013000, card {VISA}",
        "%2B".join(grouped(VISA)),
        "&#32;".join(grouped(VISA)),
        "&#xA0;".join(grouped(VISA)),
        f"5 days, 12 Nov: {VISA}",
        f"{VISA} {VISA}",
        "VISA4111111111111111EXP1226",
    ],
)
def test_other_ways_of_writing_one(written: str) -> None:
    assert holds_card_number(written)
    assert not holds_card_number(mask_card_numbers(written))
    assert VISA not in mask_card_numbers(written)


def test_the_cvv_that_is_run_on_is_hidden_with_the_number() -> None:
    assert mask_card_numbers(f"{VISA}123") == "************1111***"
    assert blotted(f"a {VISA}1226123 b") == f"a {REMOVED} b"


@pytest.mark.parametrize(
    "harmless",
    [
        "",
        "4111 1111 1111 1112",
        "4111",
        "0000 0000 0000 0000",
        "4444444444444444",
        "DE89 3704 0044 0532 0130 00",
        "de89370400440532013000",
        "DE89-3704-0044-0532-0130-00",
        "IBAN:NL91ABNA0417164300",
        "12 64281 68750 92961 83407 03202",  # a Swiss payment reference
        "42422 18074 04298 56008",  # a Finnish one
        "NO93 8601 1117 947",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "RF18 5390 0754 7034",
        "0.4111111111111111",
        "45.239999999999995",
        "4.111111111111111E+15",
        "3,14159265358979323",
        "52.3740300,4.8896900",
        "+4915112345678",
        "+49 151 1234 5678",
        "+44 20 7946 0958 / +44 20 7946 0959",
        "0176 12345678, 0176 12345679",
        "41234567 41234568 41234569",
        "22 33 44 55 / 22 33 44 56",
        "06 45 12 78 90 06 45 12 78 91",
        "030 4223 4567 / 040 4223 4568",
        "call +86138000000 at 10.30",
        "2026-03-01 12:00 - 2026-03-02 12:00",
        "2026-11-29 2026-11-30 2026-12-01",
        "20261129055703123456",
        "1764395823123456789",
        "C-000218",
        "C-000218-01",
        "S-2026-09",
        "ACC-4111111111111112",
        "SM4111a1111b2222c3333d4444e5555f66",
        "550e8400-e29b-41d4-a716-446655440000",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "1. 450.00 2. 520.00 3. 310.00 4. 480.00",
        "210000000003139471430009017",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18",
        "192.168.100.200, 10.20.30.40",
    ],
)
def test_what_only_looks_like_one(harmless: str) -> None:
    assert not holds_card_number(harmless)
    assert mask_card_numbers(harmless) == harmless
    assert blotted(harmless) == harmless


# --- many of each ---------------------------------------------------------------------------------------------


def made_number(chance: random.Random) -> str:
    start = chance.choice(
        ["4", "51", "53", "55", "2221", "2720", "6011", "62", "3528", "34", "37", "36", "6759"]
    )
    size = {"34": 15, "37": 15, "36": 14}.get(start, 16)
    digits = start + "".join(chance.choices("0123456789", k=size - 1 - len(start)))
    return next(digits + last for last in "0123456789" if luhn(digits + last))


def made_iban(chance: random.Random, country: str) -> str:
    bban = "".join(chance.choices("0123456789", k=IBAN_LENGTHS[country] - 4))
    check = 98 - int("".join(str(int(sign, 36)) for sign in f"{bban}{country}00")) % 97
    return f"{country}{check:02d}{bban}"


def test_precision_and_recall_of_many(capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(5)
    spellings = [chance.choice(list(SIGNS.values())).join(grouped(made_number(chance))) for _ in range(2000)]
    plain = [chance.choice(AROUND).format(made_number(chance)) for _ in range(2000)]
    ibans = [
        made_iban(chance, country) for country in ("DE", "NL", "NO", "AT", "FR", "GB") for _ in range(500)
    ]
    ibans = [*ibans, *(" ".join(re.findall(".{1,4}", iban)) for iban in ibans)]
    decimals = [repr(chance.random() * 10 ** chance.randint(0, 6)) for _ in range(2000)]
    telephones = [f"+{chance.randint(10**10, 10**14)}" for _ in range(2000)]
    lists = [", ".join(f"0{chance.randint(10**8, 10**10)}" for _ in range(4)) for _ in range(1000)]
    harmless = {"IBANs": ibans, "decimals": decimals, "telephones": telephones, "lists of them": lists}
    seen = sum(map(holds_card_number, spellings + plain))
    wrong = {name: sum(map(holds_card_number, texts)) for name, texts in harmless.items()}
    recall = seen / len(spellings + plain)
    precision = seen / (seen + sum(wrong.values()))
    with capsys.disabled():
        print(f"\ncard numbers: recall {recall:.4f}, precision {precision:.4f}; wrongly seen: {wrong}")  # noqa: T201
    assert recall == 1
    assert wrong == dict.fromkeys(harmless, 0)
