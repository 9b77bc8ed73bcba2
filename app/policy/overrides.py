"""A portfolio's own rules on top of its packs: new ones, and stricter figures for theirs. Pure.

The text is TOML with [[rules]] as in a pack. A table whose `id` is a pack's rule names only the fields it changes;
each must be at least as strict. Any other is a whole new rule, and its id begins with `house.`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from app.policy.calendars import missing
from app.policy.kinds import (
    ContentRule,
    LanguageRule,
    LimitationRule,
    PreferenceRule,
    WaitRule,
)
from app.policy.packfile import BadPack, rule_of
from app.policy.rules import (
    CapRule,
    ConsentRule,
    Counted,
    GapRule,
    HoldRule,
    HoursRule,
    Rule,
)

NAME = "tightening"
_KINDS: Mapping[type[Rule], str] = {
    HoursRule: "hours",
    CapRule: "cap",
    GapRule: "gap",
    ConsentRule: "consent",
    HoldRule: "hold",
    PreferenceRule: "preference",
    WaitRule: "wait",
    ContentRule: "content",
    LanguageRule: "language",
    LimitationRule: "limitation",
}
_FIXED = ("force", "citation", "source", "verified", "effective_from", "effective_to")
"""Whence a rule comes and when it binds is the pack's to say."""


class Looser(BadPack):
    """A figure that would permit what the pack does not."""


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


def entries(text: str) -> list[dict[str, Any]]:
    """The [[rules]] tables of a tightening. BadPack if it is not TOML, or has a table without an id or one twice."""
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
        if isinstance(rule, HoursRule) and rule.holidays and (problem := missing(rule.holidays)):
            raise BadPack(f"{NAME}: rule {rule.id}: holidays: {problem}", "holidays")
    return [entry["id"] for entry in entries(text)]


def _stricter(rule: Rule, entry: Mapping[str, Any]) -> Rule:
    """The rule with the entry's figures; BadPack if any of them is looser than it was."""
    where = f"{NAME}: rule {rule.id}"
    if entry.get("kind", _KINDS[type(rule)]) != _KINDS[type(rule)]:
        raise BadPack(f"{where}: kind: is {_KINDS[type(rule)]} and stays so", "kind")
    for name in _FIXED:
        if name in entry:
            raise BadPack(f"{where}: {name}: is the pack's to say; leave it out", name)
    spelt = spelling(rule)
    changed = rule_of(spelt | dict(entry), where)
    for name, (was, now, fine) in _compared(rule, changed).items():
        if not fine:
            raise Looser(
                f"{where}: {name}: {now} is looser than the {was} of {rule.citation} ({rule.force}); "
                "a portfolio may only be stricter",
                name,
            )
    return replace(changed, citation=f"{rule.citation}; tightened by the portfolio")


def spelling(rule: Rule) -> dict[str, Any]:
    """The rule as its [[rules]] table, so that a change can be laid over it."""
    shared: dict[str, Any] = {
        "id": rule.id,
        "kind": _KINDS[type(rule)],
        "channels": sorted(rule.channels),
        "purposes": sorted(rule.purposes),
        **{name: getattr(rule, name) for name in _FIXED if getattr(rule, name) is not None},
    }
    return shared | _own_spelling(rule)


def _own_spelling(rule: Rule) -> dict[str, Any]:
    match rule:
        case HoursRule():
            closed = rule.holidays
            holidays = (
                {}
                if closed is None
                else {
                    "holidays": {
                        "country": closed.country,
                        "subdivision": closed.subdivision,
                        "categories": list(closed.categories),
                        "equated": sorted(closed.equated),
                    }
                }
            )
            names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
            opens = [
                {"weekdays": [name], "from": _clock(start), "to": _clock(end)}
                for name, spans in zip(names, rule.week, strict=True)
                for start, end in spans
            ]
            return {"open": opens, **holidays}
        case CapRule():
            windows = ("window_days", "window_hours", "calendar")
            window = {name: getattr(rule, name) for name in windows if getattr(rule, name) is not None}
            return {"most": rule.most, "counts": str(rule.counts), "per": rule.per, **window}
        case GapRule():
            return {"days": rule.days}
        case ConsentRule():
            return {"mode": rule.mode, "across": rule.across}
        case HoldRule():
            return {"holds": sorted(rule.holds)}
        case PreferenceRule():
            return {"preferences": sorted(rule.kinds)}
        case WaitRule():
            months = {} if rule.valid_months is None else {"valid_months": rule.valid_months}
            before = sorted(rule.before) + (["suit"] if rule.before_suit else [])
            return {"after": sorted(rule.after), "before": before, "days": rule.days, **months}
        case ContentRule():
            letters = {"letters": sorted(rule.letters)} if rule.letters else {}
            return {"blocks": sorted(rule.blocks), **letters}
        case LanguageRule():
            letters = {"letters": sorted(rule.letters)} if rule.letters else {}
            return {"languages": sorted(rule.languages), **letters}
        case LimitationRule():
            return {"years": rule.years, "stops": rule.stops, "restarts": rule.restarts}
    raise TypeError(f"no spelling for {type(rule).__name__}")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_BREADTH = {Counted.ANSWERED: {Counted.ANSWERED}, Counted.MADE: {Counted.MADE, Counted.ANSWERED}}
_BREADTH[Counted.PLACED] = {Counted.PLACED, Counted.ANSWERED}
_BREADTH[Counted.ATTEMPTED] = set(Counted)


def _compared(was: Rule, now: Rule) -> dict[str, tuple[Any, Any, bool]]:
    """Field -> (old figure, new figure, whether the new one is at least as strict)."""
    figures: dict[str, tuple[Any, Any, bool]] = {
        "channels": _superset(was.channels, now.channels),
        "purposes": _superset(was.purposes, now.purposes),
    }
    match was, now:
        case HoursRule(), HoursRule():
            figures["open"] = (was.week, now.week, _within(was, now))
            figures["holidays"] = (was.holidays, now.holidays, _more_holidays(was, now))
        case CapRule(), CapRule():
            figures["most"] = (was.most, now.most, now.most <= was.most)
            figures["counts"] = (was.counts, now.counts, was.counts in _BREADTH[now.counts])
            figures["per"] = (was.per, now.per, now.per in (was.per, "person"))
            for name in ("window_days", "window_hours", "calendar"):
                old, new = getattr(was, name), getattr(now, name)
                longer = old == new or (isinstance(old, int) and isinstance(new, int) and new > old)
                figures[name] = (old, new, longer)
        case GapRule(), GapRule():
            figures["days"] = (was.days, now.days, now.days >= was.days)
        case ConsentRule(), ConsentRule():
            figures["mode"] = (was.mode, now.mode, now.mode in (was.mode, "opt_in"))
            figures["across"] = (was.across, now.across, now.across or not was.across)
        case HoldRule(), HoldRule():
            figures["holds"] = _superset(was.holds, now.holds)
        case PreferenceRule(), PreferenceRule():
            figures["preferences"] = _superset(was.kinds, now.kinds)
        case WaitRule(), WaitRule():
            figures["days"] = (was.days, now.days, now.days >= was.days)
            figures["after"] = (sorted(was.after), sorted(now.after), now.after <= was.after)
            old, new = ({*rule.before, *(["suit"] if rule.before_suit else [])} for rule in (was, now))
            figures["before"] = (sorted(old), sorted(new), new >= old)
            kept, keeps = was.valid_months or 10**6, now.valid_months or 10**6
            figures["valid_months"] = (was.valid_months, now.valid_months, keeps <= kept)
        case ContentRule(), ContentRule():
            figures["blocks"] = _superset(was.blocks, now.blocks)
            figures["letters"] = _every_letter(was.letters, now.letters)
        case LanguageRule(), LanguageRule():
            narrower = now.languages <= was.languages
            figures["languages"] = (sorted(was.languages), sorted(now.languages), narrower)
            figures["letters"] = _every_letter(was.letters, now.letters)
        case LimitationRule(), LimitationRule():
            figures["years"] = (was.years, now.years, now.years <= was.years)
            figures["stops"] = (was.stops, now.stops, now.stops in (was.stops, "contact"))
            figures["restarts"] = (was.restarts, now.restarts, was.restarts or not now.restarts)
    return figures


def _superset(was: frozenset[Any], now: frozenset[Any]) -> tuple[list[str], list[str], bool]:
    return sorted(map(str, was)), sorted(map(str, now)), now >= was


def _every_letter(was: frozenset[str], now: frozenset[str]) -> tuple[list[str], list[str], bool]:
    """No letters named means all of them."""
    return sorted(was), sorted(now), not now or (bool(was) and now >= was)


def _within(was: HoursRule, now: HoursRule) -> bool:
    """Every minute open now was open before."""
    return all(
        any(first <= start and end <= last for first, last in old)
        for old, new in zip(was.week, now.week, strict=True)
        for start, end in new
    )


def _more_holidays(was: HoursRule, now: HoursRule) -> bool:
    if was.holidays is None:
        return True
    if now.holidays is None:
        return False
    same = (was.holidays.country, was.holidays.subdivision) == (
        now.holidays.country,
        now.holidays.subdivision,
    )
    return (
        same
        and set(was.holidays.categories) <= set(now.holidays.categories)
        and was.holidays.equated <= now.holidays.equated
    )
