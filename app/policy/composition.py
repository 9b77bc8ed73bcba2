"""Pack composition: the packs that apply to a customer, stacked into one: the portfolio's own and those of the place.

Every rule of every stacked pack is asked, so the strictest holds and nothing is loosened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Protocol

from app.core.errors import NotFound
from app.core.types import JsonObject
from app.policy.overrides import ComplaintStops, tighten, with_complaint_stops
from app.policy.pack import Pack
from app.policy.packfile import parse_pack, shipped_packs
from app.policy.rules import Rule
from app.policy.sections.after_referral import strictest_after_referral
from app.policy.sections.agreements import strictest_agreements
from app.policy.sections.complaints import HOUSE, strictest_complaints
from app.policy.sections.disputes import strictest_disputes
from app.policy.sections.hardship import strictest_hardship
from app.policy.sections.pauses import all_pauses
from app.policy.sections.protected_rate import lowest_protected_rate
from app.policy.sections.retention import longest_retention

_providers: tuple[str, ...] = ()
_US_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "UM", "VI"})
_SOURCE = ("citation", "source", "verified", "force")
"""Fields in which two rules that say the same may differ."""


def use_providers(*names: str) -> None:
    """Name the providers that carry the messages of this process, as the settings spell them. The composition root says
    so once; what they forbid is part of every composition from then on."""
    global _providers  # noqa: PLW0603 - one installation has one set of providers
    _providers = tuple(sorted(names))


class PortfolioPolicy(Protocol):
    """The fields of a portfolio that decide which packs apply."""

    @property
    def code(self) -> str: ...
    @property
    def pack(self) -> str: ...
    @property
    def collector(self) -> str: ...
    @property
    def tightening(self) -> str: ...
    @property
    def adopted_packs(self) -> str: ...
    @property
    def complaint_stops(self) -> str: ...
    @property
    def assigned_on(self) -> date | None: ...


class Resident(Protocol):
    """The fields of a customer that decide which packs apply."""

    @property
    def country(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def postcode(self) -> str: ...


def packs_for(portfolio: PortfolioPolicy, customer: Resident) -> Pack:
    """The effective pack of a customer: the portfolio's, the customer's country's and place's, and the portfolio's
    tightening. The same object for every customer it applies to, so that it can be compared by `is`.

    Where no pack covers the customer's country and none is adopted for it, the pack says so (`Pack.uncovered`), and the
    gate refuses. NotFound when the portfolio names a pack that does not exist.
    """
    found = _packs_at(
        portfolio.pack,
        str(portfolio.collector),
        portfolio.adopted_packs,
        _providers,
        customer.country,
        customer.region,
        customer.city,
        customer.postcode[:5],
        portfolio.assigned_on is not None,
    )
    if not found.codes:
        raise _unknown(portfolio)
    return _effective(found, portfolio.tightening, ComplaintStops(portfolio.complaint_stops))


def pack_of(portfolio: PortfolioPolicy) -> Pack:
    """The pack of a portfolio wherever its customers live. NotFound as `packs_for`."""
    found = _packs_at(
        portfolio.pack,
        str(portfolio.collector),
        "",
        _providers,
        "",
        "",
        "",
        "",
        portfolio.assigned_on is not None,
    )
    if not found.codes:
        raise _unknown(portfolio)
    return _effective(found, portfolio.tightening, ComplaintStops(portfolio.complaint_stops))


def country_of(text: str) -> str:
    """The country whose law applies at an address: the territories of the United States are the United States (15 USC
    1692a(8))."""
    code = text.strip().upper()
    return "US" if code in _US_TERRITORIES else code


def covers(pack: Pack, country: str, collector: str) -> bool:
    """True if a pack is one of its own, and for such a collector in this country."""
    return pack.country == country and not pack.stacks_on and pack.collector in ("any", collector)


def portfolio_packs() -> list[str]:
    """Codes of the packs that a portfolio may name as its own: all but those of providers."""
    return [pack.code for pack in shipped_packs().values() if not pack.provider]


def _unknown(portfolio: PortfolioPolicy) -> NotFound:
    known = ", ".join(portfolio_packs())
    return NotFound(
        f"Portfolio {portfolio.code} names policy pack {portfolio.pack!r}. Known packs are {known}."
    )


class _Found(NamedTuple):
    """The packs that apply, the portfolio's own first; none when that does not exist."""

    codes: tuple[str, ...]
    uncovered: str = ""
    """The customer's country, where none of them is for it."""


@lru_cache(maxsize=100_000)
def _packs_at(
    base: str,
    collector: str,
    adopted: str,
    providers: tuple[str, ...],
    country: str,
    region: str,
    city: str,
    postcode: str,
    bought: bool,
) -> _Found:
    packs = shipped_packs()
    if base not in packs:
        return _Found(())
    chosen = _with_below(base, collector)
    country, uncovered = country_of(country), ""
    if country and all(packs[code].country != country for code in chosen):
        theirs = [pack.code for pack in packs.values() if covers(pack, country, collector)]
        if not theirs:
            named = read_adopted(adopted).get(country, "")
            theirs = _with_below(named, collector) if named in packs else []
            uncovered = "" if theirs else country
        chosen.extend(theirs)
    grown = True
    while grown:
        more = [
            pack.code
            for pack in packs.values()
            if pack.code not in chosen
            and pack.collector in ("any", collector)
            and pack.provider in ("", *providers)
            and (bought or not pack.bought)
            and set(pack.stacks_on).intersection(chosen)
            and (
                pack.place is None
                or (pack.country == country and pack.place.contains(region, city, postcode))
            )
        ]
        chosen.extend(more)
        grown = bool(more)
    return _Found(tuple(dict.fromkeys(chosen)), uncovered)


def _with_below(code: str, collector: str) -> list[str]:
    """A pack and those that it stacks on."""
    packs = shipped_packs()
    below = [each for each in packs[code].stacks_on if packs[each].collector in ("any", collector)]
    return [*below, code]


@lru_cache(maxsize=1024)
def _effective(found: _Found, tightening: str, stops: ComplaintStops) -> Pack:
    packs = shipped_packs()
    return stack([packs[code] for code in found.codes], tightening, found.uncovered, stops)


def stack(
    packs: Sequence[Pack],
    tightening: str = "",
    uncovered: str = "",
    stops: ComplaintStops = ComplaintStops.REMINDERS,
) -> Pack:
    """One pack in which every rule of `packs` applies, tightened by the text of a portfolio's own rules. `uncovered`:
    the country that none of them is for. `stops`: what an open complaint stops in the portfolio.

    Re-ageing and the most that may be charged are the first pack's, whose creditor's account it is; days rest where
    any pack says so, the record is kept as long as the longest retention says, and the strictest rules about agreements
    hold. BadPack for a wrong or loosening text.
    """
    first = packs[0]
    rules, mark = with_complaint_stops(tuple(_union(packs)), stops), ""
    usual = stops is ComplaintStops.REMINDERS
    if tightening:
        rules, mark = tighten(rules, tightening)
    return Pack(
        code=first.code,
        name=" + ".join(pack.name for pack in packs),
        version=first.version,
        country=first.country,
        collector=first.collector,
        effective_from=first.effective_from,
        effective_to=first.effective_to,
        disclaimer=" ".join(dict.fromkeys(pack.disclaimer for pack in packs)),
        rules=rules,
        re_age=first.re_age,
        pauses=all_pauses([pack.pauses for pack in packs if pack.pauses is not None]),
        charges=first.charges,
        protected_rate=lowest_protected_rate(
            [pack.protected_rate for pack in packs if pack.protected_rate is not None]
        ),
        hardship=strictest_hardship([pack.hardship for pack in packs if pack.hardship is not None]),
        retention=longest_retention([pack.retention for pack in packs if pack.retention is not None]),
        after_referral=strictest_after_referral(
            [pack.after_referral for pack in packs if pack.after_referral is not None]
        ),
        agreements=strictest_agreements([pack.agreements for pack in packs if pack.agreements is not None]),
        complaints=strictest_complaints([pack.complaints for pack in packs if pack.complaints is not HOUSE])
        or HOUSE,
        disputes=strictest_disputes([pack.disputes for pack in packs if pack.disputes is not None]),
        uncovered=uncovered,
        parts=(
            *[pack.label for pack in packs],
            *([mark] if mark else []),
            *([] if usual else [f"complaints@{stops}"]),
            *([f"no-pack@{uncovered}"] if uncovered else []),
        ),
        text=json.dumps(
            {"packs": {pack.code: pack.text for pack in packs}, "tightening": tightening}
            | ({"uncovered": uncovered} if uncovered else {})
            | ({} if usual else {"complaint_stops": stops.value}),
            ensure_ascii=False,
        ),
    )


def unstack(text: str) -> Pack:
    """The pack that `stack` wrote this text of."""
    kept = json.loads(text)
    packs = [parse_pack(toml, f"{code}.toml") for code, toml in kept["packs"].items()]
    stops = ComplaintStops(kept.get("complaint_stops", ComplaintStops.REMINDERS))
    return stack(packs, kept["tightening"], kept.get("uncovered", ""), stops)


def _union(packs: Sequence[Pack]) -> Iterator[Rule]:
    """All rules, one of those that say the same under the same id: every pack brings the house rules."""
    seen: dict[str, list[JsonObject]] = {}
    for pack in packs:
        for rule in pack.rules:
            figures = _figures(rule)
            if figures not in seen.setdefault(rule.id, []):
                seen[rule.id].append(figures)
                yield rule


def _figures(rule: Rule) -> JsonObject:
    names = [name for kind in type(rule).__mro__ for name in getattr(kind, "__slots__", ())]
    return {name: getattr(rule, name) for name in names if name not in _SOURCE} | {"kind": type(rule)}


# --- packs that a manager adopted -----------------------------------------------------------------------------

_LINE = re.compile(r"(?P<country>[A-Z]{2})=(?P<pack>[a-z][a-z0-9-]*)")


@lru_cache(maxsize=256)
def read_adopted(text: str) -> Mapping[str, str]:
    """Codes of adopted packs by country, from the text that a portfolio keeps: `AT=us-first-party`, one country a line.
    ValueError for a line that is none."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"Not a country and a pack: {line!r}.")
        found[match["country"]] = match["pack"]
    return MappingProxyType(found)


def write_adopted(adopted: Mapping[str, str]) -> str:
    """The text that `read_adopted` reads."""
    return "\n".join(f"{country}={pack}" for country, pack in sorted(adopted.items()))
