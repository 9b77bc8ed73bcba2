"""Settings of a portfolio: one row a setting, and the rules of changing one (long by design: one table). Pure.

A new setting is a column of `Portfolio` and one row of `SETTINGS`; `desk portfolio set | show`, the page and the API
read this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from stdnum import bic, iban

from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.setting_values import (
    SettingKind,
    read_amount,
    read_bank_code,
    read_date,
    read_edges,
    read_number,
    read_payee,
    read_rate,
)
from app.core.errors import Invalid
from app.core.money import to_decimal_string
from app.core.types import JsonObject
from app.policy.overrides import ComplaintStops
from app.policy.zones import ZONES


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
    PortfolioSetting(
        "creditor-address",
        "creditor_address",
        _TEXT,
        "Postal address of the creditor on one line, where an agency writes: statutory notices name it.",
        longest=200,
    ),
    PortfolioSetting(
        "payment-term",
        "payment_term",
        _TEXT,
        "Term of the card agreement by which payments fall due, as default notices name it: clause 4 (Payments).",
    ),
    PortfolioSetting(
        "creditor-complaints",
        "creditor_complaints",
        _TEXT,
        "Telephone number at which the creditor takes complaints, where an agency writes (Taiwan).",
        longest=40,
    ),
    PortfolioSetting(
        "complaint-stops",
        "complaint_stops",
        _TEXT,
        "What an open complaint stops besides legal steps: nothing, reminders or everything. What the law says, stays.",
        longest=12,
    ),
    PortfolioSetting(
        "hardship-days", "hardship_days", _NUMBER, "Longest help with payments, in days.", least=1, most=366
    ),
    PortfolioSetting(
        "hardship-agent-days",
        "hardship_agent_days",
        _NUMBER,
        "Longest help with payments that an agent grants, in days; beyond it a manager does.",
        most=366,
    ),
    PortfolioSetting(
        "hardship-pauses",
        "hardship_pauses",
        _YES_NO,
        "While granted help lasts, nothing is charged and days past due stand still.",
    ),
    PortfolioSetting(
        "voicemail-name",
        "voicemail_name",
        _TEXT,
        "Business name that a caller leaves on voicemail, where an agency calls; it must not tell of debt collection.",
        longest=80,
    ),
    PortfolioSetting(
        "original-creditor",
        "original_creditor",
        _TEXT,
        "Name of whoever sold these debts to the creditor; empty = they were not bought.",
    ),
    PortfolioSetting(
        "assigned-on",
        "assigned_on",
        SettingKind.DATE,
        "Day on which debts that were bought passed to the creditor: a notice of it is owed where the law says so.",
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
    PortfolioSetting(
        "waive-limit", "waive_limit_minor", _AMOUNT, "Most that one manager may waive or credit alone."
    ),
    PortfolioSetting(
        "agent-waive-limit",
        "agent_waive_minor",
        _AMOUNT,
        "Most that an agent may waive or credit alone, in an agreement too.",
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
        "token-months", "token_months", _NUMBER, "Most months of token payments; 0 = none.", most=24
    ),
    PortfolioSetting(
        "reduced-months",
        "reduced_months",
        _NUMBER,
        "Most months for which instalments are reduced; 0 = none.",
        most=24,
    ),
    PortfolioSetting(
        "agent-relief-months",
        "agent_relief_months",
        _NUMBER,
        "Months of token or reduced payments that an agent may grant alone.",
        most=24,
    ),
    PortfolioSetting(
        "skips", "plan_skips", _NUMBER, "Most instalments of an agreement that may be skipped.", most=12
    ),
    PortfolioSetting(
        "agent-skips",
        "agent_skips_a_year",
        _NUMBER,
        "Instalments of a customer that an agent may let be skipped in a year.",
        most=12,
    ),
    PortfolioSetting(
        "manager-skips",
        "manager_skips_a_year",
        _NUMBER,
        "Instalments of a customer that one manager may let be skipped in a year.",
        most=12,
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
    PortfolioSetting(
        "creditor-lowers-rates",
        "creditor_lowers_rates",
        _YES_NO,
        "The creditor charges the interest, and lowers it where an agreement says so: a task names account and rate.",
    ),
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
        "control-share",
        "control_share_percent",
        _NUMBER,
        "Per cent of new cases whose ordinary reminders wait, to see what reminders add; 0 = none.",
        most=10,
    ),
    PortfolioSetting(
        "control-days",
        "control_days",
        _NUMBER,
        "Days for which the ordinary reminders of the control share wait.",
        least=1,
        most=30,
    ),
    PortfolioSetting("cost-sms", "cost_sms_minor", _AMOUNT, "Cost of an SMS."),
    PortfolioSetting("cost-email", "cost_email_minor", _AMOUNT, "Cost of an e-mail."),
    PortfolioSetting("cost-letter", "cost_letter_minor", _AMOUNT, "Cost of a letter, postage included."),
    PortfolioSetting("cost-agent-hour", "cost_agent_hour_minor", _AMOUNT, "Cost of an agent's hour, all in."),
    PortfolioSetting(
        "cost-legal-case", "cost_legal_case_minor", _AMOUNT, "Cost of a case at the legal team."
    ),
    PortfolioSetting("call-minutes", "cost_call_minutes", _NUMBER, "Minutes of a call.", least=1, most=240),
    PortfolioSetting(
        "remind-days",
        "remind_days",
        _NUMBER,
        "Days before an instalment of an agreement is due on which its reminder leaves; 0 = none does.",
        most=30,
    ),
    PortfolioSetting(
        "remind-post-days",
        "remind_post_days",
        _NUMBER,
        "Days before an instalment is due on which its reminder leaves by post; 0 = none does.",
        most=30,
    ),
    PortfolioSetting(
        "remind-today",
        "remind_today",
        _YES_NO,
        "An instalment that did not come yet is reminded of on the day it is due.",
    ),
    PortfolioSetting(
        "remind-grace-days",
        "remind_grace_days",
        _NUMBER,
        "Days after its due date on which a missing instalment is reminded of, within its grace days; 0 = never.",
        most=60,
    ),
    PortfolioSetting(
        "survey-share",
        "survey_share_percent",
        _NUMBER,
        "Per cent of closed cases and contacts after which the customer is asked how satisfied they are; 0 = none.",
        most=100,
    ),
    PortfolioSetting(
        "survey-channel",
        "survey_channel",
        _TEXT,
        "Channel of that question: email or sms; the other one for a customer without such an address.",
        longest=10,
    ),
    PortfolioSetting(
        "survey-after-case", "survey_after_case", _YES_NO, "The question follows a case that was closed."
    ),
    PortfolioSetting(
        "survey-after-call",
        "survey_after_call",
        _YES_NO,
        "The question follows a call in which the customer spoke with us.",
    ),
    PortfolioSetting(
        "survey-after-message",
        "survey_after_message",
        _YES_NO,
        "The question follows our answer to a customer's message.",
    ),
    PortfolioSetting(
        "survey-gap-days",
        "survey_gap_days",
        _NUMBER,
        "Fewest days between two such questions to one customer.",
        least=30,
        most=731,
    ),
    PortfolioSetting(
        "survey-remind-days",
        "survey_remind_days",
        _NUMBER,
        "Days without an answer after which the question is sent once more; 0 = it is not.",
        most=14,
    ),
    PortfolioSetting(
        "payee",
        "payee",
        SettingKind.PAYEE,
        "Holder of the account that customers pay into, as its bank has it; empty = the creditor.",
        longest=70,
    ),
    PortfolioSetting(
        "payee-iban",
        "payee_iban",
        SettingKind.IBAN,
        "IBAN of the account that customers pay into; empty = they pay as their card statement says.",
    ),
    PortfolioSetting(
        "payee-bic", "payee_bic", SettingKind.BIC, "BIC of that account's bank, where its country wants one."
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
SettingValue = str | int | bool | date | None
BY_NAME = {setting.name: setting for setting in SETTINGS}


def parse_setting(name: str, text: str, currency: str) -> tuple[PortfolioSetting, SettingValue]:
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


def _read(setting: PortfolioSetting, text: str, currency: str) -> SettingValue:
    """ValueError says what the setting takes."""
    match setting.kind:
        case SettingKind.TEXT:
            if len(text) > setting.longest:
                raise ValueError(f"at most {setting.longest} characters")
            return text
        case SettingKind.NUMBER:
            return read_number(text, setting.least, setting.most)
        case SettingKind.AMOUNT:
            return read_amount(text, currency)
        case SettingKind.RATE:
            return read_rate(text)
        case SettingKind.YES_NO:
            if text not in ("yes", "no"):
                raise ValueError("yes or no")
            return text == "yes"
        case SettingKind.DATE:
            return read_date(text)
        case SettingKind.ZONE:
            if text not in ZONES:
                raise ValueError("an IANA time zone, such as Europe/London")
            return text
        case SettingKind.EDGES:
            return read_edges(text)
        case SettingKind.PAYEE:
            return read_payee(text, setting.longest)
        case SettingKind.IBAN:
            return read_bank_code(
                text, iban, "an IBAN with the right check digits, such as NL91 ABNA 0417 1643 00"
            )
        case SettingKind.BIC:
            return read_bank_code(text, bic, "a BIC of 8 or 11 characters, such as ABNANL2A")


def spelt(setting: PortfolioSetting, value: SettingValue, currency: str) -> str:
    """A value as a person types it and `portfolio show` prints it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
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
    if bool(values["original_creditor"]) is not bool(values["assigned_on"]):
        missing = "assigned-on" if values["original_creditor"] else "original-creditor"
        raise Invalid("Debts that were bought have a seller and a day: set both, or neither.", missing)
    if values["payee_bic"] and not values["payee_iban"]:
        raise Invalid("A BIC says little without an IBAN. Set payee-iban too.", "payee-iban")
    if values["survey_channel"] not in ("email", "sms"):
        raise Invalid("The question goes by email or by sms. Write one of the two.", "survey-channel")
    if values["complaint_stops"] not in set(ComplaintStops):
        raise Invalid(
            "A complaint stops nothing, reminders or everything. Write one of the three words.",
            "complaint-stops",
        )
    if values["late_fee_minor"] and not values["accrues"]:
        raise Invalid("A late fee needs accrues=yes: otherwise the creditor sends its own.", "late-fee")
    if values["creditor_lowers_rates"] and values["accrues"]:
        raise Invalid(
            "We post the interest of this portfolio, and lower it ourselves. Set creditor-lowers-rates=no.",
            "creditor-lowers-rates",
        )
