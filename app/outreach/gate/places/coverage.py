"""Coverage: the countries in which a portfolio's customers live, and the packs that hold there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.labels import country_name
from app.core.text import clean_text
from app.core.timeline.service import about_portfolio, record
from app.outreach.gate.events import PackAdopted
from app.policy.composition import country_of, covers, read_adopted, write_adopted
from app.policy.packfile import shipped_packs
from app.policy.zones import zones_for


@dataclass(frozen=True, slots=True)
class CountryCover:
    """One country of a portfolio's customers."""

    country: str
    """ISO 3166-1 alpha-2."""
    name: str
    customers: int
    packs: tuple[str, ...]
    """Codes of the packs that hold there: the country's own, or the one that was adopted."""
    adopted: bool = False
    """A manager adopted the pack, which is another country's."""

    @property
    def covered(self) -> bool:
        return bool(self.packs)


def coverage(session: Session, portfolio: Portfolio) -> Sequence[CountryCover]:
    """The countries of the portfolio's customers, those that no pack covers first, then by number of customers.
    Customers without a country have no row: their time zone decides whether they are contacted."""
    customer = table_of(Customer)
    query = (
        sa.select(customer.c.country, sa.func.count())
        .where(customer.c.portfolio_id == portfolio.id)
        .group_by(customer.c.country)
    )
    counted: dict[str, int] = {}
    for text, n in session.execute(query):
        if country := country_of(text):
            counted[country] = counted.get(country, 0) + n
    adopted = read_adopted(portfolio.adopted_packs)
    found = [_cover(portfolio, country, n, adopted) for country, n in counted.items()]
    return sorted(found, key=lambda each: (each.covered, -each.customers, each.country))


def _cover(portfolio: Portfolio, country: str, customers: int, adopted: Mapping[str, str]) -> CountryCover:
    own, name = own_packs(portfolio, country), country_name(country)
    if own:
        return CountryCover(country, name, customers, own)
    named = adopted.get(country, "")
    return CountryCover(country, name, customers, (named,) if named else (), adopted=bool(named))


def own_packs(portfolio: Portfolio, country: str) -> tuple[str, ...]:
    """The packs of a country that apply to the portfolio's customers there; () = no pack covers it."""
    packs = shipped_packs()
    if packs[portfolio.pack].country == country:
        return (portfolio.pack,)
    return tuple(pack.code for pack in packs.values() if covers(pack, country, portfolio.collector))


def adoptable(portfolio: Portfolio) -> Sequence[str]:
    """The packs that this portfolio may adopt: those of their own, for its kind of collector."""
    packs = shipped_packs().values()
    return [pack.code for pack in packs if covers(pack, pack.country, portfolio.collector)]


def adopt_pack(
    session: Session, portfolio: Portfolio, country: str, pack: str, reason: str, *, by: Actor, now: datetime
) -> None:
    """Let a pack of another country hold for the portfolio's customers in a country that no pack covers, on top of the
    portfolio's own; '' takes it back, and nothing is sent there any more.

    Invalid names the field: a country that is none, a pack that does not exist or is for other collectors, no reason.
    Conflict for a country that a pack covers, and where there is nothing to take back.
    """
    country, pack = country_of(country), pack.strip()
    if not zones_for(country, "", "", "", "", ""):
        raise Invalid("This is no country. Write its two letters, such as DE.", "country")
    reason = clean_text(reason, "reason", at_most=300, empty="Say why.")
    if own := own_packs(portfolio, country):
        raise Conflict(
            f"{country_name(country)} is covered by {', '.join(own)}. No other pack is adopted for it."
        )
    if pack and pack not in adoptable(portfolio):
        known = ", ".join(adoptable(portfolio))
        raise Invalid(f"No pack of this name may be adopted. Packs are {known}.", "pack")
    adopted = dict(read_adopted(portfolio.adopted_packs))
    if not pack and country not in adopted:
        raise Conflict(f"No pack is adopted for {country_name(country)}.")
    if pack:
        adopted[country] = pack
    else:
        del adopted[country]
    portfolio.adopted_packs = write_adopted(adopted)
    event = PackAdopted(country, pack, reason)
    record(session, about_portfolio(id_of(portfolio), event), by=by, now=now)
