"""Letter: a letter of `letters/`, the variables it may use and the blocks it must carry (long by design: one list of
all variables)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.casework.knowledge.rules import ArticleLine
from app.core.vocabulary import Channel
from app.outreach.letters.compiled import CompiledLetter
from app.outreach.letters.locales import known_language, locale_for, written_there
from app.outreach.letters.statutory import (
    COSTS_CURRENCY,
    AnswerTime,
    ClaimLine,
    DefaultSumLine,
    ItemLine,
    OldDebtLine,
)

PURPOSES = frozenset({"reminder", "confirmation", "notice", "representative"})


class BadLetter(ValueError):
    """A letter's files are incomplete or wrong, or it cannot be rendered as asked; the message names the file."""


class Unsayable(BadLetter):
    """The letter is right, and cannot be written to this customer: it would say something empty or false. The message
    says what is missing."""


@dataclass(slots=True)  # not frozen, which would take four times as long: each message of a night has one
class AccountLine:
    """One account as a letter shows it; amounts already formatted."""

    product: str
    last4: str
    past_due: str
    balance: str
    days_past_due: int
    currency: str
    oldest_due_on: str = ""
    """When the oldest payment that is missing fell due; only in notices that the law of a place has."""
    disputed: str = ""
    """The part of the balance that is in dispute and not asked for meanwhile; '' = nothing."""


@dataclass(frozen=True, slots=True)
class InstalmentLine:
    n: int
    """0 is the down payment."""
    due_on: str
    amount: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class DebtLine:
    """The debt of one account and of what it consists; amounts already formatted, '' = none."""

    product: str
    last4: str
    charged: str
    """Purchases, cash and what was owed before the ledger begins."""
    interest: str
    fees: str
    paid: str
    balance: str


@dataclass(frozen=True, slots=True)
class RateLine:
    """Interest of one account under an agreement; yearly rates already formatted."""

    product: str
    last4: str
    rate: str
    """'' = none is charged."""
    rate_before: str
    """'' = the same."""


@dataclass(frozen=True, slots=True)
class PaidLine:
    """What came for one account while its case was open, and the day of the last payment; already formatted."""

    product: str
    last4: str
    amount: str
    paid_on: str


@dataclass(slots=True)  # not frozen either
class LetterContext:
    """All values that a letter may use. Dates and amounts are text, already in the letter's language."""

    customer_name: str
    creditor: str
    collector_kind: str
    """`first_party` or `third_party`; the disclosure block depends on it."""
    reference: str
    accounts: tuple[AccountLine, ...]
    past_due_total: str
    oldest_due_on: str
    today: str
    contact_phone: str
    contact_email: str
    preferences_url: str
    amount: str = ""
    promise_on: str = ""
    instalments: tuple[InstalmentLine, ...] = ()
    down_payment: str = ""
    """Its amount, where the instalments begin with one."""
    payments: str = ""
    """How many payments there are beside it."""
    instalments_now: tuple[InstalmentLine, ...] = ()
    """The payments as they stand, where one was moved or skipped since the agreement was made, or its amount changed;
    a skipped one has neither `due_on` nor `amount`. Empty = as `instalments`."""
    due_on: str = ""
    answer_by: str = ""
    balance_total: str = ""
    missed_on: str = ""
    missed_amount: str = ""
    settlement_amount: str = ""
    settle_by: str = ""
    received_on: str = ""
    review_on: str = ""
    refusal: str = ""  # why help with payments is refused, as `can_pay no_information`
    dispute_reference: str = ""
    disputed_amount: str = ""
    """'' = everything, or a sum that nobody told."""
    conceded_amount: str = ""
    """What a decision takes off the debt; '' = nothing."""
    remaining_amount: str = ""
    """What of a disputed amount was not conceded."""
    charges_credited: str = ""
    """Interest and late fees on what is conceded that were credited; '' = none."""
    charges_made: str = ""
    """Interest on what is not conceded that is charged for the time of the dispute; '' = none."""
    pay_by: str = ""
    """Last of the days that the law gives to pay it; '' = none."""
    explanation: str = ""
    """The reasons of a decision."""
    collection_costs: str = ""
    total_with_costs: str = ""
    costs_owed: str = ""
    """`yes` in a letter that follows up: the costs are owed by now; '' = they would be, if nothing is paid in time."""
    itemization: tuple[ItemLine, ...] = ()
    paid: tuple[PaidLine, ...] = ()
    settled_cards: str = ""  # last digits of the cards of a settlement whose case did not close with it
    country: str = ""
    """Of the customer, ISO 3166; only compared."""
    sender_address: str = ""
    """On one line; empty = not told."""
    creditor_address: str = ""
    """On one line; where an agency writes, the creditor's own."""
    creditor_complaints: str = ""
    supervisory_authority: str = ""
    claims: tuple[ClaimLine, ...] = ()
    address_found: str = ""
    """`yes` where somebody other than the creditor told the customer's postal address."""
    original_creditor: str = ""
    assigned_on: str = ""
    """The day on which its debts passed to the creditor."""
    payment_term: str = ""
    """The term of the card agreement by which payments fall due: `clause 4 (Payments)`."""
    customer_address: str = ""
    """On one line, without the name; empty = no whole address is on file."""
    answer: str = ""
    """Answer of one of our people to a customer who wrote."""
    article_title: str = ""
    article: tuple[ArticleLine, ...] = ()
    register_number: str = ""
    """Of an agency in the register of its country, where the law wants it named (Netherlands); empty = none."""
    sender: str = ""
    """Name of the sender: the agency's when it is not the creditor. Empty = the creditor itself."""
    plan_kind: str = ""
    """As `PlanKind` spells it; so do `cadence` and `acceptance`."""
    plan_reference: str = ""
    replaces: str = ""
    """Reference of the agreement that this one replaces, or an offer would replace; '' = none."""
    replaces_on: str = ""
    """The day on which that one was agreed on."""
    replaces_amount: str = ""
    beside_on: str = ""
    """The day of an offer to settle, which the customer has in writing, that a settlement takes the place of, or that
    does not apply while a plan runs; '' = there is none."""
    beside_amount: str = ""
    cadence: str = ""
    currency: str = ""  # ISO 4217
    debt: tuple[DebtLine, ...] = ()
    last_due_on: str = ""
    last_amount: str = ""
    new_last_amount: str = ""
    """`last_amount`, where a change of an instalment changed its interest."""
    interest: str = ""
    """While an agreement is kept: `none` or `lower`; `own`, where it changes nothing; `free`, where none is charged
    anyway; `same`, where the creditor charges it."""
    rate: str = ""
    """The yearly rate that is charged while it is kept; '' = none is, or accounts differ."""
    rate_before: str = ""
    """The yearly rate that is charged without it, where it lowers that."""
    rates: tuple[RateLine, ...] = ()
    """The same of each account, where accounts differ."""
    late_fees: str = ""
    """`none`: none is charged while an agreement is kept; '' = nothing is said of them."""
    waived: str = ""  # what a settlement waives
    waived_fees: str = ""
    charged_on: str = ""
    """The day as of which fees that were waived are charged again."""
    skips: str = ""
    """How many payments may still be skipped; as printed in the agreement, how many it lets be skipped."""
    grace_days: str = ""
    re_age: str = ""  # `yes` or ''
    relief: str = ""
    """`token`: small payments for a time; `reduced`: smaller ones at the beginning; '' = neither."""
    step_on: str = ""
    """The day of the first payment after the smaller ones, of an agreement that begins with them."""
    step_amount: str = ""
    """That payment: the others are like it, but for the rounding of the last."""
    relief_until: str = ""
    """The day by which it is looked at again with the customer."""
    no_new_card: str = ""
    """`yes` where the law has the customer promise to apply for no other card."""
    ended_on: str = ""
    agreed_on: str = ""
    agreed_with: str = ""
    acceptance: str = ""
    words: str = ""
    """What was said when it was agreed."""
    payee: str = ""
    iban: str = ""
    payment_reference: str = ""
    payment_code: str = ""  # what its QR code says; see `outreach/agreements/payment_code.py`
    when: str = ""
    """A reminder of an instalment: `ahead`, `today` or `grace`."""
    missing: str = ""
    missing_minor: str = ""
    """`missing` in minor units, for the recheck; no letter shows it."""
    others: tuple[InstalmentLine, ...] = ()
    """Further instalments of which one message reminds: what is missing of each."""
    others_minor: str = ""
    """The same as `2:2500,3:1500` in minor units, for the recheck; no letter shows it."""
    came: str = ""  # what came of an instalment
    moved_from: str = ""
    grace_until: str = ""
    why_ended: str = ""
    """An agreement that ended: a payment was `missed`, an earlier one was `returned`, `nothing_owed` is left, or
    nothing was past due any more (`cured`)."""
    given_up: str = ""
    """What became of its debt: `charged_off`, or `sold`; '' = neither."""
    wrote_on: str = ""
    """When a letter left that this one takes back; '' = none did."""
    paid_on: str = ""
    """The date of a payment that was posted late; `paid_amount` is what it brought."""
    paid_amount: str = ""
    restored: str = ""
    """An agreement that was not broken after all: it `runs`, is `kept`, or `over`."""
    replaced_by: str = ""
    """The agreement that runs in its place."""
    extended_to: str = ""
    """`due_on`, where payments whose time ran while it was taken to be broken are due on that day instead."""
    reminders_rest: str = ""  # `yes` while a complaint is open
    complaint_reference: str = ""
    complaint_form: str = ""
    """What a final response does: `accept`, `offer` or `reject`; '' = it is a summary resolution."""
    complaint_outcome: str = ""
    """As `ComplaintOutcome` spells it."""
    reasons: str = ""
    """What was found, as one of our people typed it for the customer."""
    redress: str = ""
    apology: str = ""
    """`yes` or ''."""
    correction: str = ""
    expected_on: str = ""
    """The day by which a late answer comes."""
    conduct_on: str = ""
    """The day on which the abusive contact was put on record, which may be a later one."""
    conduct_words: str = ""
    """What was said then, as a supervisor typed it for the customer."""
    body_name: str = ""
    """The ombudsman, or another body outside the house; '' = none is known where the customer lives."""
    body_website: str = ""
    body_months: str = ""
    body_days: str = ""
    body_late: str = ""
    """Whether we consent to a late referral: `yes` or `no`; '' = the law does not ask."""
    adviser_name: str = ""
    client_hears: str = ""
    """`yes` where the adviser's client is written to as well."""
    adviser_reference: str = ""
    """Their own number of the customer; '' = not told."""
    time_barred: tuple[OldDebtLine, ...] = ()
    question_url: str = ""  # the page that asks how satisfied they are
    asked_before: str = ""  # `yes` in the reminder of that question
    default_sums: tuple[DefaultSumLine, ...] = ()
    default_sums_total: str = ""


VARIABLES = frozenset(f.name for f in dataclasses.fields(LetterContext))
OPTIONAL = frozenset(
    f.name for f in dataclasses.fields(LetterContext) if f.default is not dataclasses.MISSING
) - {"amount", "promise_on", "instalments", "sender"}
"""Variables that most letters have nothing to say about."""
LISTS: Mapping[str, type] = {
    "accounts": AccountLine,
    "instalments": InstalmentLine,
    "others": InstalmentLine,
    "instalments_now": InstalmentLine,
    "itemization": ItemLine,
    "debt": DebtLine,
    "claims": ClaimLine,
    "paid": PaidLine,
    "rates": RateLine,
    "article": ArticleLine,
    "time_barred": OldDebtLine,
    "default_sums": DefaultSumLine,
}
"""Variables that are lists, and what one of their lines is."""
MAY_BE_EMPTY = frozenset(
    {
        "collector_kind", "costs_owed", "country", "instalments", "others", "paid", "plan_kind", "cadence", "interest",
        "rates", "late_fees", "acceptance", "address_found", "relief", "restored", "why_ended", "given_up",
        "time_barred", "asked_before", "complaint_form", "complaint_outcome", "body_late", "body_website",
    }
)  # fmt: skip
"""RequiredValues by letters that say something without them: a plan of one payment has no instalments. The others are
only compared, never printed."""
NEVER_EMPTY = frozenset(LISTS) - MAY_BE_EMPTY
"""Lists without which a letter that shows them does not leave."""
ABOUT = frozenset(
    {
        "case",
        "plan",
        "settlement",
        "hold",
        "complaint",
        "conduct",
        "closed case",
        "statement",
        "message",
        "adviser",
        "dispute",
    }
)
"""Subjects of letters: a letter has nothing to say until its subject exists."""


@dataclass(frozen=True, slots=True)
class RenderedLetter:
    """A letter ready to store and send. `language` is the one it is really in; `blocks` what it carries."""

    subject: str
    text: str
    html: str
    language: str
    version: str
    blocks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RequiredValues:
    """Variables, and attributes of a list's lines, that templates print without asking whether they have a value."""

    variables: tuple[str, ...]
    attributes: frozenset[str]
    contact: bool
    """It gives a telephone number or an e-mail address to answer to."""


@dataclass(frozen=True)
class Letter:
    name: str
    title: str
    purpose: str
    channels: frozenset[Channel]
    languages: tuple[str, ...]
    variables: frozenset[str]
    required: Mapping[Channel, frozenset[str]]
    """Blocks each channel's text must carry, or it is not rendered at all."""
    about: str
    """One of `ABOUT`; only letters about the case itself are steps of a strategy or sent by hand."""
    answer: AnswerTime | None
    places: frozenset[str]
    """Countries whose law the letter follows (ISO 3166); empty = any."""
    collector: str
    """`third_party` = only for those who collect another's debts."""
    packs: frozenset[str]
    """Packs whose law it follows, where that is of a part of the country; empty = any."""
    sent_in: tuple[str, ...]
    """Languages it may leave in; in the others of `languages` our own people read it. Empty = all."""
    on_request: frozenset[str]
    """Those of `sent_in` in which it leaves only if the customer chose them; the first one is for all others."""
    encloses: bool
    """True if an e-mail brings the printed letter along, to be kept."""
    needs: frozenset[str]
    """Variables without which it says too little to go out."""
    by_hand: bool
    """A person sends it after looking into the case: no duty of the law writes it unasked."""
    not_charged_off: bool
    """Of a debt that was charged off before it came, the law wants more than we know: a person writes."""
    follows_up: bool
    """It says that we wrote before, and leaves only where an earlier letter of the case was sent."""
    version: str
    """First 12 hex digits of the SHA-256 over this letter's files and the shared ones."""
    environment: ImmutableSandboxedEnvironment = field(repr=False, compare=False)
    carries: Mapping[tuple[Channel, str], tuple[str, ...]] = field(default_factory=dict)
    """Blocks that its words carry for all customers, sorted, by channel and language."""
    prints: Mapping[tuple[Channel, str], RequiredValues] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Values that may not be empty, by channel and language."""
    compiled: Mapping[tuple[Channel, str], CompiledLetter] = field(
        default_factory=dict, repr=False, compare=False
    )
    """By channel and language, where the letter's templates allow it."""
    _language: dict[tuple[str, bool], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def language_for(self, wanted: str, country: str = "", *, chosen: bool = True) -> str:
        """The language in which this letter goes to a customer who reads `wanted` ('zh-TW' -> 'zh', 'fr' -> 'en'), and
        lives there: 'zh' in China is 'zh-Hans'. `chosen`: the customer said so, not a file."""
        wanted = written_there(wanted, country)
        language = self._language.get((wanted, chosen))
        if language is None:
            found = known_language(wanted, self.sent_in or self.languages)
            asked_for = chosen and wanted.strip().lower().startswith(found)
            fits = not self.sent_in or found in self.sent_in
            language = found if fits and (found not in self.on_request or asked_for) else self.sent_in[0]
            if len(self._language) < 1000:
                self._language[wanted, chosen] = language
        return language

    def locale_for(self, wanted: str, country: str, *, chosen: bool = True) -> str:
        """Locale of its dates and amounts for a reader there, as `format_date` and `format_amount` take it."""
        return locale_for(self.language_for(wanted, country, chosen=chosen), country)

    def misfit(
        self, country: str, collector: str, currency: str, told: Collection[str], parts: Collection[str] = ()
    ) -> str:
        """Reason why the letter does not suit this customer; '' = it does. `told` are the needed variables we have,
        `parts` the labels of the customer's packs."""
        if self.places and country not in self.places:
            return f"this letter is for {' and '.join(sorted(self.places))} only"
        if self.packs and self.packs.isdisjoint(part.partition("@")[0] for part in parts):
            return f"this letter is for customers under {' or '.join(sorted(self.packs))} only"
        if self.collector and collector != self.collector:
            return "this letter is for those who collect another's debts"
        if "collection_costs" in self.variables and currency != COSTS_CURRENCY:
            return f"this letter is for debts in {COSTS_CURRENCY} only"
        if lacking := self.needs.difference(told):
            return f"this letter needs {' and '.join(sorted(lacking))}; see the settings"
        return ""
