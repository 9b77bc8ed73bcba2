"""Disputed sums of an account that are no part of its claim. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.legal.checklists.case_file import Dispute, Entry
from app.legal.checklists.disputed import parts_in_dispute
from app.legal.claim.amounts import Parts
from app.legal.claim.parts import PARTS, Part, part_of


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A dispute whose sum is left out of the claim, and by how much it lowers each part; amounts are negative."""

    dispute: str
    parts: Parts


def left_out(
    owed: Parts, account_ref: str, disputes: Iterable[Dispute], entries: Mapping[str, Entry]
) -> tuple[LeftOut, ...]:
    """What the unresolved disputes of an account take off what is owed on it: off the part that the disputed entry
    belongs to, and the rest of it off the others in their order. No part falls below zero by it, and no more is taken
    than is owed. `entries`: by reference."""
    left = {part: max(0, getattr(owed, part)) for part in PARTS}
    still = max(0, owed.total)
    found = []
    for dispute in sorted(parts_in_dispute(account_ref, disputes), key=lambda each: each.reference):
        wanted = min(dispute.left_out_minor, still)
        still -= wanted
        taken = dict.fromkeys(PARTS, 0)
        entry = entries.get(dispute.entry_ref)
        first = part_of(entry.kind, entry.reference, entry.description) if entry else Part.PRINCIPAL
        for part in (first, *PARTS):
            amount = min(left[part], wanted)
            left[part] -= amount
            taken[part] -= amount
            wanted -= amount
        if any(taken.values()):
            found.append(LeftOut(dispute.reference, Parts(**{part.value: taken[part] for part in PARTS})))
    return tuple(found)
