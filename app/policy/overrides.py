"""Portfolio overrides: a portfolio's own rules on top of its packs, and stricter figures for theirs. Pure.

The text is TOML with [[rules]] as in a pack. A table whose `id` is a pack's rule names only the fields it changes;
each must be at least as strict. Any other is a whole new rule, and its id begins with `house.`. What an open complaint
stops is a setting of its own: legal steps it always stops, and what the law of a place says stays.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

from app.core.types import JsonObject, Values
from app.core.vocabulary import HoldKind
from app.policy.kinds.hold import HoldRule
from app.policy.packfile import BadPack, rule_of
from app.policy.rules import FIXED, Rule

NAME = "tightening"
"""As answers and error messages name the text."""


class Looser(BadPack):
    """A figure that would permit contacts that the pack forbids."""


def tighten(rules: Sequence[Rule], text: str) -> tuple[tuple[Rule, ...], str]:
    """The rules with the portfolio's own applied, and a label of the text for the pack's name.

    A changed rule stays in its place under its id. A change to a rule of a pack that is not stacked here (another
    city's) is passed over. BadPack names the rule and field that is wrong.
    """
    found = list(rules)
    for entry in entries(text):
        at = [n for n, rule in enumerate(rules) if rule.id == entry["id"]]
        if at:
            for n in at:
                # A pack that has become stricter than the portfolio since then keeps its own figures.
                with suppress(Looser):
                    found[n] = _stricter(rules[n], entry)
        elif "kind" in entry and str(entry["id"]).startswith("house."):
            found.append(rule_of(entry, f"{NAME}: rule {entry['id']}"))
    return tuple(found), f"{NAME}@{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def entries(text: str) -> list[JsonObject]:
    """The [[rules]] tables of an overrides text. BadPack if it is not TOML, lacks an id or has one twice."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPack(f"{NAME}: not TOML: {error}") from error
    listed = content.pop("rules", None)
    if content:
        raise BadPack(f"{NAME}: {', '.join(sorted(content))}: only [[rules]] tables belong here")
    if not isinstance(listed, list) or not listed:
        raise BadPack(f"{NAME}: rules: at least one [[rules]] table is needed", "rules")
    seen = set()
    for number, entry in enumerate(listed, 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise BadPack(f"{NAME}: rule number {number}: id: is missing", "id")
        if entry["id"] in seen:
            raise BadPack(f"{NAME}: rule {entry['id']}: id: used twice", "id")
        seen.add(entry["id"])
    return listed


def check(text: str, known: Sequence[Rule]) -> list[str]:
    """Ids of the rules a text adds or changes. BadPack if one is neither new nor in `known`, the rules of every pack
    that can ever be stacked, or if it loosens one of them."""
    ids = {rule.id for rule in known}
    for entry in entries(text):
        if entry["id"] not in ids and not entry["id"].startswith("house."):
            raise BadPack(
                f"{NAME}: rule {entry['id']}: id: no pack has it; a rule of your own begins with 'house.'",
                "id",
            )
        if entry["id"] not in ids and "kind" not in entry:
            raise BadPack(f"{NAME}: rule {entry['id']}: kind: is missing, and no pack has this rule", "kind")
        for rule in known:
            if rule.id == entry["id"]:
                _stricter(rule, entry)
    for rule in tighten(known, text)[0]:
        if problem := rule.problem():
            field, said = problem
            raise BadPack(f"{NAME}: rule {rule.id}: {field}: {said}", field)
    return [entry["id"] for entry in entries(text)]


def _stricter(rule: Rule, entry: Values) -> Rule:
    """The rule with the entry's figures; BadPack if any of them is looser than it was."""
    where = f"{NAME}: rule {rule.id}"
    if entry.get("kind", rule.kind) != rule.kind:
        raise BadPack(f"{where}: kind: is {rule.kind} and stays so", "kind")
    for name in FIXED:
        if name in entry:
            raise BadPack(f"{where}: {name}: is the pack's to say; leave it out", name)
    changed = rule_of(rule.spelling() | dict(entry), where)
    for name, (was, now, as_strict) in rule.compared(changed).items():
        if not as_strict:
            raise Looser(
                f"{where}: {name}: {now} is looser than the {was} of {rule.citation} ({rule.force}); "
                "a portfolio may only be stricter",
                name,
            )
    return replace(changed, citation=f"{rule.citation}; tightened by the portfolio")


# --- what an open complaint stops --------------------------------------------------------------------------------


class ComplaintStops(StrEnum):
    """What an open complaint stops besides legal steps."""

    NOTHING = "nothing"
    REMINDERS = "reminders"
    """As every shipped pack has it."""
    EVERYTHING = "everything"


OUR_CHOICE = "operator choice"
"""The `force` of rules that no law wants."""
EVERYTHING: Rule = rule_of(
    {
        "id": "house.complaint_everything",
        "kind": "hold",
        "holds": [HoldKind.COMPLAINT.value],
        "channels": ["sms", "email", "post", "call"],
        "purposes": ["reminder", "confirmation"],
        "allows": [
            "complaint_acknowledged", "complaint_summary_resolution", "complaint_holding", "complaint_final_response",
            "dispute_acknowledged", "hardship_acknowledged", "hardship_granted", "hardship_refused", "help_answer",
            "knowledge_answer", "sms_answer", "paid_in_full", "settlement_completed",
        ],
        "passes": ["promise_confirmation", "plan_confirmation", "settlement_confirmation"],
        "force": OUR_CHOICE,
        "citation": "house rule of the portfolio: while a complaint is open nothing is sent but answers and notices"
        " that the law demands",
        "source": "portfolio setting complaint-stops",
        "verified": True,
    },
    "setting complaint-stops",
)  # fmt: skip


def with_complaint_stops(rules: Sequence[Rule], stops: ComplaintStops) -> tuple[Rule, ...]:
    """The rules as the portfolio wants them. `nothing` takes complaints out of hold rules that are our own choice; a
    rule that stops only certain letters, those of legal steps, stays, and so does one that a law wants."""
    if stops is ComplaintStops.EVERYTHING:
        return (*rules, EVERYTHING)
    if stops is ComplaintStops.REMINDERS:
        return tuple(rules)
    found: list[Rule] = []
    for rule in rules:
        if isinstance(rule, HoldRule) and HoldKind.COMPLAINT in rule.holds and _is_ours(rule):
            if others := rule.holds - {HoldKind.COMPLAINT}:
                found.append(replace(rule, holds=others))
        else:
            found.append(rule)
    return tuple(found)


def _is_ours(rule: HoldRule) -> bool:
    return rule.force == OUR_CHOICE and not rule.letters
