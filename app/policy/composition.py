"""Pack composition: the packs that apply to a customer, stacked into one: the portfolio's own and those of the place.

Every rule of every stacked pack is asked, so the strictest holds and nothing is loosened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from app.core.errors import NotFound
from app.core.types import JsonObject
from app.policy.overrides import tighten
from app.policy.pack import Pack
from app.policy.packfile import parse_pack, shipped_packs
from app.policy.rules import Rule
from app.policy.sections.after_referral import strictest_after_referral
from app.policy.sections.agreements import strictest_agreements
from app.policy.sections.pauses import all_pauses
from app.policy.sections.retention import longest_retention

_SOURCE = ("citation", "source", "verified", "force")
"""Fields in which two rules that say the same may differ."""


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

    NotFound when the portfolio names a pack that does not exist.
    """
    codes = _codes_at(
        portfolio.pack,
        str(portfolio.collector),
        customer.country,
        customer.region,
        customer.city,
        customer.postcode[:5],
    )
    if not codes:
        raise _unknown(portfolio)
    return _effective(codes, portfolio.tightening)


def pack_of(portfolio: PortfolioPolicy) -> Pack:
    """The pack of a portfolio wherever its customers live. NotFound as `packs_for`."""
    codes = _codes_at(portfolio.pack, str(portfolio.collector), "", "", "", "")
    if not codes:
        raise _unknown(portfolio)
    return _effective(codes, portfolio.tightening)


def _unknown(portfolio: PortfolioPolicy) -> NotFound:
    known = ", ".join(shipped_packs())
    return NotFound(
        f"Portfolio {portfolio.code} names policy pack {portfolio.pack!r}. Known packs are {known}."
    )


@lru_cache(maxsize=100_000)
def _codes_at(
    base: str, collector: str, country: str, region: str, city: str, postcode: str
) -> tuple[str, ...]:
    """Codes of the packs that apply, the portfolio's own first; () when that does not exist."""
    packs = shipped_packs()
    if base not in packs:
        return ()
    below = [code for code in packs[base].stacks_on if packs[code].collector in ("any", collector)]
    chosen = [*below, base]
    country = country.strip().upper()
    if country and all(packs[code].country != country for code in chosen):
        chosen.extend(
            pack.code
            for pack in packs.values()
            if pack.country == country and not pack.stacks_on and pack.collector in ("any", collector)
        )
    grown = True
    while grown:
        more = [
            pack.code
            for pack in packs.values()
            if pack.code not in chosen
            and pack.collector in ("any", collector)
            and set(pack.stacks_on).intersection(chosen)
            and (
                pack.place is None
                or (pack.country == country and pack.place.contains(region, city, postcode))
            )
        ]
        chosen.extend(more)
        grown = bool(more)
    return tuple(dict.fromkeys(chosen))


@lru_cache(maxsize=1024)
def _effective(codes: tuple[str, ...], tightening: str) -> Pack:
    packs = shipped_packs()
    return stack([packs[code] for code in codes], tightening)


def stack(packs: Sequence[Pack], tightening: str = "") -> Pack:
    """One pack in which every rule of `packs` applies, tightened by the text of a portfolio's own rules.

    Re-ageing and the most that may be charged are the first pack's, whose creditor's account it is; days rest where
    any pack says so, the record is kept as long as the longest retention says, and the strictest rules about agreements
    hold. BadPack for a wrong or loosening text.
    """
    first = packs[0]
    rules, mark = tuple(_union(packs)), ""
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
        retention=longest_retention([pack.retention for pack in packs if pack.retention is not None]),
        after_referral=strictest_after_referral(
            [pack.after_referral for pack in packs if pack.after_referral is not None]
        ),
        agreements=strictest_agreements([pack.agreements for pack in packs if pack.agreements is not None]),
        parts=tuple(pack.label for pack in packs) + ((mark,) if mark else ()),
        text=json.dumps(
            {"packs": {pack.code: pack.text for pack in packs}, "tightening": tightening}, ensure_ascii=False
        ),
    )


def unstack(text: str) -> Pack:
    """The pack that `stack` wrote this text of."""
    kept = json.loads(text)
    packs = [parse_pack(toml, f"{code}.toml") for code, toml in kept["packs"].items()]
    return stack(packs, kept["tightening"])


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
