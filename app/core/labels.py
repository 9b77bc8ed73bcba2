"""The words for kinds, results and statuses, as pages, letters, commands and exports print them.

Keyed by the value as rows and JSON hold it, so a member of the enum finds its word too. Labels are written for the
beginning of a line; `in_sentence` gives the word for the middle of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from app.core.vocabulary import HOLD_TRAITS, HoldKind

Labels = Mapping[str, str]


def in_sentence(label: str) -> str:
    """The label within a sentence: `e-mail`, `call`; an abbreviation keeps its capitals."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


CHANNEL_LABELS: Labels = {"sms": "SMS", "email": "E-mail", "post": "Letter", "call": "Call"}
CHANNEL_PLURALS: Labels = {"sms": "SMS", "email": "E-mails", "post": "Letters", "call": "Calls"}
HOLD_LABELS: Labels = {kind.value: HOLD_TRAITS[kind].label for kind in HoldKind}
HOLD_END_LABELS: Labels = {
    "decision": "A person decided it",
    "verification": "The verification of the debt was sent",
    "silence": "The attorney did not answer",
}
INTENT_LABELS: Labels = {
    "stop": "No more SMS",
    "stop_calls": "No more calls",
    "stop_email": "No more e-mail",
    "cease": "No contact at all",
    "maybe_stop": "Perhaps: no more SMS",
    "start": "SMS again",
    "help": "Asks for help",
    "wrong_number": "Not the right person",
    "dispute": "Dispute",
    "attorney": "Attorney",
    "bankruptcy": "Bankruptcy",
    "deceased": "Somebody died",
    "hardship": "Cannot pay",
    "call_me": "Wants a call",
    "reaction": "Reaction",
    "paid": "Says it is paid",
    "complaint": "Perhaps: a complaint",
    "support_need": "Needs support",
    "promise": "Says when they pay",
    "question": "Asks a question",
    "maybe_dispute": "Perhaps: a dispute",
    "auto_reply": "Automatic reply",
}
"""Intents of a cardholder's message."""
REVIEW_LABELS: Labels = {
    "automatic": "Obeyed or answered by itself",
    "stopped": "No more SMS to them",
    "stands": "Confirmed, block kept",
    "lifted": "Block removed",
    "done": "Dealt with",
}
"""Results of a person's review of a message."""
SUPPRESSION_LABELS: Labels = {
    "bounced": "the address does not exist, or is closed",
    "keeps_bouncing": "messages kept coming back",
    "complaint": "reported as spam by the reader",
    "refused": "the provider refuses the address",
    "manual": "somebody asked for it",
}
"""Reasons why an address is not written to any more."""
ENTRY_LABELS: Labels = {
    "opening_balance": "Opening balance",
    "purchase": "Purchase",
    "cash_advance": "Cash advance",
    "interest": "Interest",
    "fee": "Fee",
    "payment": "Payment",
    "refund": "Refund",
    "credit": "Credit",
    "adjustment": "Adjustment",
    "reversal": "Reversal",
    "write_off": "Write-off",
    "recovery": "Recovery",
}
PLAN_LABELS: Labels = {
    "promise": "Promise to pay",
    "instalments": "Repayment plan",
    "settlement": "Settlement",
    "hardship": "Hardship plan",
}
OPTION_LABELS: Labels = {
    "pay_now": "Payment now",
    "promise": "Promise to pay",
    "short_plan": "Short plan",
    "long_plan": "Long plan",
    "settlement": "Settlement",
    "hardship": "Hardship plan",
    "re_age": "Re-age",
}
"""Kinds of offer in a negotiation."""
OFFER_LABELS: Labels = {
    "shown": "Shown",
    "countered": "Customer's proposal",
    "refused": "Refused",
    "accepted": "Accepted",
    "expired": "Expired",
    "not_offered": "Not offered",
}
GRANT_LABELS: Labels = {"agent": "Agent", "manager": "Manager", "two": "Two managers"}
"""The least authority that may grant an offer."""
CADENCE_LABELS: Labels = {
    "once": "Once",
    "weekly": "Every week",
    "fortnightly": "Every two weeks",
    "four_weekly": "Every four weeks",
    "monthly": "Every month",
    "custom": "On agreed dates",
}
FREQUENCY_LABELS: Labels = {
    "weekly": "Every week",
    "fortnightly": "Every two weeks",
    "four_weekly": "Every four weeks",
    "monthly": "Every month",
    "yearly": "Every year",
}
FIGURE_SOURCE_LABELS: Labels = {
    "said": "As the customer says",
    "document": "Payslip, bill or bank statement seen",
    "bank_data": "Bank data, with consent",
    "adviser": "From the adviser",
    "estimate": "Estimate",
}
TENURE_LABELS: Labels = {
    "owner": "Owns the home",
    "mortgage": "Owns the home with a mortgage",
    "private_tenant": "Private tenant",
    "social_tenant": "Social tenant",
    "with_parents": "Lives with parents",
    "other": "Other",
}
EMPLOYMENT_LABELS: Labels = {
    "full_time": "Full-time",
    "part_time": "Part-time",
    "self_employed": "Self-employed",
    "unemployed": "Unemployed",
    "unable_to_work": "Unable to work, illness or disability",
    "retired": "Retired",
    "carer": "Carer",
    "student": "Student",
    "other": "Other",
}
"""Household statements: how often a figure comes, its source, the home and the work of the household."""
ACCEPTANCE_LABELS: Labels = {
    "phone": "By telephone",
    "writing": "In writing",
    "page": "On the cardholder's page",
    "payment": "By paying",
}
DOCUMENT_LABELS: Labels = {
    "agreement": "Credit agreement",
    "assignment": "Assignment of the debt",
    "statement": "Statement",
    "letter_of_claim": "Letter of claim",
    "default_notice": "Default notice",
    "validation_notice": "Validation notice",
    "payment_demand": "Payment demand",
    "inkassovarsel": "Inkassovarsel (Norway)",
    "fourteen_day_letter": "Fourteen-day letter (Netherlands)",
    "collection_notice_de": "Notice before collection (Germany)",
    "collection_notice_on": "Notice before collection (Ontario)",
    "collection_notice_qc": "Notice before collection (Quebec)",
    "collection_notice_tw": "Notice before collection (Taiwan)",
    "assignment_notice": "Notice of assignment",
    "verification": "Verification of the debt",
    "authority": "Authority of a representative",
    "correspondence": "Correspondence",
    "other": "Other",
}
CONTACT_LABELS: Labels = {
    "full_name": "Name",
    "language": "Language",
    "country": "Country",
    "region": "State or region",
    "timezone": "Time zone",
    "address_line1": "Address",
    "address_line2": "Address, second line",
    "city": "Town",
    "postcode": "Postcode",
    "mobile": "Mobile",
    "email": "E-mail",
}
"""The contact data of a customer."""
POINT_LABELS: Labels = {"phone": "Phone", "email": "E-mail", "address": "Address"}
POINT_TYPE_LABELS: Labels = {"mobile": "Mobile", "home": "Home", "work": "Work", "other": "Other"}
POINT_STATE_LABELS: Labels = {"usable": "Usable", "bad": "Bad", "unconfirmed": "Not confirmed"}
POINT_SOURCE_LABELS: Labels = {
    "customer": "from the customer",
    "creditor": "from the creditor",
    "third_party": "from another person",
    "public_record": "from a public record",
    "tracing": "from tracing",
    "other": "from another source",
}
"""Contact points: their kinds, types, states and sources."""
PARTY_LABELS: Labels = {
    "attorney": "Attorney",
    "executor": "Executor or administrator",
    "adviser": "Debt adviser",
    "family": "Family member",
    "interpreter": "Interpreter",
    "carer": "Carer",
    "employer": "Employer",
    "guardian": "Guardian",
    "power_of_attorney": "Holder of a power of attorney",
    "trustee": "Trustee in insolvency",
}
PARTY_CHECK_LABELS: Labels = {
    "customer_named": "Named the customer and their address",
    "reference": "Gave our reference, or theirs",
    "document": "Named the paper that gives them authority",
    "called_back": "We called the number on file",
}
MAY_BE_TOLD_LABELS: Labels = {
    "nothing": "Nothing about the debt",
    "limited": "Only what the note says",
    "everything": "Everything about the debt",
}
"""Third parties: who they are, and what they may be told."""
ACCOUNT_LABELS: Labels = {
    "card_last4": "Card",
    "product": "Product",
    "credit_limit_minor": "Limit",
    "apr_millionths": "Rate",
}
"""The terms of an account."""


@lru_cache(maxsize=512)
def country_name(code: str) -> str:
    """The English name of a country (ISO 3166-1 alpha-2); the code itself where it is none."""
    from babel import Locale  # a tenth of a second, and few processes name a country

    name = Locale("en").territories.get(code.upper(), "")
    return name or code


BASIS_LABELS: Labels = {
    "consent": "The customer’s explicit consent",
    "safeguarding": "To protect somebody at risk (substantial public interest)",
    "unconfirmed": "Told by another person, not confirmed yet",
}
"""Bases of a support need."""
TOLD_BY_LABELS: Labels = {
    "customer": "The customer",
    "relative": "A relative, friend or carer",
    "professional": "An adviser, social worker or service",
    "colleague": "A colleague, or the creditor",
}
AUDIENCE_LABELS: Labels = {
    "casework": "Everybody who works the case",
    "managers": "Managers, and you",
}

HARDSHIP_LABELS: Labels = {
    "open": "Waits for a decision",
    "granted": "Granted",
    "partly": "Granted in part",
    "refused": "Refused",
    "withdrawn": "Withdrawn",
}
"""States of a request for help with payments."""
HARDSHIP_REASON_LABELS: Labels = {
    "income_fell": "Income fell",
    "work_lost": "Lost work",
    "expenses_rose": "Costs rose",
    "separation": "Separation",
    "household_change": "Change in the household",
    "disaster": "Fire, flood or other disaster",
    "other_debts": "Other debts",
    "other": "Other",
}
HARDSHIP_WAY_LABELS: Labels = {
    "call": "By telephone",
    "message": "By message",
    "letter": "By letter or form",
    "adviser": "By an adviser",
}
REFUSAL_LABELS: Labels = {
    "can_pay": "The household can pay as agreed",
    "not_temporary": "They could not pay as agreed with this help either",
    "no_information": "What we asked for did not come",
}
"""Reasons for which help is refused."""
