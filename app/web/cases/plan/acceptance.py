"""Acceptance by a customer: by which means, to which words read back, and who agreed for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from app.casework.parties.queries import parties_of
from app.casework.parties.rules import SPEAKS
from app.casework.plans.rules import BY_PEOPLE, Acceptance, Agreed
from app.core.ids import id_of
from app.core.labels import PARTY_LABELS
from app.web.cases.case_file import CaseFile
from app.web.forms import Fields, Typed

ACCEPTANCES: Sequence[tuple[str, str]] = [
    (Acceptance.PHONE.value, "By telephone"),
    (Acceptance.WRITING.value, "In writing"),
]
PAYS_BY: Sequence[tuple[str, str]] = [
    (each, each[:1].upper() + each[1:])
    for each in ("bank transfer", "standing order", "direct debit", "card", "cash", "another means")
]


class AcceptanceForm(Typed):
    """The part of a form that says how an offer was accepted."""

    acceptance: str = ""
    pays_by: str = ""
    read_back: str = ""
    agreed_with: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class TypedAcceptance:
    """The acceptance of an offer, as typed."""

    acceptance: Acceptance
    pays_by: str
    read_back: bool
    own_words: str
    party_id: int | None
    """The third party who agreed for the customer."""

    def agreed(self, first_due_on: date) -> Agreed:
        """As it is put on record, with what was said: which day, by which means, read back."""
        said = [f"First payment on {first_due_on.isoformat()}, by {self.pays_by}."]
        if self.read_back:
            said.append("Read back, and they said yes.")
        if self.own_words:
            said.append(f"“{self.own_words}”")
        return Agreed(self.acceptance, " ".join(said), self.party_id)


def agreed_in(fields: Fields) -> TypedAcceptance:
    """As typed. On the telephone the dates and amounts are read back first."""
    acceptance = fields.choice("acceptance", Acceptance)
    if acceptance not in BY_PEOPLE:
        fields.errors["acceptance"] = "Choose one."
    by = fields.values["pays_by"]
    if by not in dict(PAYS_BY):
        fields.errors["pays_by"] = "Choose how they pay."
    read_back = fields.has("read_back")
    if acceptance is Acceptance.PHONE and not read_back:
        fields.errors["read_back"] = "Read the dates and amounts back, and tick this once they said yes."
    with_id = fields.values["agreed_with"]
    return TypedAcceptance(
        acceptance, by, read_back, fields.values["words"].strip(), int(with_id) if with_id.isdigit() else None
    )


def parties_who_may_agree(session: Session, file: CaseFile) -> list[tuple[str, str]]:
    """Third parties who speak for the customer now, for a list of choices."""
    today = file.book.today
    return [
        (str(id_of(party)), f"{party.full_name}, {PARTY_LABELS[party.kind].lower()}")
        for party in parties_of(session, id_of(file.customer))
        if party.kind in SPEAKS and party.knows_on(today)
    ]
