"""`desk portfolio ...`: open a portfolio, show and change its settings; `desk knowledge ...`: its starter articles."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.book.portfolios.rules import CollectorKind, DelinquencySource
from app.core.clock import local_date
from app.core.database.engine import reading, transaction
from app.core.errors import Invalid
from app.core.settings import get_settings
from app.programs.cli.base import (
    BY,
    Json,
    migrated_engine,
    print_result,
    progress_on,
    read_clock,
)

portfolio_app = typer.Typer(no_args_is_help=True)


PastDueSource = Annotated[
    DelinquencySource,
    typer.Option(
        help="Where the past-due amount comes from: computed from statements, or reported by the creditor."
    ),
]
Agency = Annotated[
    str, typer.Option(help="Name of the agency that writes; empty when the creditor writes itself.")
]
Creditor = Annotated[str, typer.Option(help="Name in letters; the code if not given.")]
ContactPhone = Annotated[str, typer.Option(help="Telephone number that letters give.")]
ContactEmail = Annotated[
    str, typer.Option(help="E-mail address that letters give. Letters need one of the two.")
]
ChargeOffDays = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Days past due at charge-off; 0 = never. Default: 180, and 0 for a third-party collector.",
    ),
]
DormantAfterDays = Annotated[
    int,
    typer.Option(
        min=0, help="Days without an entry after which an account without a balance is dormant; 0 = never."
    ),
]
WaiveLimit = Annotated[
    str, typer.Option(help="Highest amount that one manager may waive alone, such as 25.00.")
]
AgentDiscount = Annotated[
    int,
    typer.Option(
        min=0, max=100, help="Highest discount, in percent, that an agent may grant in a settlement."
    ),
]
Accrues = Annotated[
    bool, typer.Option(help="This ledger posts interest and late fees; the creditor sends none.")
]
DayCount = Annotated[int, typer.Option(min=360, max=366, help="Days in a year of interest.")]
LateFee = Annotated[str, typer.Option(help="Late fee for a missed minimum, such as 25.00; needs --accrues.")]


@portfolio_app.command("add")
def portfolio_add(
    code: str,
    currency: Annotated[str, typer.Option(help="ISO 4217, such as USD.")],
    timezone: Annotated[str, typer.Option(help="IANA zone, such as Europe/London.")],
    policy: Annotated[str, typer.Option(help="Policy pack, such as us-third-party (docs/packs.md).")],
    collector: Annotated[CollectorKind, typer.Option()] = CollectorKind.FIRST_PARTY,
    source: PastDueSource = DelinquencySource.LEDGER,
    agency: Agency = "",
    creditor: Creditor = "",
    contact_phone: ContactPhone = "",
    contact_email: ContactEmail = "",
    charge_off_days: ChargeOffDays = None,
    dormant_after_days: DormantAfterDays = 0,
    waive_limit: WaiveLimit = "0",
    agent_discount: AgentDiscount = 0,
    accrues: Accrues = False,
    day_count: DayCount = 365,
    late_fee: LateFee = "0",
    as_json: Json = False,
) -> None:
    """Open a portfolio."""
    from app.book.portfolios.service import add_portfolio
    from app.operations.doctor import findings_of
    from app.outreach.outbox.rules import unreachable
    from app.policy.composition import portfolio_packs

    if policy not in portfolio_packs():
        raise Invalid(f"There is no policy pack {policy!r}. Packs: {', '.join(portfolio_packs())}.")
    if not accrues and late_fee.strip("0."):
        raise Invalid("--late-fee needs --accrues: without it the creditor sends its own late fees.")
    if not (contact_phone.strip() or contact_email.strip()) and sys.stdin.isatty():
        contact_phone = typer.prompt("Telephone number that letters give, if any", default="", err=True)
        contact_email = typer.prompt(
            "E-mail address that letters give", default="" if contact_phone.strip() else None, err=True
        )
    with transaction(migrated_engine()) as session:
        portfolio = add_portfolio(
            session,
            code,
            creditor=creditor or code,
            currency=currency,
            timezone=timezone,
            pack=policy,
            collector=collector,
            source=source,
            agency=agency,
            contact_phone=contact_phone,
            contact_email=contact_email,
            dormant_after_days=dormant_after_days,
            waive_limit_minor=_amount(waive_limit, currency, "--waive-limit"),
            agent_max_discount_percent=agent_discount,
            accrues=accrues,
            day_count=day_count,
            late_fee_minor=_amount(late_fee, currency, "--late-fee"),
            **({} if charge_off_days is None else {"charge_off_days": charge_off_days}),
            by=BY,
            now=read_clock(),
        )
        wrong = findings_of(session, portfolio, today=local_date(read_clock(), portfolio.timezone))
    for each in wrong:
        print(f"! {each.sentence}", file=sys.stderr)
    if not (contact_phone.strip() or contact_email.strip()):
        print(unreachable(code), file=sys.stderr)
    print_result(
        {"portfolio": code},
        as_json,
        lambda: print(f"Portfolio {code} is open. Next: desk feed load accounts FILE"),
    )


@portfolio_app.command("tighten")
def portfolio_tighten(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="TOML file of rules (docs/packs.md); an empty file removes the portfolio's own rules."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Set a portfolio's own contact rules: new rules, or stricter figures for rules of its packs (docs/packs.md)."""
    from app.book.portfolios.service import get_portfolio
    from app.outreach.gate.pack_versions import tighten_portfolio

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read: {error}. Give a UTF-8 text file.") from error
    with transaction(migrated_engine()) as session:
        rules = tighten_portfolio(session, get_portfolio(session, code), text, by=BY, now=read_clock())
    print_result(
        {"portfolio": code, "rules": rules},
        as_json,
        lambda: print(f"Portfolio {code} is stricter by: {', '.join(rules) or 'nothing'}"),
    )


@portfolio_app.command("adopt")
def portfolio_adopt(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    country: Annotated[str, typer.Argument(help="Country that no pack covers, as two letters, such as DE.")],
    pack: Annotated[
        str, typer.Argument(help="Policy pack that holds there from now on; 'none' takes it back.")
    ],
    reason: Annotated[str, typer.Option(help="Why this one, and who advised it.")],
    as_json: Json = False,
) -> None:
    """Adopt a policy pack for a country that none covers. Until then nothing is sent there."""
    from app.book.portfolios.service import get_portfolio
    from app.outreach.gate.places.coverage import adopt_pack

    named = "" if pack == "none" else pack
    with transaction(migrated_engine()) as session:
        adopt_pack(session, get_portfolio(session, code), country, named, reason, by=BY, now=read_clock())
    print_result(
        {"portfolio": code, "country": country.upper(), "pack": named},
        as_json,
        lambda: print(f"Portfolio {code}: {named or 'no pack'} holds in {country.upper()} now"),
    )


@portfolio_app.command("limit")
def portfolio_limit(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    agent_instalments: Annotated[
        int | None,
        typer.Option(min=1, help="Highest number of instalments of a plan that an agent may grant."),
    ] = None,
    agent_discount: Annotated[
        int | None,
        typer.Option(
            min=0, max=100, help="Highest discount, in percent, that an agent may grant in a settlement."
        ),
    ] = None,
    waive_limit: Annotated[
        str | None, typer.Option(help="Highest amount that one manager may waive alone, such as 25.00.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Set the most that one person may grant alone. Limits that are not given stay; all are printed."""
    given = {
        "agent-instalments": agent_instalments,
        "agent-discount": agent_discount,
        "waive-limit": waive_limit,
    }
    now_set = _set_portfolio(code, {name: str(value) for name, value in given.items() if value is not None})
    result = {
        "portfolio": code,
        "agent_max_instalments": int(now_set["agent-instalments"]),
        "agent_max_discount_percent": int(now_set["agent-discount"]),
        "waive_limit_minor": _amount(now_set["waive-limit"], now_set["currency"], "--waive-limit"),
    }
    print_result(
        result,
        as_json,
        lambda: print(
            f"Portfolio {code}: an agent may grant {now_set['agent-instalments']} instalments and waive "
            f"{now_set['agent-discount']} percent; one manager may waive {now_set['waive-limit']} alone"
        ),
    )


@portfolio_app.command("set")
def portfolio_set(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    settings: Annotated[list[str], typer.Argument(help="NAME=VALUE, such as grace-days=5.")],
    as_json: Json = False,
) -> None:
    """Change settings of a portfolio, all or none; `desk portfolio show` lists them."""
    given = {}
    for each in settings:
        name, equals, value = each.partition("=")
        if not equals or name in given:
            raise typer.BadParameter(f"{each!r}: Write each setting once, as NAME=VALUE.")
        given[name] = value
    now_set = _set_portfolio(code, given)
    print_result(
        {"portfolio": code, "settings": now_set},
        as_json,
        lambda: print(f"Portfolio {code}: " + ", ".join(f"{name}={now_set[name]}" for name in given)),
    )


def _set_portfolio(code: str, given: dict[str, str]) -> dict[str, str]:
    """All settings after the change, by name."""
    from app.book.ledger.service import mark_all_changed
    from app.book.portfolios.service import get_portfolio, set_portfolio, settings_of
    from app.policy.composition import portfolio_packs

    policy = given.get("policy")
    if policy is not None and policy not in portfolio_packs():
        raise Invalid(f"There is no policy pack {policy!r}. Packs: {', '.join(portfolio_packs())}.", "policy")
    with transaction(migrated_engine()) as session:
        portfolio = get_portfolio(session, code)
        set_portfolio(session, portfolio, given, refold=mark_all_changed, by=BY, now=read_clock())
        return settings_of(portfolio)


@portfolio_app.command("backlog")
def portfolio_backlog(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    days: Annotated[int, typer.Option(min=1, max=60, help="Business days to look ahead.")] = 14,
    as_json: Json = False,
) -> None:
    """Show day by day how the past-due cases enter the strategy. Simulates the coming nights on a copy:
    nothing leaves."""
    from app.book.portfolios.service import get_portfolio
    from app.operations.simulation.backlog import plan_backlog

    with reading(migrated_engine()) as session:
        today = local_date(read_clock(), get_portfolio(session, code).timezone)
    with progress_on("Simulating the nights, per cent", as_json) as progress:
        found = plan_backlog(
            migrated_engine(),
            code,
            days,
            get_settings(),
            today=today,
            progress=lambda share: progress(round(100 * share)) if progress else None,
        )

    def say() -> None:
        print(f"{code}: how the past-due cases enter the strategy; nothing was sent")
        for each in found.days:
            print(f"{each.day}  first letter to {each.first_letters:,}")
            for (step, channel, becomes), n in sorted(each.counts.items()):
                print(f"    {step:<24}{channel:<8}{becomes.replace('_', ' '):<12}{n:>8,}")
        print(f"Cases with a letter by then: {found.written:,}; due without a letter: {found.unwritten:,}")
        if found.nominated_from:
            print(f"None of them can be nominated for legal action before {found.nominated_from}.")

    print_result(found.as_json(), as_json, say)


@portfolio_app.command("show")
def portfolio_show(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    as_json: Json = False,
) -> None:
    """Show every setting of a portfolio, its meaning, and the time until it may be changed."""
    from app.book.portfolios.service import get_portfolio, settings_of
    from app.book.portfolios.settings import SETTINGS

    with reading(migrated_engine()) as session:
        found = settings_of(get_portfolio(session, code))

    def say() -> None:
        for each in SETTINGS:
            print(f"{each.name:<20}{found[each.name] or '-':<24}{each.help} Changes {each.change.value}.")

    print_result({"portfolio": code, "settings": found}, as_json, say)


@portfolio_app.command("list")
def portfolio_list(as_json: Json = False) -> None:
    """List the portfolios, with their size and the last business day they closed."""
    from app.book.ledger.queries import portfolio_overview

    with reading(migrated_engine()) as session:
        found = [asdict(each) for each in portfolio_overview(session)]

    def say() -> None:
        for each in found:
            closed = each["last_closed_on"] or "no day closed yet"
            print(
                f"{each['code']:<16}{each['creditor']:<28}{each['currency']}  {each['accounts']:>9,} accounts  {closed}"
            )
        if not found:
            print("There is no portfolio yet. Open one with: desk portfolio add")

    print_result({"portfolios": found}, as_json, say)


def _amount(text: str, currency: str, option: str) -> int:
    """Minor units of an option that must not be negative."""
    from app.core.money import BadAmount, to_minor

    try:
        minor = to_minor(text, currency)
    except BadAmount as error:
        raise Invalid(f"{option} needs an amount in {currency} such as 250 ({error}).") from None
    if minor < 0:
        raise Invalid(f"{option} must not be negative. Give zero or more.")
    return minor


knowledge_app = typer.Typer(no_args_is_help=True)


@knowledge_app.callback()
def knowledge() -> None:
    """Articles that answer customers' questions."""


@knowledge_app.command("load")
def knowledge_load(
    portfolio_code: Annotated[
        str, typer.Option("--portfolio", help="Code of a portfolio; all portfolios if not given.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Load the starter articles; those that are there already stay as they are."""
    from app.actions.knowledge.editing import load_starter
    from app.book.portfolios.service import get_portfolio

    with transaction(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code) if portfolio_code else None
        added = load_starter(session, portfolio, by=BY, now=read_clock())

    print_result({"added": added}, as_json, lambda: print(f"{added} articles added"))
