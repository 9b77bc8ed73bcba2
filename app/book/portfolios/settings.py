"""Settings of a portfolio: one row a setting, and the rules of changing one. Pure.

A new setting is a column of `Portfolio` and one row of `SETTINGS`; `desk portfolio set | show`, the page and the API
read this table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from app.book.portfolios.rules import CollectorKind
from app.core.errors import Invalid
from app.core.money import BadAmount, to_decimal_string, to_minor
from app.core.types import JsonObject
from app.policy.zones import ZONES


class SettingKind(Enum):
    TEXT = "text"
    NUMBER = "number"
    AMOUNT = "amount"
    RATE = "per cent a year, such as 6 or 5.9"
    YES_NO = "yes or no"
    ZONE = "time zone"
    EDGES = "days, such as 1,30,60,90"


class Changeable(Enum):
    """Time until which a setting may be changed."""

    ALWAYS = "at any time"
    BEFORE_FIRST_DAY = "until the first business day is closed"
    """Closed days were counted with it, so a change would make them wrong."""
    NEVER = "only when the portfolio is opened"


@dataclass(frozen=True)
class PortfolioSetting:
    """One setting. `least` and `most` bound a number; `column` is the field of `Portfolio`."""

    name: str
    column: str
    kind: SettingKind
    help: str
    change: Changeable = Changeable.ALWAYS
    least: int = 0
    most: int = 100_000
    longest: int = 120
    """Characters of a text."""


_TEXT, _NUMBER, _AMOUNT, _RATE, _YES_NO = (
    SettingKind.TEXT,
    SettingKind.NUMBER,
    SettingKind.AMOUNT,
    SettingKind.RATE,
    SettingKind.YES_NO,
)

SETTINGS: tuple[PortfolioSetting, ...] = (
    PortfolioSetting("creditor", "creditor", _TEXT, "Name of the creditor in letters."),
    PortfolioSetting("agency", "agency", _TEXT, "Name of the collector that writes, where it is another."),
    PortfolioSetting(
        "contact-phone", "contact_phone", _TEXT, "Telephone number that letters give.", longest=40
    ),
    PortfolioSetting("contact-email", "contact_email", _TEXT, "E-mail address that letters give."),
    PortfolioSetting("policy", "pack", _TEXT, "Policy pack of contact rules.", longest=40),
    PortfolioSetting(
        "grace-days", "grace_days", _NUMBER, "Days before a missed promise counts as broken.", most=60
    ),
    PortfolioSetting(
        "agent-instalments",
        "agent_max_instalments",
        _NUMBER,
        "Most payments of a plan that an agent may grant alone.",
        least=1,
    ),
    PortfolioSetting(
        "agent-discount",
        "agent_max_discount_percent",
        _NUMBER,
        "Most per cent of a debt that an agent may waive in a settlement alone.",
        most=100,
    ),
    PortfolioSetting(
        "manager-discount",
        "manager_max_discount_percent",
        _NUMBER,
        "Most per cent of a debt that one manager may waive in a settlement alone.",
        most=100,
    ),
    PortfolioSetting("waive-limit", "waive_limit_minor", _AMOUNT, "Most that one manager may waive alone."),
    PortfolioSetting(
        "agent-waive-limit",
        "agent_waive_minor",
        _AMOUNT,
        "Most fees that an agent may waive in an agreement alone.",
    ),
    PortfolioSetting(
        "agent-lowers-rate",
        "agent_lowers_rate",
        _YES_NO,
        "An agent may agree on a lower rate while a plan is kept.",
    ),
    PortfolioSetting(
        "promise-days", "promise_days", _NUMBER, "Days within which a promise is paid.", least=1, most=366
    ),
    PortfolioSetting(
        "settlement-days",
        "settlement_days",
        _NUMBER,
        "Days within which a settlement is paid.",
        least=1,
        most=1830,
    ),
    PortfolioSetting(
        "settlement-payments",
        "settlement_payments",
        _NUMBER,
        "Most payments of a settlement.",
        least=1,
        most=60,
    ),
    PortfolioSetting(
        "plan-months",
        "plan_months",
        _NUMBER,
        "Months from the first to the last payment of the longest plan.",
        least=1,
        most=120,
    ),
    PortfolioSetting(
        "first-within",
        "first_within_days",
        _NUMBER,
        "Days within which the first payment of an agreement is due.",
        least=1,
        most=366,
    ),
    PortfolioSetting(
        "offer-days",
        "offer_days",
        _NUMBER,
        "Days for which an offer stands, at most until its first payment.",
        least=1,
        most=366,
    ),
    PortfolioSetting(
        "lowest-rate", "lowest_apr_millionths", _RATE, "Lowest yearly rate that an agreement may set."
    ),
    PortfolioSetting(
        "tolerance",
        "tolerance_minor",
        _AMOUNT,
        "What an instalment may be short and still counts as paid.",
    ),
    PortfolioSetting(
        "moves-a-month", "moves_a_month", _NUMBER, "Due dates of an agreement moved in a month.", most=5
    ),
    PortfolioSetting(
        "move-days", "move_days", _NUMBER, "Days by which a due date may be moved.", least=1, most=31
    ),
    PortfolioSetting(
        "skips", "plan_skips", _NUMBER, "Most instalments of an agreement that may be skipped.", most=12
    ),
    PortfolioSetting(
        "legal-after-days",
        "legal_after_days",
        _NUMBER,
        "Days past due from which a case may be nominated for legal action.",
        least=1,
    ),
    PortfolioSetting(
        "legal-minimum", "legal_min_minor", _AMOUNT, "Smallest debt that is nominated for legal action."
    ),
    PortfolioSetting(
        "legal-letter-days",
        "legal_letter_days",
        _NUMBER,
        "Days since a letter of the case left, before it may be nominated for legal action.",
        least=1,
        most=365,
    ),
    PortfolioSetting(
        "charge-off-days", "charge_off_days", _NUMBER, "Days past due at charge-off; 0 = never."
    ),
    PortfolioSetting(
        "dormant-after-days",
        "dormant_after_days",
        _NUMBER,
        "Days without an entry after which an account that owes nothing is dormant; 0 = never.",
    ),
    PortfolioSetting("accrues", "accrues", _YES_NO, "We post interest and late fees, not the creditor."),
    PortfolioSetting("late-fee", "late_fee_minor", _AMOUNT, "Fee for a missed minimum; needs accrues."),
    PortfolioSetting("day-count", "day_count", _NUMBER, "Days of a year of interest.", least=360, most=366),
    PortfolioSetting(
        "prepayments-count",
        "prepayments_count",
        _YES_NO,
        "Money paid ahead counts toward the next statements, as a loan's contract says.",
    ),
    PortfolioSetting(
        "small-debt",
        "small_debt_minor",
        _AMOUNT,
        "Past due below which a customer is not worked; 0 = every unit counts.",
    ),
    PortfolioSetting(
        "bucket-edges",
        "bucket_edges",
        SettingKind.EDGES,
        "First days past due of each bucket.",
        Changeable.BEFORE_FIRST_DAY,
    ),
    PortfolioSetting(
        "timezone",
        "timezone",
        SettingKind.ZONE,
        "Time zone of its business days.",
        Changeable.BEFORE_FIRST_DAY,
    ),
    PortfolioSetting("currency", "currency", _TEXT, "ISO 4217.", Changeable.NEVER),
    PortfolioSetting("collector", "collector", _TEXT, "First or third party.", Changeable.NEVER),
    PortfolioSetting(
        "source",
        "source",
        _TEXT,
        "Past-due amounts: computed from statements, or reported.",
        Changeable.NEVER,
    ),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


def parse_setting(name: str, text: str, currency: str) -> tuple[PortfolioSetting, str | int | bool]:
    """A setting and its new value as the column keeps it (amounts in minor units of `currency`).

    Invalid names the setting and says what it takes.
    """
    setting = BY_NAME.get(name)
    if setting is None:
        raise Invalid(f"There is no portfolio setting {name!r}. Settings: {', '.join(BY_NAME)}.", name)
    try:
        value = _read(setting, text.strip(), currency)
    except ValueError as error:
        raise Invalid(f"{name} takes {error}; {text!r} was given.", name) from None
    return setting, value


def _read(setting: PortfolioSetting, text: str, currency: str) -> str | int | bool:
    """ValueError says what the setting takes."""
    match setting.kind:
        case SettingKind.TEXT:
            if len(text) > setting.longest:
                raise ValueError(f"at most {setting.longest} characters")
            return text
        case SettingKind.NUMBER:
            return _number(text, setting.least, setting.most)
        case SettingKind.AMOUNT:
            return _amount(text, currency)
        case SettingKind.RATE:
            return _rate(text)
        case SettingKind.YES_NO:
            if text not in ("yes", "no"):
                raise ValueError("yes or no")
            return text == "yes"
        case SettingKind.ZONE:
            if text not in ZONES:
                raise ValueError("an IANA time zone, such as Europe/London")
            return text
        case SettingKind.EDGES:
            return _edges(text)


def _number(text: str, least: int, most: int) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    if not (is_number and least <= int(text) <= most):
        raise ValueError(f"a whole number from {least} to {most}")
    return int(text)


def _amount(text: str, currency: str) -> int:
    try:
        minor = to_minor(text, currency)
    except BadAmount:
        minor = -1
    if minor < 0:
        raise ValueError(f"an amount in {currency}, not negative and without separators")
    return minor


def _rate(text: str) -> int:
    """Per cent a year as millionths."""
    if not re.fullmatch(r"(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)", text):
        raise ValueError("per cent a year from 0 to 100, such as 6 or 5.9")
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(4, "0"))


def _edges(text: str) -> str:
    parts = text.split(",")
    are_numbers = all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts)
    edges = [int(part) for part in parts] if are_numbers else []
    if not edges or edges[0] != 1 or edges != sorted(set(edges)) or len(edges) > 20:
        raise ValueError("growing whole numbers that begin with 1, such as 1,30,60,90")
    return ",".join(map(str, edges))


def spelt(setting: PortfolioSetting, value: str | int | bool, currency: str) -> str:
    """A value as a person types it and `portfolio show` prints it."""
    if setting.kind is SettingKind.AMOUNT:
        return to_decimal_string(int(value), currency)
    if setting.kind is SettingKind.RATE:
        whole, part = divmod(int(value), 10_000)
        return f"{whole}.{part:04d}".rstrip("0").rstrip(".")
    if setting.kind is SettingKind.YES_NO:
        return "yes" if value else "no"
    return str(getattr(value, "value", value))


def require_together(values: JsonObject) -> None:
    """Settings of one portfolio that must fit each other, by column. Invalid names the one to change."""
    if not values["creditor"]:
        raise Invalid("The creditor's name stands in every letter and cannot be empty.", "creditor")
    if values["collector"] is CollectorKind.THIRD_PARTY and values["charge_off_days"]:
        raise Invalid("A collector charges nothing off: the creditor has done that.", "charge-off-days")
    if values["late_fee_minor"] and not values["accrues"]:
        raise Invalid("A late fee needs accrues=yes: otherwise the creditor sends its own.", "late-fee")
