"""Words of a complaint, its clocks, and what its answer needs. Pure.

Source of the clocks: the `[complaints]` section of the pack; DISP 1.5 and 1.6 for the United Kingdom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.core.errors import Conflict, Invalid
from app.policy.calendars import nth_business_day
from app.policy.sections.complaints import ComplaintRules


class ComplaintCategory(StrEnum):
    """What a complaint is about: the causes of the form of DISP 1 Annex 1R, and what collections are blamed for."""

    AGENT_CONDUCT = "agent_conduct"
    CONTACT = "contact"
    WRONG_PERSON = "wrong_person"
    AMOUNT = "amount"
    FEES = "fees"
    PAYMENT = "payment"
    HARDSHIP = "hardship"
    AGREEMENT = "agreement"
    CREDIT_REPORT = "credit_report"
    LEGAL_ACTION = "legal_action"
    PERSONAL_DATA = "personal_data"
    SELLING = "selling"
    INFORMATION = "information"
    SERVICE = "service"
    ARREARS = "arrears"
    OTHER = "other"


CATEGORY_LABELS: Mapping[ComplaintCategory, str] = {
    ComplaintCategory.AGENT_CONDUCT: "Conduct of an agent",
    ComplaintCategory.CONTACT: "Contact too often, or at a wrong time",
    ComplaintCategory.WRONG_PERSON: "Wrong person",
    ComplaintCategory.AMOUNT: "Amount is wrong",
    ComplaintCategory.FEES: "Fees and interest",
    ComplaintCategory.PAYMENT: "Payment not credited",
    ComplaintCategory.HARDSHIP: "Hardship not heard",
    ComplaintCategory.AGREEMENT: "Agreement",
    ComplaintCategory.CREDIT_REPORT: "Credit report",
    ComplaintCategory.LEGAL_ACTION: "Legal action",
    ComplaintCategory.PERSONAL_DATA: "Personal data",
    ComplaintCategory.SELLING: "Advising, selling and arranging",
    ComplaintCategory.INFORMATION: "Information or the product",
    ComplaintCategory.SERVICE: "Administration or service",
    ComplaintCategory.ARREARS: "Arrears, in general",
    ComplaintCategory.OTHER: "Other",
}


class FormCause(StrEnum):
    """The causes of the complaints return, DISP 1 Annex 1R."""

    ADVISING = "advising"
    INFORMATION = "information"
    ADMIN = "admin"
    ARREARS = "arrears"
    OTHER = "other"


FORM_CAUSES: Mapping[ComplaintCategory, FormCause] = {
    ComplaintCategory.AGENT_CONDUCT: FormCause.ARREARS,
    ComplaintCategory.CONTACT: FormCause.ARREARS,
    ComplaintCategory.WRONG_PERSON: FormCause.ARREARS,
    ComplaintCategory.AMOUNT: FormCause.INFORMATION,
    ComplaintCategory.FEES: FormCause.INFORMATION,
    ComplaintCategory.PAYMENT: FormCause.ADMIN,
    ComplaintCategory.HARDSHIP: FormCause.ARREARS,
    ComplaintCategory.AGREEMENT: FormCause.ARREARS,
    ComplaintCategory.CREDIT_REPORT: FormCause.ADMIN,
    ComplaintCategory.LEGAL_ACTION: FormCause.ARREARS,
    ComplaintCategory.PERSONAL_DATA: FormCause.ADMIN,
    ComplaintCategory.SELLING: FormCause.ADVISING,
    ComplaintCategory.INFORMATION: FormCause.INFORMATION,
    ComplaintCategory.SERVICE: FormCause.ADMIN,
    ComplaintCategory.ARREARS: FormCause.ARREARS,
    ComplaintCategory.OTHER: FormCause.OTHER,
}
"""Our reading: the form leaves it to the firm."""

OF_CALLS: Mapping[str, ComplaintCategory] = {
    "fees": ComplaintCategory.FEES,
    "contact": ComplaintCategory.CONTACT,
    "staff": ComplaintCategory.AGENT_CONDUCT,
    "payment": ComplaintCategory.PAYMENT,
    "data": ComplaintCategory.PERSONAL_DATA,
    "product": ComplaintCategory.INFORMATION,
}
"""The category of a complaint on the telephone, by the field of the call's result."""


class ComplaintSeverity(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    """Harm to the customer, a person in a vulnerable situation, or the press or a regulator is involved."""


SEVERITY_LABELS: Mapping[ComplaintSeverity, str] = {
    ComplaintSeverity.LOW: "Low", ComplaintSeverity.NORMAL: "Normal", ComplaintSeverity.HIGH: "High",
}  # fmt: skip


class ComplaintChannel(StrEnum):
    """How a complaint reached us."""

    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    POST = "post"
    PAGE = "page"
    PORTAL = "portal"
    """A regulator's or ombudsman's portal, where another clock may run."""
    OTHER = "other"


COMPLAINT_CHANNEL_LABELS: Mapping[ComplaintChannel, str] = {
    ComplaintChannel.CALL: "Telephone",
    ComplaintChannel.SMS: "SMS",
    ComplaintChannel.EMAIL: "E-mail",
    ComplaintChannel.POST: "Letter",
    ComplaintChannel.PAGE: "Their own page",
    ComplaintChannel.PORTAL: "Regulator's portal",
    ComplaintChannel.OTHER: "Another way",
}


class ComplaintOutcome(StrEnum):
    UPHELD = "upheld"
    PARTLY = "partly"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


OUTCOME_LABELS: Mapping[ComplaintOutcome, str] = {
    ComplaintOutcome.UPHELD: "Upheld",
    ComplaintOutcome.PARTLY: "Partly upheld",
    ComplaintOutcome.REJECTED: "Rejected",
    ComplaintOutcome.WITHDRAWN: "Withdrawn",
}


class AnswerKind(StrEnum):
    """How a complaint was closed."""

    SUMMARY = "summary"
    """A summary resolution communication: the customer accepted it, within the business days of the pack."""
    FINAL = "final"
    WITHDRAWN = "withdrawn"
    """The customer took it back."""
    HOLD = "hold"
    """It ended as a hold, before complaints were rows of their own."""


ANSWER_LABELS: Mapping[AnswerKind, str] = {
    AnswerKind.SUMMARY: "Summary resolution",
    AnswerKind.FINAL: "Final response",
    AnswerKind.WITHDRAWN: "Withdrawn",
    AnswerKind.HOLD: "Ended as a hold",
}


class FinalForm(StrEnum):
    """What a final response does (DISP 1.6.2R(1))."""

    ACCEPT = "accept"
    """It accepts the complaint and, where appropriate, offers redress."""
    OFFER = "offer"
    """It offers redress without accepting the complaint."""
    REJECT = "reject"
    """It rejects the complaint and gives reasons."""


FORM_LABELS: Mapping[FinalForm, str] = {
    FinalForm.ACCEPT: "accepts the complaint",
    FinalForm.OFFER: "does something for them without accepting it",
    FinalForm.REJECT: "rejects the complaint",
}


class LetterKind(StrEnum):
    """Letters of a complaint."""

    ACKNOWLEDGEMENT = "acknowledgement"
    HOLDING = "holding"
    SUMMARY = "summary"
    FINAL = "final"


LETTERS: Mapping[LetterKind, str] = {
    LetterKind.ACKNOWLEDGEMENT: "complaint_acknowledged",
    LetterKind.HOLDING: "complaint_holding",
    LetterKind.SUMMARY: "complaint_summary_resolution",
    LetterKind.FINAL: "complaint_final_response",
}
LETTER_LABELS: Mapping[LetterKind, str] = {
    LetterKind.ACKNOWLEDGEMENT: "Acknowledgement",
    LetterKind.HOLDING: "Holding letter",
    LetterKind.SUMMARY: "Summary resolution",
    LetterKind.FINAL: "Final response",
}


class OmbudsmanStage(StrEnum):
    NONE = "none"
    REFERRED = "referred"
    DECIDED_FOR_US = "decided_for_us"
    DECIDED_FOR_CUSTOMER = "decided_for_customer"


OMBUDSMAN_LABELS: Mapping[OmbudsmanStage, str] = {
    OmbudsmanStage.NONE: "Not referred",
    OmbudsmanStage.REFERRED: "Referred",
    OmbudsmanStage.DECIDED_FOR_US: "Decided for us",
    OmbudsmanStage.DECIDED_FOR_CUSTOMER: "Decided for the customer",
}


class RedressStatus(StrEnum):
    REQUESTED = "requested"
    PAID = "paid"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class ReceivedComplaint:
    """A complaint as it was received."""

    words: str
    category: ComplaintCategory = ComplaintCategory.OTHER
    channel: ComplaintChannel = ComplaintChannel.OTHER
    severity: ComplaintSeverity = ComplaintSeverity.NORMAL
    received_at: datetime | None = None
    """None = now."""
    account_id: int | None = None
    about_staff: str = ""
    owner: str = ""


WORDS_EMPTY = "Write down what the customer said."
LONGEST_WORDS = 4000
LONGEST_REASONS = 3000
HOLDING_DAYS_BEFORE = 3
"""The night writes the holding letter so many days before the day by which it is owed, so that it arrives by post."""
HOLDING_ADDS_DAYS = 28
"""A holding letter says that the answer comes within so many days; our choice."""
OLDEST_RECEIPT_DAYS = 366
"""A complaint that is put on record now was received at most so long ago."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The days by which a complaint is answered, all of them counted as in time."""

    resolve_by: date | None
    """Last day on which a summary resolution is enough; None = nowhere."""
    first_by: date | None
    """Last day for the first response of a regulator's portal; None = it came another way."""
    answer_by: date
    holding_from: date | None
    """First day on which the night writes the holding letter; None = the law knows none."""


def clocks_of(rules: ComplaintRules, received_on: date, country: str, channel: ComplaintChannel) -> Clocks:
    """The clocks of a complaint that was received on this day where the portfolio is; the day of receipt is day 0.
    `country`: whose public holidays are no business days."""
    days, first = rules.answer_days, None
    if channel is ComplaintChannel.PORTAL and rules.portal_answer_days is not None:
        days = rules.portal_answer_days
        first = rules.portal_first_days and received_on + timedelta(days=rules.portal_first_days)
    answer_by = received_on + timedelta(days=days)
    resolve = rules.resolve_business_days
    return Clocks(
        nth_business_day(received_on, resolve, country) if resolve is not None else None,
        first or None,
        answer_by,
        answer_by - timedelta(days=min(HOLDING_DAYS_BEFORE, days)) if rules.holding_letter else None,
    )


def require_answer(
    kind: AnswerKind,
    outcome: ComplaintOutcome,
    form: FinalForm | None,
    *,
    resolve_by: date | None,
    today: date,
) -> None:
    """Invalid, naming the field, where this cannot close a complaint: without its final response one closes only by a
    summary resolution within its business days, or because the customer withdrew it."""
    if kind is AnswerKind.HOLD:
        raise Invalid("A complaint is not closed by the end of its hold. Choose how it was answered.", "kind")
    withdrawn = outcome is ComplaintOutcome.WITHDRAWN
    if withdrawn is not (kind is AnswerKind.WITHDRAWN):
        raise Invalid(
            "A complaint is withdrawn by the customer, and then has no letter with a decision. Choose both or neither.",
            "outcome",
        )
    if kind is AnswerKind.SUMMARY:
        if resolve_by is None:
            raise Invalid("Where this customer lives a complaint needs its final response.", "kind")
        if today > resolve_by:
            raise Invalid(
                f"A summary resolution was possible until {resolve_by}. Write the final response.", "kind"
            )
    if kind is AnswerKind.FINAL:
        require_form(outcome, form)


def require_form(outcome: ComplaintOutcome, form: FinalForm | None) -> None:
    """Invalid where what the final response does is not the outcome."""
    fitting = {
        ComplaintOutcome.UPHELD: (FinalForm.ACCEPT,),
        ComplaintOutcome.PARTLY: (FinalForm.ACCEPT, FinalForm.OFFER),
        ComplaintOutcome.REJECTED: (FinalForm.REJECT, FinalForm.OFFER),
    }[outcome]
    if form is None:
        raise Invalid(
            "Say what the final response does: accepts, offers without accepting, or rejects.", "form"
        )
    if form not in fitting:
        raise Invalid(
            f"A final response that {FORM_LABELS[form]} does not fit: the complaint is"
            f" {OUTCOME_LABELS[outcome].lower()}. Change the one or the other.",
            "form",
        )


def require_stage(was: OmbudsmanStage, becomes: OmbudsmanStage) -> None:
    """Conflict where the ombudsman's stage cannot follow."""
    follows = {
        OmbudsmanStage.NONE: (OmbudsmanStage.REFERRED,),
        OmbudsmanStage.REFERRED: (OmbudsmanStage.DECIDED_FOR_US, OmbudsmanStage.DECIDED_FOR_CUSTOMER),
        OmbudsmanStage.DECIDED_FOR_US: (),
        OmbudsmanStage.DECIDED_FOR_CUSTOMER: (),
    }[was]
    if becomes not in follows:
        said = OMBUDSMAN_LABELS[was].lower()
        raise Conflict(f"This complaint is {said} with the ombudsman; it cannot become {becomes.value}.")


def is_on_time(kind: AnswerKind, answered_on: date, answer_by: date) -> bool:
    """True if the complaint was closed with its letter by its day."""
    return kind in (AnswerKind.SUMMARY, AnswerKind.FINAL) and answered_on <= answer_by
