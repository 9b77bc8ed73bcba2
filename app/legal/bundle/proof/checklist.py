"""The checklist of a bundle, judged again: each item is met, or a named person excused it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.core.types import JsonObject

NEVER_EXCUSED = frozenset(
    {"claim.owed", "ledger.claim", "dispute.none_open", "hold.none_stopping", "limitation", "notice.owed"}
)
"""As `app.legal.checklists.items` has it, which who receives a bundle does not; a test holds the two together."""


def open_items(items: Sequence[JsonObject], case: JsonObject) -> Iterator[str]:
    """What is wrong, as sentences without their subject."""
    for item in items:
        if item["ok"]:
            continue
        if item["id"] in NEVER_EXCUSED:
            yield f"{item['id']} is not met, which no reason excuses"
        elif not (item["excuse"] and item["excused_by"]):
            yield f"{item['id']} is not met, and nobody excused it"
    told = [(item["id"], item["excuse"], item["excused_by"]) for item in items if item["excuse"]]
    if told != [(each["item"], each["reason"], each["by"]) for each in case["excuses"]]:
        yield "its excuses are not those of case.json"
