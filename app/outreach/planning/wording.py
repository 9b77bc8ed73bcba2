"""The words of a letter: its figures, frozen when it is worded, and the outbox row that keeps both."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.book.delinquency.days import days_past_due
from app.casework.cases.models import case_reference
from app.casework.plans.models import Plan
from app.core.clock import local_date
from app.core.database.bulk import instant_speller
from app.core.ids import id_of
from app.core.timeline.rules import canonical
from app.core.types import Cells, JsonObject, Values
from app.core.vocabulary import Channel
from app.outreach.agreements.figures import (
    agreed_accounts,
    agreement_figures,
    beside_figures,
    debt_lines,
    received_figures,
)
from app.outreach.agreements.paid import paid_figures
from app.outreach.agreements.rates import interest_figures
from app.outreach.agreements.reader import Reader
from app.outreach.gate.contact_cases import AccountRow, ContactCase
from app.outreach.gate.decisions import answer_text
from app.outreach.letters.compiled import as_dict, values_of
from app.outreach.letters.default_sums.lines import default_sum_figures
from app.outreach.letters.letter import (
    LISTS,
    OPTIONAL,
    AccountLine,
    Letter,
    LetterContext,
    RenderedLetter,
)
from app.outreach.letters.locales import format_amount, format_date
from app.outreach.letters.old_debts.lines import old_debt_lines
from app.outreach.letters.rendering import in_large_print, render
from app.outreach.letters.statutory_facts import FIGURES, figures_for, refuse_charged_off
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.letterhead import (
    LetterCatalog,
    Letterhead,
    language_of,
    locale_of,
    postal_line,
)
from app.outreach.planning.rows import LetterRequest
from app.policy.answers import Clearance
from app.policy.facts import ContactResult, PastContact
from app.policy.sections.agreements import Content


class LetterWriter:
    """Words the letters of one portfolio as rows of the outbox."""

    def __init__(
        self, session: Session, catalog: LetterCatalog, letterhead: Letterhead, on: date, now: datetime
    ) -> None:
        self.session, self.catalog, self.letterhead = session, catalog, letterhead
        self.on, self.now = on, now
        self.spelled = instant_speller(session)

    def message(
        self, contact_case: ContactCase, clearance: Clearance, request: LetterRequest | None
    ) -> Cells:
        """The outbox row of a cleared letter, worded. Raises Unsayable for one that has nothing true or whole to
        say."""
        contact = clearance.contact
        chosen = self.catalog.letters[contact.letter]
        context = letter_context(
            self.session, self.letterhead, self.catalog, contact_case, chosen, contact.channel,
            request.plan if request else None, now=self.now,
        )  # fmt: skip
        if request and request.figures:
            context = dataclasses.replace(context, **dict(request.figures))  # type: ignore[arg-type]
        language = language_of(chosen, contact_case.customer)
        words = render(chosen, contact.channel, language, context, leaves=True)
        enclosed = ""
        if chosen.encloses and contact.channel is Channel.EMAIL:
            enclosed = render(chosen, Channel.POST, language, context, leaves=True).text
        contact_case.reserve(PastContact(self.now, contact.channel, ContactResult.PLACED, contact.address))
        today = local_date(self.now, self.letterhead.timezone)
        answer_by = chosen.answer.last_day(today) if chosen.answer else None
        return self._row(contact_case, clearance, context, words, enclosed, answer_by)

    def _row(
        self,
        contact_case: ContactCase,
        clearance: Clearance,
        context: LetterContext,
        words: RenderedLetter,
        enclosed: str,
        answer_by: date | None,
    ) -> Cells:
        """Make an outbox row, as MESSAGE_COLUMNS names it after its ids. Only a Clearance makes one, for exactly its
        channel and address."""
        if not isinstance(clearance, Clearance):
            raise TypeError("the outbox takes a Clearance, nothing else")
        contact = clearance.contact
        html = in_large_print(words.html) if contact_case.large_print else words.html
        return (
            str(contact.channel), self.letterhead.portfolio_id, contact_case.customer.id, contact_case.case.id,
            str(contact.purpose), contact.letter, words.version, words.language, contact.address,
            words.subject[:300], words.text, html, enclosed, context_text(context), contact_case.to_ask,
            answer_by and answer_by.isoformat(), answer_text(clearance), self.on.isoformat(), OutboxStatus.QUEUED.value,
            self.spelled(clearance.not_before), self.spelled(clearance.not_after), "", 0, "", "", "",
            self.spelled(self.now),
        )  # fmt: skip


def letter_context(
    session: Session,
    head: Letterhead,
    catalog: LetterCatalog,
    contact_case: ContactCase,
    letter: Letter,
    channel: Channel,
    plan: Plan | None,
    *,
    now: datetime,
) -> LetterContext:
    """The frozen figures of a letter, formatted as the language it will really be in is written there."""
    language = locale_of(letter, contact_case.customer)
    currency, today = head.currency, local_date(now, head.timezone)
    late = [(account, asked) for account in contact_case.accounts if (asked := account.asked) > 0]
    oldest = contact_case.oldest_due_on
    context = LetterContext(
        customer_name=contact_case.customer.full_name,
        creditor=head.creditor,
        collector_kind=head.collector,
        reference=case_reference(id_of(contact_case.case)),
        accounts=_account_lines(letter, late, currency, language, today),
        past_due_total=format_amount(contact_case.to_ask, currency, language),
        oldest_due_on=format_date(oldest, language) if oldest else "",
        today=format_date(today, language),
        contact_phone=head.contact_phone,
        contact_email=head.contact_email,
        preferences_url=catalog.links.url(
            id_of(contact_case.customer), channel, contact_case.customer.link_number, on=today
        ),
        sender_address=catalog.sender_address,
        country=contact_case.customer.country if "country" in letter.variables else "",
        creditor_address=head.creditor_address or ("" if head.agency else catalog.sender_address),
        payment_term=head.payment_term,
        original_creditor=head.original_creditor,
        assigned_on=format_date(head.assigned_on, language) if head.assigned_on else "",
        creditor_complaints=head.creditor_complaints,
        supervisory_authority=catalog.supervisory_authority,
        customer_address=postal_line(contact_case.customer) if "customer_address" in letter.variables else "",
        register_number=catalog.register_number,
        sender=head.agency,
        time_barred=old_debt_lines(
            session, contact_case, letter, channel, head.agency or head.creditor, now=now
        ),
    )
    if plan is not None:
        context = dataclasses.replace(
            context, **_of_agreement(session, head, contact_case, letter, plan, language, today)
        )
    elif "debt" in letter.variables:
        asked_for = [account for account, _ in late]
        reader = Reader(language, currency)
        debt = debt_lines(session, asked_for, reader, today=today)
        context = dataclasses.replace(context, debt=debt, currency=currency)
    if letter.not_charged_off:
        refuse_charged_off(session, contact_case)
    if "default_sums" in letter.variables:
        sums = default_sum_figures(session, contact_case, letter, currency, language, today=today)
        context = dataclasses.replace(context, **sums)
    more = _worked_out(session, contact_case, letter, plan, Reader(language, currency), today)
    return dataclasses.replace(context, **more) if more else context


def _account_lines(
    letter: Letter, late: Sequence[tuple[AccountRow, int]], currency: str, language: str, today: date
) -> tuple[AccountLine, ...]:
    """The accounts on which something is asked for, each with that amount."""
    return tuple(
        [
            AccountLine(
                account.product,
                account.card_last4,
                format_amount(asked, currency, language),
                format_amount(account.balance_minor, currency, language),
                days_past_due(account.oldest_due_on, today),
                currency,
                format_date(account.oldest_due_on, language)
                if letter.places and account.oldest_due_on
                else "",
                _disputed(account, currency, language),
            )
            for account, asked in late
        ]
    )


def _disputed(account: AccountRow, currency: str, language: str) -> str:
    disputed = min(account.disputed_minor, account.balance_minor)
    return format_amount(disputed, currency, language) if disputed > 0 else ""


def _worked_out(
    session: Session,
    contact_case: ContactCase,
    letter: Letter,
    plan: Plan | None,
    reader: Reader,
    today: date,
) -> Values:
    """What law or ledger give, and what was paid, of those that the letter shows."""
    found: Values = {}
    if "paid" in letter.variables:
        found = paid_figures(session, contact_case.case.id, plan, reader, today=today)
    if letter.answer is None and letter.variables.isdisjoint(FIGURES):
        return found
    law = figures_for(session, contact_case, letter, reader.currency, reader.language, today=today)
    return {**found, **law}


def _of_agreement(
    session: Session,
    head: Letterhead,
    contact_case: ContactCase,
    letter: Letter,
    plan: Plan,
    language: str,
    today: date,
) -> Values:
    reader = Reader(language, head.currency)
    rules = contact_case.pack.agreements
    no_new_card = rules is not None and Content.NO_NEW_CARD in rules.required
    found: Values = agreement_figures(session, plan, reader, head.payee, no_new_card=no_new_card)
    if "payment_reference" not in letter.variables:
        found = {**found, "payment_code": ""}  # it asks for no payment of the agreement
    if "interest" in letter.variables:
        found = {**found, **interest_figures(session, plan, reader, on=today)}
    if {"settlement_amount", "came"} <= letter.variables:
        found = {**found, **received_figures(session, plan, reader, today)}
    if "beside_on" in letter.variables:
        found = {**found, **beside_figures(session, plan, reader)}
    if "debt" in letter.variables:
        accounts = agreed_accounts(session, plan, contact_case.accounts)
        found = {**found, "debt": debt_lines(session, accounts, reader, today=today)}
    return found


def context_text(context: LetterContext) -> str:
    """The frozen figures as canonical JSON."""
    data = {
        name: value
        for name, value in zip(_NAMES, values_of(context), strict=True)
        if value or name not in OPTIONAL
    }
    for name in LISTS:
        if name in data:
            lines = data[name]
            assert isinstance(lines, tuple)
            data[name] = [as_dict(line) for line in lines]
    return canonical(data)


_NAMES = tuple(field.name for field in dataclasses.fields(LetterContext))


def message_context(message: OutboxMessage) -> JsonObject:
    loaded: JsonObject = json.loads(message.context)
    return loaded
