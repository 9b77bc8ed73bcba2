"""Limits of an agreement by the portfolio and the customer's packs, and who may grant it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.plans.rules import PERIODS_A_YEAR, Instalment, PlanKind, is_within_discount
from app.casework.plans.schedule import MOST_PAYMENTS, grows, grows_at, longest_months
from app.casework.plans.terms import AgreementLimits, AgreementTerms, Authority, Limit, rate_text
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.money import with_code
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import counted
from app.policy.calendars import public_holidays
from app.policy.composition import packs_for
from app.policy.kinds.agreement import AgreementRule
from app.policy.sections.agreements import AgreementRules, Figure

_NO_RULES = AgreementRules()
_CONCESSIONS = frozenset({PlanKind.INSTALMENTS, PlanKind.HARDSHIP})


@dataclass(frozen=True, slots=True)
class Grantor:
    """The person who grants an agreement, and the role that says how much they may grant alone."""

    by: Actor
    role: Role
    is_second: bool = False
    """Another person asked for it, and this one approves: no limit of one person holds."""


def limits_of(session: Session, portfolio: Portfolio, customer_id: int) -> AgreementLimits:
    """The limits for one customer: the stricter of the portfolio's settings and the packs that apply."""
    pack = packs_for(portfolio, session.get_one(Customer, customer_id))
    rules = pack.agreements or _NO_RULES
    stops = next(
        (rule for rule in pack.rules if isinstance(rule, AgreementRule) and rule.force == "law"), None
    )
    return AgreementLimits(
        promise_days=_stricter("promise-days", portfolio.promise_days, rules.promise_days),
        settlement_days=_stricter("settlement-days", portfolio.settlement_days, rules.settlement_days),
        settlement_payments=_stricter(
            "settlement-payments", portfolio.settlement_payments, rules.settlement_payments
        ),
        longest_months=_stricter("plan-months", portfolio.plan_months, rules.plan_months),
        first_within_days=_stricter("first-within", portfolio.first_within_days, None),
        min_apr_millionths=_stricter("lowest-rate", portfolio.lowest_apr_millionths, None),
        must_amortise=Limit(1, duty.id, duty.citation) if (duty := rules.must_amortise) else None,
        stops_collection=Limit(1, stops.id, stops.citation) if stops else None,
        skips=_stricter("skips", portfolio.plan_skips, None),
        token_months=_stricter("token-months", portfolio.token_months, rules.token_months),
        reduced_months=_stricter("reduced-months", portfolio.reduced_months, rules.reduced_months),
    )


def holidays_of(session: Session, portfolio: Portfolio, customer_id: int, today: date) -> frozenset[date]:
    """Public holidays of the customer's country from `today` on, for longer than the longest plan."""
    customer = session.get_one(Customer, customer_id)
    country = customer.country or packs_for(portfolio, customer).country
    # Whole years, so that the days are looked up once a year.
    first = today.replace(month=1, day=1)
    return public_holidays(country, first, date(first.year + 1 + (portfolio.plan_months + 23) // 12, 1, 1))


def authority_of(portfolio: Portfolio, role: Role, waived_before_minor: int = 0) -> Authority:
    """The authority of one person of this role, where agreements of the case waived so much in fees before."""
    if role in MANAGEMENT:
        return Authority(
            role.value,
            max_payments=MOST_PAYMENTS,
            max_discount_percent=portfolio.manager_max_discount_percent,
            max_waived_fees_minor=portfolio.waive_limit_minor,
            may_lower_rate=True,
            may_re_age=True,
            waived_before_minor=waived_before_minor,
            max_skips_a_year=portfolio.manager_skips_a_year,
            max_relief_months=MOST_PAYMENTS,
        )
    return Authority(
        role.value,
        max_payments=portfolio.agent_max_instalments,
        max_discount_percent=portfolio.agent_max_discount_percent,
        max_waived_fees_minor=portfolio.agent_waive_minor,
        may_lower_rate=portfolio.agent_lowers_rate,
        may_re_age=False,
        waived_before_minor=waived_before_minor,
        max_skips_a_year=portfolio.agent_skips_a_year,
        max_relief_months=portfolio.agent_relief_months,
    )


# --- what nobody may grant: pure -----------------------------------------------------------------------------


def check_limits(
    terms: AgreementTerms, parts: Sequence[Instalment], limits: AgreementLimits, today: date
) -> None:
    """Invalid, with the field and the rule, for an agreement that nobody may make."""
    _check_dates(terms, parts, limits, today)
    check_length(terms.kind, parts, limits, today)
    _check_concessions(terms, limits)
    check_relief(terms, parts, limits)
    _require_falling(limits, grows(parts))


def check_debt_falls(
    terms: AgreementTerms,
    parts: Sequence[Instalment],
    owed_by_rate: Mapping[int, int],
    limits: AgreementLimits,
    today: date,
) -> None:
    """Invalid for a plan at the accounts' own rates under which the debt would grow, where the packs forbid that. The
    interest to come is no part of such a schedule. `owed_by_rate`: minor units by yearly rate in millionths."""
    if terms.kind in _CONCESSIONS and terms.apr_millionths is None:
        _require_falling(limits, grows_at(parts, owed_by_rate, terms.day_count, today))


def _require_falling(limits: AgreementLimits, growing: Instalment | None) -> None:
    if limits.must_amortise is None or growing is None:
        return
    where = f"Payment {growing.n}" if growing.n else "The down payment"
    raise _over(
        limits.must_amortise,
        f"{where} is no more than the interest until then. Begin earlier, or offer fewer payments.",
        "payments",
    )


def _check_dates(
    terms: AgreementTerms, parts: Sequence[Instalment], limits: AgreementLimits, today: date
) -> None:
    first, last = parts[0].due_on, parts[-1].due_on
    if first < today:
        raise Invalid("The first payment cannot be due in the past.", "due_on")
    if terms.kind is PlanKind.PROMISE:
        most = limits.promise_days
        if last > today + timedelta(days=most.value):
            raise _over(
                most,
                f"A promise lies at most {counted(most.value, 'day')} ahead. Offer a repayment plan instead.",
                "due_on",
            )
        return
    if terms.kind is PlanKind.SETTLEMENT:
        most = limits.settlement_payments
        if len(parts) > most.value:
            raise _over(most, f"A settlement has at most {_payments(most.value)}.", "payments")
    most = limits.first_within_days
    if first > today + timedelta(days=most.value):
        raise _over(most, f"The first payment is due within {counted(most.value, 'day')}.", "due_on")


def check_length(
    kind: PlanKind, parts: Sequence[Instalment], limits: AgreementLimits, offered_on: date
) -> None:
    """Invalid where a settlement lasts too long from the day of its offer, or a plan from its first payment. Also for
    a date that is moved."""
    most = limits.settlement_days
    if kind is PlanKind.SETTLEMENT and parts[-1].due_on > offered_on + timedelta(days=most.value):
        raise _over(most, f"A settlement is paid within {counted(most.value, 'day')}.", "due_on")
    most = limits.longest_months
    if kind in _CONCESSIONS and longest_months(parts) > most.value:
        raise _over(most, f"A plan ends within {counted(most.value, 'month')}.", "payments")


def _check_concessions(terms: AgreementTerms, limits: AgreementLimits) -> None:
    if terms.waived_fees_minor < 0:
        raise Invalid("The fees waived cannot be negative. Enter 0 for none.", "waived_fees")
    if terms.waived_fees_minor and terms.kind is not PlanKind.HARDSHIP:
        raise Invalid("Only a hardship plan waives fees.", "waived_fees")
    if terms.kind not in _CONCESSIONS and terms.apr_millionths is not None:
        raise Invalid("Only a plan sets a rate. Leave it empty.", "apr")
    if terms.kind not in _CONCESSIONS and terms.re_age:
        raise Invalid("Only a plan brings accounts current when it is kept.", "re_age")
    least = limits.min_apr_millionths
    if least and terms.apr_millionths is not None and terms.apr_millionths < least.value:
        raise _over(least, f"The lowest rate is {rate_text(least.value)} % a year.", "apr")
    most = limits.skips.value if limits.skips else 0
    if not 0 <= terms.skips_allowed <= most:
        raise Invalid(f"At most {_payments(most)} may be skipped in this portfolio.", "skips")


def check_relief(terms: AgreementTerms, parts: Sequence[Instalment], limits: AgreementLimits) -> None:
    """Invalid for token or reduced payments that nobody may grant. Both are terms of a hardship plan."""
    if not terms.is_token and terms.reduced is None:
        if terms.review_on is not None:
            raise Invalid("Only token or reduced payments have a day of review. Leave it empty.", "review_on")
        return
    field = "token" if terms.is_token else "reduced_payments"
    if terms.kind is not PlanKind.HARDSHIP:
        raise Invalid("Only a hardship plan has token or reduced payments.", field)
    if terms.is_token and (terms.reduced is not None or terms.down_payment_minor or terms.re_age):
        raise Invalid(
            "Token payments are all alike, and bring no account current. Leave out the down payment, the"
            " reduced payments and the re-age.",
            field,
        )
    limit = limits.token_months if terms.is_token else limits.reduced_months
    most = limit.value if limit else 0
    what = "Token payments are" if terms.is_token else "Payments are reduced"
    if limit is None or not most:
        raise Invalid(f"No {'token' if terms.is_token else 'reduced'} payments are agreed on here.", field)
    if terms.relief_months > most:
        agreed = " agreed on" if terms.is_token else ""
        raise _over(limit, f"{what}{agreed} for at most {most} {'month' if most == 1 else 'months'}.", field)
    last = parts[-1].due_on
    if terms.review_on is not None and not parts[0].due_on <= terms.review_on <= last:
        raise Invalid("The day of review lies between the first payment and the last.", "review_on")


def check_token(terms: AgreementTerms, owed_minor: int, own_apr_millionths: int) -> None:
    """Invalid for token payments under which the debt would grow, or which pay all of it."""
    if own_apr_millionths and terms.apr_millionths != 0:
        raise Invalid(
            "No interest runs while token payments are kept: otherwise the debt grows. Set the rate to 0.",
            "apr",
        )
    if terms.total_minor + terms.waived_fees_minor >= owed_minor:
        raise Invalid(
            "Token payments pay a small part of the debt. For all of it offer an ordinary plan.", "token"
        )


def is_partial(terms: AgreementTerms, past_due_minor: int) -> bool:
    """True for an ordinary plan that pays less than what is past due. Whatever its name, it is small payments for a
    time, after which the rest has to be agreed on: the limits of token payments bind it."""
    principal = terms.total_minor + terms.waived_fees_minor
    return (
        terms.kind in _CONCESSIONS and not terms.is_token and not terms.re_age and principal < past_due_minor
    )


def check_partial(
    terms: AgreementTerms,
    parts: Sequence[Instalment],
    limits: AgreementLimits,
    owed_by_rate: Mapping[int, int],
    today: date,
) -> None:
    """Invalid for a plan of a part of the arrears (`is_partial`) that lasts longer than token payments may, or that
    pays no more than the interest of its time. `owed_by_rate`: minor units by yearly rate in millionths."""
    limit = limits.token_months
    less = "This pays less than what is past due"
    if limit is None or not limit.value:
        raise Invalid(f"{less}, and no such payments are agreed on here. Offer all of it.", "amount")
    if _partial_months(terms, parts) > limit.value:
        longest = f"{limit.value} {'month' if limit.value == 1 else 'months'}"
        raise _over(limit, f"{less}, so it lasts at most {longest}, as token payments do.", "payments")
    days = (parts[-1].due_on - today).days
    yearly = sum(balance * rate for rate, balance in owed_by_rate.items() if balance > 0)
    if yearly and sum(part.amount for part in parts) * terms.day_count * 1_000_000 <= yearly * days:
        raise Invalid(
            f"{less}, and no more than the interest until then: the debt would grow. Offer token payments, which bear "
            "none.",
            "amount",
        )


def _partial_months(terms: AgreementTerms, parts: Sequence[Instalment]) -> int:
    return max(terms.months_of(terms.count), longest_months(parts))


# --- what one person may not grant alone: pure -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BeyondAuthority:
    """Why one person may not grant an agreement alone, as a sentence, and the field it is about."""

    why: str
    field: str


def beyond(
    terms: AgreementTerms,
    authority: Authority,
    *,
    owed_minor: int,
    own_apr_millionths: int,
    currency: str,
    past_due_minor: int = 0,
) -> BeyondAuthority | None:
    """The first reason why a person of this authority may not grant these terms alone; None = they may.

    `owed_minor`: for a settlement the balances that it settles; `own_apr_millionths`: the highest rate of the accounts;
    `past_due_minor`: what an ordinary plan pays at least, or it counts as token payments do (`is_partial`).
    """
    who, ask = _who(authority, "offer")
    if terms.kind in _CONCESSIONS and terms.count > authority.max_payments:
        said = (
            f"{counted(terms.count, 'instalment')} {_are(terms.count)} beyond the {authority.max_payments} that {who} "
            f"may grant. {ask}"
        )
        return BeyondAuthority(said, "payments")
    most = authority.max_discount_percent
    if terms.kind is PlanKind.SETTLEMENT and not is_within_discount(owed_minor, terms.total_minor, most):
        said = f"This waives more than the {most} % that {who} may grant alone. {ask}"
        return BeyondAuthority(said, "amount")
    before = authority.waived_before_minor
    if terms.waived_fees_minor and terms.waived_fees_minor + before > authority.max_waived_fees_minor:
        limit = with_code(authority.max_waived_fees_minor, currency)
        told = f", and agreements of this case waived {with_code(before, currency)} before" if before else ""
        return BeyondAuthority(
            f"{who.capitalize()} may waive fees up to {limit} alone{told}. {ask}", "waived_fees"
        )
    if (
        not authority.may_lower_rate
        and terms.apr_millionths is not None
        and terms.apr_millionths < own_apr_millionths
    ):
        return BeyondAuthority(f"{who.capitalize()} may not lower the rate alone. {ask}", "apr")
    if terms.re_age and not authority.may_re_age:
        return BeyondAuthority(f"{who.capitalize()} may not agree to re-age accounts alone. {ask}", "re_age")
    if (months := terms.relief_months) > authority.max_relief_months:
        what = "token" if terms.is_token else "reduced"
        most = authority.max_relief_months
        said = (
            f"{counted(months, 'month')} of {what} payments {_are(months)} beyond the {most} that {who} may grant "
            f"alone. {ask}"
        )
        return BeyondAuthority(said, "token" if terms.is_token else "reduced_payments")
    if (
        is_partial(terms, past_due_minor)
        and (months := terms.months_of(terms.count)) > authority.max_relief_months
    ):
        said = (
            f"It pays less than what is past due, and {counted(months, 'month')} of such payments "
            f"{_are(months)} beyond the {authority.max_relief_months} that {who} may grant alone. {ask}"
        )
        return BeyondAuthority(said, "payments")
    if terms.skips_allowed > authority.max_skips_a_year * _years(terms):
        said = (
            f"{who.capitalize()} may grant {_skips(authority.max_skips_a_year)} for a year of a plan alone."
        )
        return BeyondAuthority(f"{said} {ask}", "skips")
    return None


def beyond_skips(authority: Authority, skipped: int) -> BeyondAuthority | None:
    """Why one person of this authority may not let a customer skip one more payment; None = they may. `skipped`: their
    skips of the last year, those that were agreed among them."""
    if skipped < authority.max_skips_a_year:
        return None
    who, ask = _who(authority, "grant")
    done = f", and {skipped} {'was' if skipped == 1 else 'were'} granted" if skipped else ""
    said = f"{who.capitalize()} may grant {_skips(authority.max_skips_a_year)} a year alone{done}."
    return BeyondAuthority(f"{said} {ask}", "n")


def _who(authority: Authority, act: str) -> tuple[str, str]:
    """The role in words, and whom it asks."""
    if authority.role in {role.value for role in MANAGEMENT}:
        return "a manager", "Ask another manager to approve it."
    return "an agent", f"Ask a manager to {act} it."


def _skips(number: int) -> str:
    return "no skip" if not number else "one skip" if number == 1 else f"{number} skips"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _years(terms: AgreementTerms) -> int:
    """Years that the instalments last, a begun one counted."""
    if terms.cadence in PERIODS_A_YEAR:
        return -(-terms.payments // PERIODS_A_YEAR[terms.cadence])
    last = max((part.due_on for part in terms.parts), default=terms.first_due_on)
    return 1 + (last - terms.first_due_on).days // 366


def _stricter(setting: str, value: int, figure: Figure | None) -> Limit:
    if figure is not None and figure.most < value:
        return Limit(figure.most, figure.id, figure.citation)
    return Limit(value, f"portfolio setting {setting}")


def _over(limit: Limit, sentence: str, field: str) -> Invalid:
    return Invalid(f"{sentence} ({limit.citation})" if limit.citation else sentence, field)


def _payments(number: int) -> str:
    return "one payment" if number == 1 else f"{number} payments"
