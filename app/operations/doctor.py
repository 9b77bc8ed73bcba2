"""The doctor: what is wrong with the set-up of this installation, before anything is sent. `desk doctor` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.core.labels import CHANNEL_LABELS, country_name, in_sentence
from app.outreach.gate.places.coverage import CountryCover, coverage
from app.policy.composition import pack_of, packs_for
from app.policy.kinds.forbidden import ForbiddenRule
from app.policy.kinds.hours import HoursRule


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the set-up."""

    portfolio: str
    """Code of the portfolio; '' where it is the whole installation's."""
    check: str
    """Name of the check, for programs: `coverage`, `forbidden`, `runs_out`, `certificate`."""
    sentence: str
    """What is wrong, where, and what to do."""


RUNS_OUT_WITHIN = timedelta(days=180)
"""Dated data of a pack are asked for this long before they run out: a decree takes its time to be found and read."""
RENEW_WITHIN = timedelta(days=60)
"""A certificate is asked for this long before it expires."""


def findings(session: Session, *, today: date) -> Sequence[Finding]:
    """All faults of all portfolios, in the order of their codes; empty when nothing is wrong."""
    found: list[Finding] = []
    for portfolio in session.scalars(select(Portfolio).order_by(col(Portfolio.code))):
        found.extend(findings_of(session, portfolio, today=today))
    return found


def findings_of_certificate(ends: datetime, *, today: date) -> Sequence[Finding]:
    """Whether the certificate that seals bundles has expired, or will before a new one is surely there."""
    if today + RENEW_WITHIN < ends.date():
        return []
    runs = "has expired" if ends.date() <= today else "expires"
    advice = "No bundle should be sealed with it from then on. Get a new one, and set DESK_SEAL_CERTIFICATE."
    return [
        Finding("", "certificate", f"The certificate that seals bundles {runs} on {ends.date()}. {advice}")
    ]


def findings_of(session: Session, portfolio: Portfolio, *, today: date) -> Sequence[Finding]:
    """The faults of one portfolio."""
    countries = coverage(session, portfolio)
    return [
        *_uncovered(portfolio, countries),
        *_forbidden(portfolio, countries),
        *_running_out(portfolio, countries, today),
    ]


def _uncovered(portfolio: Portfolio, countries: Sequence[CountryCover]) -> Iterator[Finding]:
    for each in countries:
        if each.covered:
            continue
        customers = "1 customer lives" if each.customers == 1 else f"{each.customers:,} customers live"
        yield Finding(
            portfolio.code,
            "coverage",
            f"{portfolio.code}: {customers} in {each.name}, and no pack covers {each.name}: nothing is sent to them. A"
            " manager adopts a pack on the page Contact rules, or with: desk portfolio adopt"
            f" {portfolio.code} {each.country} PACK --reason TEXT",
        )


@dataclass(frozen=True, slots=True)
class _Anywhere:
    """Some customer in a country."""

    country: str
    region: str = ""
    city: str = ""
    postcode: str = ""


def _forbidden(portfolio: Portfolio, countries: Sequence[CountryCover]) -> Iterator[Finding]:
    """Channels that a rule bans for every customer in a country, whatever they allow: a provider's policy."""
    own = pack_of(portfolio).country
    names = {each.country: each.name for each in countries} or {own: country_name(own)}
    banned: dict[ForbiddenRule, list[str]] = {}
    for country, name in names.items():
        for rule in packs_for(portfolio, _Anywhere(country)).rules:
            if isinstance(rule, ForbiddenRule) and not rule.letters:  # certain letters are refused one by one
                banned.setdefault(rule, []).append(name)
    for rule, where in banned.items():
        channels = ", ".join(in_sentence(CHANNEL_LABELS[channel]) for channel in sorted(rule.channels))
        yield Finding(
            portfolio.code,
            "forbidden",
            f"{portfolio.code}: no {channels} leaves to customers in {', '.join(where)}. {rule.why} ({rule.citation})."
            " Use other channels, or another provider that carries them.",
        )


def _running_out(portfolio: Portfolio, countries: Sequence[CountryCover], today: date) -> Iterator[Finding]:
    """Days and figures of the packs that are known for some years only, and will not be known for long."""
    own = pack_of(portfolio)
    dated: list[tuple[str, date]] = []
    for country in [each.country for each in countries] or [own.country]:
        for rule in packs_for(portfolio, _Anywhere(country)).rules:
            if isinstance(rule, HoursRule) and rule.holidays and rule.holidays.equated_until:
                dated.append(
                    (
                        f"the days made equal to holidays (rule {rule.id}) are known",
                        rule.holidays.equated_until,
                    )
                )
            if rule.effective_to is not None:
                dated.append((f"rule {rule.id} ({rule.citation}) is in force", rule.effective_to))
    charges = own.charges
    if charges and charges.known_until and portfolio.late_fee_minor:
        dated.append((f"the figures of [charges] in pack {own.code} are known", charges.known_until))
    for what, until in dict.fromkeys(dated):
        if today + RUNS_OUT_WITHIN >= until:
            over = "" if today <= until else ", which is over"
            advice = "Look up what holds after that day, and add it to the pack."
            yield Finding(
                portfolio.code, "runs_out", f"{portfolio.code}: {what} until {until}{over}. {advice}"
            )
