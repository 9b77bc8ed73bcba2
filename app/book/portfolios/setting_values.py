"""Values of portfolio settings as a person types them: each raises ValueError that says what is taken. Pure."""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from typing import Protocol

from app.core.money import BadAmount, to_minor


class SettingKind(Enum):
    TEXT = "text"
    NUMBER = "number"
    AMOUNT = "amount"
    RATE = "per cent a year, such as 6 or 5.9"
    YES_NO = "yes or no"
    ZONE = "time zone"
    EDGES = "days, such as 1,30,60,90"
    PAYEE = "name of an account's holder"
    IBAN = "IBAN"
    BIC = "BIC"
    DATE = "date, such as 2026-03-31"


def read_number(text: str, least: int, most: int) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    if not (is_number and least <= int(text) <= most):
        raise ValueError(f"a whole number from {least} to {most}")
    return int(text)


def read_date(text: str) -> date | None:
    """An ISO date; '' = none."""
    if not text:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date, such as 2026-03-31, or nothing") from None


def read_amount(text: str, currency: str) -> int:
    try:
        minor = to_minor(text, currency)
    except BadAmount:
        minor = -1
    if minor < 0:
        raise ValueError(f"an amount in {currency}, not negative and without separators")
    return minor


def read_rate(text: str) -> int:
    """Per cent a year as millionths."""
    if not re.fullmatch(r"(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)", text):
        raise ValueError("per cent a year from 0 to 100, such as 6 or 5.9")
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(4, "0"))


def read_edges(text: str) -> str:
    parts = text.split(",")
    are_numbers = all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts)
    edges = [int(part) for part in parts] if are_numbers else []
    if not edges or edges[0] != 1 or edges != sorted(set(edges)) or len(edges) > 20:
        raise ValueError("growing whole numbers that begin with 1, such as 1,30,60,90")
    return ",".join(map(str, edges))


def read_payee(text: str, longest: int) -> str:
    """A name as it fits a payment code: the letters of ISO 8859-1, of which a banking app reads all."""
    if len(text) > longest or not text.isprintable() or any(ord(each) > 0xFF for each in text):
        raise ValueError(f"at most {longest} Latin letters, digits and signs, as the bank has the name")
    return text


class _BankCode(Protocol):
    def compact(self, number: str) -> str: ...
    def is_valid(self, number: str) -> bool: ...


def read_bank_code(text: str, code: _BankCode, wanted: str) -> str:
    if not text:
        return ""
    if not code.is_valid(text):
        raise ValueError(wanted)
    return code.compact(text)
