"""The figures of a letter about a case to who stands in for the customer: what is owed, and nothing else of theirs."""

from __future__ import annotations

from datetime import date

from app.book.delinquency.days import days_past_due
from app.casework.cases.models import case_reference
from app.casework.parties.models import ThirdParty
from app.outreach.gate.contact_cases import AccountRow, ContactCase
from app.outreach.letters.letter import AccountLine, LetterContext
from app.outreach.letters.locales import format_amount, format_date
from app.outreach.outbox.rules import Occasion
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.representatives.in_place import balance_of, undisputed


def statement_context(
    occasion: Occasion,
    head: Letterhead,
    register_number: str,
    contact_case: ContactCase,
    party: ThirdParty | None,
    locale: str,
    on: date,
) -> LetterContext:
    """The figures of a letter about a case: of an estate every balance without what is disputed, otherwise the accounts
    that are past due."""

    def money(minor: int) -> str:
        return format_amount(minor, head.currency, locale)

    def line(account: AccountRow) -> AccountLine:
        days = days_past_due(account.oldest_due_on, on)
        owed = undisputed(account) if is_estate else account.balance_minor
        left_out = min(account.disputed_minor, account.balance_minor)
        return AccountLine(
            account.product, account.card_last4, money(account.asked), money(owed), days, head.currency,
            disputed=money(left_out) if left_out > 0 else "",
        )  # fmt: skip

    is_estate = occasion is Occasion.ESTATE
    shown = [each for each in contact_case.accounts if (undisputed(each) if is_estate else each.asked) > 0]
    balance = balance_of(contact_case) if is_estate else sum(each.balance_minor for each in shown)
    is_enquiry = occasion is Occasion.ESTATE_ENQUIRY
    return LetterContext(
        customer_name=contact_case.customer.full_name,
        creditor=head.creditor,
        collector_kind=head.collector,
        reference=case_reference(contact_case.case.id),
        accounts=() if is_enquiry else tuple(line(each) for each in shown),
        past_due_total="" if is_enquiry else money(contact_case.to_ask),
        oldest_due_on="",
        today=format_date(on, locale),
        contact_phone=head.contact_phone,
        contact_email=head.contact_email,
        preferences_url="",
        balance_total="" if is_enquiry else money(balance),
        register_number=register_number,
        sender=head.agency,
        adviser_name=party.name if party is not None else "",
        adviser_reference=party.reference if party is not None else "",
    )


def statement_figures(
    occasion: Occasion, head: Letterhead, contact_case: ContactCase, locale: str
) -> tuple[list[tuple[str, str, str]], str, str]:
    """The amounts that such a letter tells now: of each account its last digits, past due and balance; past due
    together, balance together."""
    told = statement_context(occasion, head, "", contact_case, None, locale, date.min)
    lines = [(each.last4, each.past_due, each.balance) for each in told.accounts]
    return lines, told.past_due_total, told.balance_total
