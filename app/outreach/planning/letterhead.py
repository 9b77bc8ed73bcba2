"""The letterhead of a portfolio, and the catalog of all letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.payment_code import Payee
from app.outreach.gate.facts import Person, address_of
from app.outreach.letters.earlier import follow_ups
from app.outreach.letters.letter import Letter
from app.outreach.outbox.rules import unreachable
from app.outreach.planning.links import LinkSigner
from app.policy.facts import Contact
from app.policy.pack import Pack


class Letterhead(NamedTuple):
    """Letterhead: the sender, the creditor, and the address for answers; the same on all letters of a portfolio."""

    portfolio_id: int
    creditor: str
    collector: str
    agency: str
    currency: str
    timezone: str
    contact_phone: str
    contact_email: str
    code: str = ""
    payee: Payee = Payee("", "")
    creditor_address: str = ""
    payment_term: str = ""
    creditor_complaints: str = ""
    original_creditor: str = ""
    assigned_on: date | None = None

    @property
    def unreachable(self) -> str:
        """Reason why no letter of the portfolio may leave; '' = customers are told where to answer."""
        if self.contact_phone or self.contact_email:
            return ""
        return unreachable(self.code)

    @classmethod
    def of(cls, portfolio: Portfolio) -> Letterhead:
        return cls(
            id_of(portfolio),
            portfolio.creditor,
            portfolio.collector.value,
            portfolio.agency,
            portfolio.currency,
            portfolio.timezone,
            portfolio.contact_phone.strip(),
            portfolio.contact_email.strip(),
            portfolio.code,
            Payee(portfolio.payee or portfolio.creditor, portfolio.payee_iban, portfolio.payee_bic),
            portfolio.creditor_address.strip(),
            portfolio.payment_term.strip(),
            portfolio.creditor_complaints.strip(),
            portfolio.original_creditor.strip(),
            portfolio.assigned_on,
        )


def language_of(letter: Letter, customer: Person) -> str:
    """The language in which the letter goes to this customer."""
    return letter.language_for(customer.language, customer.country, chosen=customer.language_chosen)


def locale_of(letter: Letter, customer: Person) -> str:
    """The locale of its dates and amounts for this customer."""
    return letter.locale_for(customer.language, customer.country, chosen=customer.language_chosen)


def postal_line(customer: Person) -> str:
    """The postal address on one line, without name and country; '' = no whole one is on file."""
    lines = address_of(customer, Channel.POST).split("\n")[:-1]
    return ", ".join(line for line in lines if line != customer.full_name.strip())


@dataclass(frozen=True)
class LetterCatalog:
    """All letters of this installation, with the links and lines that they share."""

    letters: Mapping[str, Letter]
    links: LinkSigner
    register_number: str = ""
    """Of the agency in the register of its country; '' = none, and a letter that must name it does not go out."""
    sender_address: str = ""
    """Address for post to us, on one line; '' = not told, and a letter that must name it does not go out."""
    supervisory_authority: str = ""
    """The authority that supervises the agency, with its address, on one line; '' likewise."""

    @cached_property
    def follow_ups(self) -> frozenset[str]:
        """Letters that say that we wrote before."""
        return follow_ups(self.letters)

    def misfit(self, letter: Letter, head: Letterhead, country: str, pack: Pack) -> str:
        """Reason why this letter is not for a customer of that country and pack; '' = it is."""
        told = {name for name in letter.needs if getattr(self, name, "") or getattr(head, name, "")}
        return letter.misfit(country, head.collector, head.currency, told, pack.parts)

    def contact(self, customer: Person, channel: Channel, purpose: Purpose, letter: str) -> Contact:
        """The contact as the gate judges it: its address, its language, and the blocks that its words will carry."""
        address = address_of(customer, channel)
        if not letter:
            return Contact(channel, purpose, address)
        chosen = self.letters[letter]
        language = language_of(chosen, customer)
        blocks = chosen.carries.get((channel, language))
        if blocks and not self.register_number:
            blocks = tuple(name for name in blocks if name != "register_number")
        return Contact(channel, purpose, address, letter=letter, blocks=blocks, language=language)
