"""The payment reference of an instalment: ISO 11649 (`RF`), with check digits that find a typing error. Pure.

`RF` and two check digits stand before the plan and the number of its instalment: `RF93P000012N03` is instalment 3 of
P-000012. Banks carry it as the structured reference of a transfer and give it back in camt.054.
"""

from __future__ import annotations

import re

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from app.book.feeds.bank.rules import creditor_references

_BODY = re.compile(r"P([0-9]{6,15})N([0-9]{2,4})")


def reference_of(plan_id: int, n: int) -> str:
    """Such as `RF93P000012N03`, without blanks; `in_groups` is how people read it."""
    body = f"P{plan_id:06d}N{n:02d}"
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def in_groups(reference: str) -> str:
    """In groups of four, as printed: `RF93 P000 012N 03`."""
    return str(iso11649.format(reference))


def read_reference(text: str) -> tuple[int, int] | None:
    """(plan id, number of the instalment) of a reference; None where it is none of ours or its check digits are
    wrong. Blanks and small letters do not matter."""
    compact = iso11649.compact(text)
    return named_by(compact[4:]) if iso11649.is_valid(compact) else None


def named_by(body: str) -> tuple[int, int] | None:
    """As `read_reference`, of what follows check digits that were found right."""
    found = _BODY.fullmatch(body)
    return (int(found[1]), int(found[2])) if found else None


def named_in(text: str) -> list[tuple[int, int]]:
    """Instalments that a text names by a whole reference, each once. Written in groups, the beginning of a reference
    may pass for a shorter one; the whole is meant."""
    found = {each: named for each in creditor_references(text) if (named := named_by(each[4:])) is not None}
    whole = [
        named for each, named in found.items() if not any(o != each and o.startswith(each) for o in found)
    ]
    return list(dict.fromkeys(whole))
