"""Payment codes: each line as EPC069-12 has it, and no code where none could be paid from."""

from __future__ import annotations

import pytest

from app.outreach.agreements.payment_code import MOST_MINOR, Payee, payment_code

BANK = Payee("Havenbank N.V.", "NL91ABNA0417164300", "ABNANL2A")
RF = "RF18539007547034"


def test_a_code_has_the_lines_of_the_standard_in_its_order() -> None:
    assert payment_code(BANK, 12_345, "EUR", RF).split("\n") == [
        "BCD", "002", "1", "SCT", "ABNANL2A", "Havenbank N.V.", "NL91ABNA0417164300", "EUR123.45", "", RF,
    ]  # fmt: skip


def test_a_reference_without_check_digits_of_iso_11649_is_text_of_the_payment() -> None:
    lines = payment_code(Payee("Bank", "NL91ABNA0417164300"), 100, "EUR", "P-000003/1").split("\n")
    assert lines[4] == ""
    assert lines[9:] == ["", "P-000003/1"]


def test_a_spaced_iban_and_reference_are_written_without_spaces() -> None:
    lines = payment_code(Payee("Bank", "nl91 abna 0417 1643 00"), 100, "EUR", "RF18 5390 0754 7034").split(
        "\n"
    )
    assert lines[6] == "NL91ABNA0417164300"
    assert lines[9] == RF


def test_a_name_outside_ascii_is_written_in_iso_8859_1() -> None:
    lines = payment_code(Payee("Müller Inkasso", BANK.iban), 100, "EUR", RF).split("\n")
    assert lines[2] == "2"


@pytest.mark.parametrize(
    ("payee", "amount", "currency", "reference"),
    [
        (BANK, 100, "GBP", RF),
        (BANK, 100, "CNY", RF),
        (BANK, 0, "EUR", RF),
        (BANK, -1, "EUR", RF),
        (BANK, MOST_MINOR + 1, "EUR", RF),
        (Payee("Havenbank", "NL91ABNA0417164301"), 100, "EUR", RF),
        (Payee("Havenbank", ""), 100, "EUR", RF),
        (Payee("", BANK.iban), 100, "EUR", RF),
        (Payee("x" * 71, BANK.iban), 100, "EUR", RF),
        (Payee("港灣", BANK.iban), 100, "EUR", RF),
        (Payee("Bank\nEUR1", BANK.iban), 100, "EUR", RF),
        (BANK, 100, "EUR", "RF18\nEUR1.00"),
    ],
)
def test_no_code_is_made_that_could_not_be_paid_or_could_carry_another_line(
    payee: Payee, amount: int, currency: str, reference: str
) -> None:
    assert payment_code(payee, amount, currency, reference) == ""


def test_the_most_that_the_scheme_takes_still_has_a_code() -> None:
    assert "EUR999999999.99" in payment_code(BANK, MOST_MINOR, "EUR", RF)
