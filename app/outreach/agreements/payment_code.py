"""Payment code: what a banking app reads off the QR code of an instalment (EPC069-12, SEPA credit transfer). Pure.

The code exists for payments in euros alone: the scheme has no other currency, and a transfer in another one could not
be made from it. Its lines, in order: `BCD`, version 002, character set, `SCT`, BIC, name, IBAN, amount, purpose,
structured reference or text, information.
"""

from __future__ import annotations

from dataclasses import dataclass

from stdnum import iban, iso11649

from app.core.money import to_decimal_string

CURRENCY = "EUR"
MOST_MINOR = 99_999_999_999
"""EUR 999,999,999.99: the most that a code may ask for."""
LONGEST_NAME, LONGEST_TEXT = 70, 140


@dataclass(frozen=True, slots=True)
class Payee:
    """The account that customers pay into."""

    name: str
    iban: str
    bic: str = ""


def payment_code(payee: Payee, amount_minor: int, currency: str, reference: str) -> str:
    """The lines of the code, joined by line feeds; '' = no code can be made of this.

    A reference by ISO 11649 (`RF...`) goes where a bank checks its digits; any other is the text of the payment.
    """
    if currency != CURRENCY or not iban.is_valid(payee.iban) or not 0 < amount_minor <= MOST_MINOR:
        return ""
    # Banks read ISO 8859-1 (2) without a mark of their own; plain ASCII is valid UTF-8 (1) too.
    text = f"{payee.name}{reference}"
    if not payee.name or len(payee.name) > LONGEST_NAME or not text.isprintable() or max(text) > "\xff":
        return ""
    compact = reference.replace(" ", "")
    structured = compact if iso11649.is_valid(compact) else ""
    lines = [
        "BCD",
        "002",
        "1" if text.isascii() else "2",
        "SCT",
        payee.bic,
        payee.name,
        iban.compact(payee.iban),
        f"EUR{to_decimal_string(amount_minor, currency)}",
        "",
        structured,
        "" if structured else reference[:LONGEST_TEXT],
    ]
    return "\n".join(lines).rstrip("\n")
