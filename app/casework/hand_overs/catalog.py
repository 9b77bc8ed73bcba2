"""The list of offers and desks, as data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.casework.hand_overs.rules import SUPERVISORS, Desk, DeskNeed, OfferItem
from app.core.errors import Invalid
from app.core.kit.toml_text import parse_toml
from app.core.staff.rules import Role

FILE = Path(__file__).parent / "shipped.toml"
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Desk(_Table):
    code: Code
    name: Name
    needs: Annotated[list[Annotated[DeskNeed, Field(strict=False)]], Field(min_length=1)]
    days: Annotated[int, Field(ge=0, le=92)]
    role: Annotated[Role | None, Field(strict=False)] = None
    email: Annotated[str, StringConstraints(max_length=200)] = ""
    sells: bool = False


class _Offer(_Table):
    code: Code
    label: Name
    desk: str = ""
    sale: bool = False
    again_after_days: Annotated[int, Field(ge=0, le=730)] = 0


class _File(_Table):
    desks: list[_Desk]
    offers: list[_Offer]


@cache
def _file() -> _File:
    found = _File.model_validate(parse_toml(FILE.read_text(encoding="utf-8")))
    codes = {each.code for each in found.desks}
    if SUPERVISORS not in codes or {each.desk for each in found.offers if each.desk} - codes:
        raise ValueError(f"{FILE.name} lacks the desk {SUPERVISORS}, or one that an offer names")
    return found


@cache
def desks() -> Mapping[str, Desk]:
    """The desks by code, in order."""
    return {
        each.code: Desk(each.code, each.name, tuple(each.needs), each.days, each.role, each.email, each.sells)
        for each in _file().desks
    }


@cache
def offer_items() -> Mapping[str, OfferItem]:
    """What may be offered, by code, in order."""
    return {
        each.code: OfferItem(each.code, each.label, each.desk, each.sale, each.again_after_days)
        for each in _file().offers
    }


def desk_named(code: str) -> Desk:
    """Invalid, naming `desk`, for one that is not in the list."""
    if code not in desks():
        raise Invalid(f"Choose a desk from the list: {', '.join(desks())}.", "desk")
    return desks()[code]


def offer_named(code: str) -> OfferItem:
    """Invalid, naming `offer`, for what is not in the list."""
    if code not in offer_items():
        raise Invalid(f"Choose from the list: {', '.join(offer_items())}.", "offer")
    return offer_items()[code]


def desk_name(code: str) -> str:
    """The name of a desk on record, also of one that left the list."""
    return desks()[code].name if code in desks() else code.replace("_", " ")


def offer_label(code: str) -> str:
    """The words for an offer on record, also for one that left the list."""
    return offer_items()[code].label if code in offer_items() else code.replace("_", " ")
