"""Thin verbs: read the clock and the settings, call one service, print.

`--json` prints one JSON object on standard output and nothing else; logs and progress go to standard error.
Exit status: 0 done, 1 failed, 2 usage, 3 done but some input was rejected.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from app import __version__
from app.book.ledger.rules import CollectorKind, DelinquencySource, FeedKind
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.db import make_engine, reading, transaction
from app.core.db_health import trouble_of
from app.core.errors import DeskError, Invalid, NotFound
from app.core.ids import id_of
from app.core.kit.processes import keep_files_private, leave
from app.core.settings import ROOT, Settings, get_settings
from app.core.vocabulary import Channel, Purpose
from app.programs.cli.base import BY, Day, Json, PortfolioCode, printable
from app.programs.cli.base import migrated_engine as _engine
from app.programs.cli.base import parse_day as _day
from app.programs.cli.base import print_result as _print
from app.programs.cli.base import read_clock as _now
from app.programs.cli.reported import reported_app
from app.programs.cli.staff import token_app, user_app
from app.programs.cli.statements import statement_app
from app.programs.cli.status import status

app = typer.Typer(
    name="desk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Case manager for overdue credit-card accounts. Each command has its own --help; results for programs: "
    "--json. Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but some input was rejected.",
)
portfolio_app = typer.Typer(no_args_is_help=True, help="Books of accounts.")
feed_app = typer.Typer(no_args_is_help=True, help="Files from the creditor.")
strategy_app = typer.Typer(no_args_is_help=True, help="Who is contacted when, by what.")
bundle_app = typer.Typer(no_args_is_help=True, help="Case bundles for the legal team.")
suppression_app = typer.Typer(no_args_is_help=True, help="Addresses to which nothing is sent.")
for name, sub in {
    "portfolio": portfolio_app,
    "feed": feed_app,
    "reported": reported_app,
    "strategy": strategy_app,
    "bundle": bundle_app,
    "statement": statement_app,
    "suppression": suppression_app,
    "user": user_app,
    "token": token_app,
}.items():
    app.add_typer(sub, name=name)
app.command("status")(status)


def main() -> None:
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(get_settings().log_level.upper()),
    )
    keep_files_private()
    try:
        app(prog_name="desk")
    except DeskError as error:
        print(f"desk: {error.message}", file=sys.stderr)
        raise SystemExit(1) from None
    except SQLAlchemyError as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        print(f"desk: {trouble.value}", file=sys.stderr)
        raise SystemExit(1) from None


# --- running --------------------------------------------------------------------------------------------------


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"desk {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def migrate() -> None:
    """Bring the database schema up to date."""
    from app.core.schema import upgrade

    upgrade(make_engine(get_settings().database_url))
    print("The schema is current.")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Run the web application; Ctrl-C ends it."""
    from app.programs.ports import make_ports
    from app.programs.serving import serve_app
    from app.programs.web import create_app

    settings = get_settings()
    application = create_app(settings, _engine(), make_ports(settings))
    serve_app(application, host=host, port=port, announce=_announcer("Arrears Desk"))
    leave()


def _announcer(what: str) -> Callable[[str], None]:
    """Prints on standard error, so that standard output stays the verb's."""
    return lambda address: print(f"{what} is at {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)


@app.command()
def jobs(
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Go by the clock as it is: somebody has looked at it.")
    ] = False,
) -> None:
    """Run a worker: nightly days, delivery, heartbeat. Any number of them may share one PostgreSQL."""
    from app.programs.jobs import Worker, run_forever
    from app.programs.ports import make_ports

    settings = get_settings()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_forever(Worker(_engine(), make_ports(settings), settings, trust_clock=trust_clock), stop)
    leave()


@app.command()
def demo(
    port: int = 8000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Prepare everything, then stop.")] = False,
    accounts: Annotated[int, typer.Option(min=20, max=5000, help="How many accounts to load.")] = 2000,
    folder: Annotated[
        Path, typer.Option("--dir", help="Folder to build it in; what a demo left there is replaced.")
    ] = ROOT / "var" / "demo",
) -> None:
    """A fresh department under var/: real accounts, weeks of work, staff of every role; then web and jobs."""
    from app.programs.demo.demo import run_demo

    run_demo(port=port, serve=not no_serve, accounts=accounts, home=folder.resolve())


@app.command("legal-desk")
def legal_desk(
    port: Annotated[int, typer.Option()],
    store: Annotated[Path, typer.Option(help="Folder for received bundles.")],
    key: Annotated[
        list[Path] | None, typer.Option(help="Public key (PEM) of a sender; may be repeated.")
    ] = None,
) -> None:
    """The reference receiver of bundles: verifies, stores, answers receipts."""
    from app.programs.serving import serve_app
    from reference.legal_desk.receiver import create_legal_desk

    pems = [path.read_text() for path in key or []]
    if not pems:
        pems = [_own_public_key(get_settings())]
    receiver = create_legal_desk(store, pems)
    serve_app(receiver, host="127.0.0.1", port=port, announce=_announcer("The legal desk"))


def _own_public_key(settings: Settings) -> str:
    from app.legal.bundle.bag import load_private_key, public_key_pem

    text = settings.bundle_key.get_secret_value()
    if not text:
        raise DeskError("give --key FILE with the sender's public key, or set DESK_BUNDLE_KEY")
    return public_key_pem(load_private_key(text))


# --- portfolios and feeds ---------------------------------------------------------------------------------------


@portfolio_app.command("add")
def portfolio_add(
    code: str,
    currency: Annotated[str, typer.Option(help="ISO 4217, such as USD.")],
    timezone: Annotated[str, typer.Option(help="IANA zone, such as Europe/London.")],
    policy: Annotated[str, typer.Option(help="Policy pack, such as us-third-party (docs/packs.md).")],
    collector: Annotated[CollectorKind, typer.Option()] = CollectorKind.FIRST_PARTY,
    source: Annotated[
        DelinquencySource,
        typer.Option(
            help="Whence the past-due amount: reckoned from statements, or as the creditor reports it."
        ),
    ] = DelinquencySource.LEDGER,
    agency: Annotated[str, typer.Option(help="Who writes, where it is not the creditor.")] = "",
    creditor: Annotated[str, typer.Option(help="Name in letters; the code if not given.")] = "",
    contact_phone: Annotated[str, typer.Option(help="Telephone number that letters give.")] = "",
    contact_email: Annotated[
        str,
        typer.Option(help="E-mail address that letters give; one of the two is needed before any leaves."),
    ] = "",
    charge_off_days: Annotated[
        int | None,
        typer.Option(min=0, help="Days past due at charge-off; 0 = never. 180; 0 for a third party."),
    ] = None,
    dormant_after_days: Annotated[
        int, typer.Option(min=0, help="Days without an entry after which an empty account sleeps; 0 = never.")
    ] = 0,
    waive_limit: Annotated[str, typer.Option(help="Most one manager waives alone, as 25.00.")] = "0",
    agent_discount: Annotated[
        int, typer.Option(min=0, max=100, help="Percent of a debt that an agent may let off in a settlement.")
    ] = 0,
    accrues: Annotated[bool, typer.Option(help="We post interest and late fees, not the creditor.")] = False,
    day_count: Annotated[int, typer.Option(min=360, max=366, help="Days of a year of interest.")] = 365,
    late_fee: Annotated[str, typer.Option(help="Fee for a missed minimum, as 25.00; needs --accrues.")] = "0",
    as_json: Json = False,
) -> None:
    """Open a portfolio."""
    from app.book.ledger.service import add_portfolio
    from app.outreach.outbox.rules import unreachable
    from app.policy.packfile import shipped_packs

    if policy not in shipped_packs():
        raise Invalid(f"unknown policy pack {policy!r}; known are {', '.join(shipped_packs())}")
    if not accrues and late_fee.strip("0."):
        raise Invalid("--late-fee needs --accrues: otherwise the creditor sends its own")
    if not (contact_phone.strip() or contact_email.strip()) and sys.stdin.isatty():
        contact_phone = typer.prompt("Telephone number that letters give, if any", default="", err=True)
        contact_email = typer.prompt(
            "E-mail address that letters give", default="" if contact_phone.strip() else None, err=True
        )
    with transaction(_engine()) as session:
        add_portfolio(
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
            now=_now(),
        )
    if not (contact_phone.strip() or contact_email.strip()):
        print(unreachable(code), file=sys.stderr)
    _print(
        {"portfolio": code},
        as_json,
        lambda: print(f"Portfolio {code} is open. Next: desk feed load accounts FILE"),
    )


@portfolio_app.command("tighten")
def portfolio_tighten(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    file: Annotated[Path, typer.Argument(help="TOML with [[rules]]; an empty file takes the rules away.")],
    as_json: Json = False,
) -> None:
    """Set a portfolio's own contact rules: new ones, or stricter figures for its packs' (docs/packs.md)."""
    from app.book.ledger.service import get_portfolio
    from app.outreach.gate.service import tighten_portfolio

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file}: cannot be read: {error}") from error
    with transaction(_engine()) as session:
        rules = tighten_portfolio(session, get_portfolio(session, code), text, by=BY, now=_now())
    _print(
        {"portfolio": code, "rules": rules},
        as_json,
        lambda: print(f"Portfolio {code} is stricter by: {', '.join(rules) or 'nothing'}"),
    )


@portfolio_app.command("limit")
def portfolio_limit(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    agent_instalments: Annotated[
        int | None, typer.Option(min=1, help="Most payments of a plan that an agent may grant.")
    ] = None,
    agent_discount: Annotated[
        int | None, typer.Option(min=0, max=100, help="Percent that an agent may let off in a settlement.")
    ] = None,
    waive_limit: Annotated[str | None, typer.Option(help="Most one manager waives alone, as 25.00.")] = None,
    as_json: Json = False,
) -> None:
    """Set how far one person may go alone; what is not given stays as it is, and is shown."""
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
    _print(
        result,
        as_json,
        lambda: print(
            f"Portfolio {code}: an agent may grant {now_set['agent-instalments']} payments and waive "
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
            raise typer.BadParameter(f"{each!r}: write each setting once, as NAME=VALUE")
        given[name] = value
    now_set = _set_portfolio(code, given)
    _print(
        {"portfolio": code, "settings": now_set},
        as_json,
        lambda: print(f"Portfolio {code}: " + ", ".join(f"{name}={now_set[name]}" for name in given)),
    )


def _set_portfolio(code: str, given: dict[str, str]) -> dict[str, str]:
    """All settings after the change, by name."""
    from app.book.ledger.service import get_portfolio, set_portfolio, settings_of
    from app.policy.packfile import shipped_packs

    policy = given.get("policy")
    if policy is not None and policy not in shipped_packs():
        raise Invalid(f"There is no policy pack {policy!r}. Packs: {', '.join(shipped_packs())}.", "policy")
    with transaction(_engine()) as session:
        portfolio = get_portfolio(session, code)
        set_portfolio(session, portfolio, given, by=BY, now=_now())
        return settings_of(portfolio)


@portfolio_app.command("backlog")
def portfolio_backlog(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    days: Annotated[int, typer.Option(min=1, max=60, help="Business days to look ahead.")] = 14,
    as_json: Json = False,
) -> None:
    """Show day by day how the late cases of a book enter the ladder. A dry-run of the coming nights: nothing leaves."""
    from app.book.ledger.service import get_portfolio
    from app.core.clock import local_date
    from app.operations.simulation.backlog import plan_backlog

    with reading(_engine()) as session:
        today = local_date(_now(), get_portfolio(session, code).timezone)
    with _progress("Living through the nights, per cent", as_json) as progress:
        found = plan_backlog(
            _engine(),
            code,
            days,
            get_settings(),
            today=today,
            progress=lambda share: progress(round(100 * share)) if progress else None,
        )

    def say() -> None:
        print(f"{code}: how the late cases enter the ladder; nothing was sent")
        for each in found.days:
            print(f"{each.day}  first letter to {each.first_letters:,}")
            for (step, channel, becomes), n in sorted(each.counts.items()):
                print(f"    {step:<24}{channel:<8}{becomes.replace('_', ' '):<12}{n:>8,}")
        print(f"Written to by then: {found.written:,}; reached and not written to: {found.unwritten:,}")
        if found.nominated_from:
            print(f"Nobody of them can be nominated for legal action before {found.nominated_from}.")

    _print(found.as_json(), as_json, say)


@portfolio_app.command("show")
def portfolio_show(
    code: Annotated[str, typer.Argument(help="Portfolio.")],
    as_json: Json = False,
) -> None:
    """Show every setting of a portfolio, what it means and when it may be changed."""
    from app.book.ledger.service import get_portfolio, settings_of
    from app.book.portfolios.settings import SETTINGS

    with reading(_engine()) as session:
        found = settings_of(get_portfolio(session, code))

    def say() -> None:
        for each in SETTINGS:
            print(f"{each.name:<20}{found[each.name] or '-':<24}{each.help} Changes {each.change.value}.")

    _print({"portfolio": code, "settings": found}, as_json, say)


@portfolio_app.command("list")
def portfolio_list(as_json: Json = False) -> None:
    """List the portfolios, with their size and the last business day they closed."""
    from app.book.ledger.queries import portfolio_overview

    with reading(_engine()) as session:
        found = [asdict(each) for each in portfolio_overview(session)]

    def say() -> None:
        for each in found:
            closed = each["last_closed_on"] or "no day closed yet"
            print(
                f"{each['code']:<16}{each['creditor']:<28}{each['currency']}  {each['accounts']:>9,} accounts  {closed}"
            )
        if not found:
            print("There is no portfolio yet. Open one with: desk portfolio add")

    _print({"portfolios": found}, as_json, say)


def _amount(text: str, currency: str, option: str) -> int:
    """Minor units of an option that must not be negative."""
    from app.core.money import BadAmount, to_minor

    try:
        minor = to_minor(text, currency)
    except BadAmount as error:
        raise Invalid(f"{option}: {error}") from None
    if minor < 0:
        raise Invalid(f"{option}: the amount is negative")
    return minor


MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping", help="TOML file that says how the creditor's own layout is read (docs/feeds.md)."
    ),
]


@feed_app.command("load")
def feed_load(
    kind: FeedKind,
    file: Annotated[str, typer.Argument(help="CSV, CSV.gz, XLSX, camt.054 XML or -")],
    portfolio: PortfolioCode,
    mapping: MappingFile = None,
    as_json: Json = False,
) -> None:
    """Load a file. Exit status 3 if some rows were rejected or in conflict."""
    from app.book.feeds.service import load

    engine = _engine()
    told = _mapping(kind, mapping)
    with _progress(f"Loading {kind.value}", as_json) as progress:
        report = load(
            engine,
            kind,
            None if file == "-" else Path(file),
            portfolio,
            rejects_dir=ROOT / "var" / "rejects",
            by=BY,
            now=_now(),
            progress=progress,
            mapping=told,
        )
    _print(report.as_json(), as_json, lambda: _say_report(report.as_json()))
    if not as_json and kind is FeedKind.CAMT054:
        _say_waiting(engine, portfolio)
    if report.rejected or report.conflicts:
        raise typer.Exit(3)


def _mapping(kind: FeedKind, path: Path | None) -> Any:
    from app.book.feeds.reading.mapping import load_mapping

    if path is not None and kind is FeedKind.CAMT054:
        raise typer.BadParameter("camt.054 is a standard and needs no mapping", param_hint="--mapping")
    return load_mapping(path) if path else None


def _say_report(report: dict[str, Any]) -> None:
    print(
        f"{report['kind']}: read {report['read']}, loaded {report['loaded']}, unchanged {report['unchanged']}, "
        f"conflicts {report['conflicts']}, rejected {report['rejected']}"
        + (f", updated {report['updated']}" if report["updated"] else "")
    )
    if report["rejects_file"]:
        print(f"See {report['rejects_file']} for line, column and reason of each.")
    if report["warned"]:
        print(
            f"{report['warned']} cells of loaded rows were put right or left out; see {report['warnings_file']}."
        )
    for note in report["notes"]:
        print(note)


def _say_waiting(engine: Engine, code: str) -> None:
    from app.book.feeds.bank.matching import waiting_summary
    from app.book.ledger.service import get_portfolio
    from app.core.money import to_decimal_string

    with reading(engine) as session:
        book = get_portfolio(session, code)
        found = waiting_summary(session, id_of(book))
    if found.count:
        amount = f"{to_decimal_string(found.amount_minor, book.currency)} {book.currency}"
        many = f"{found.count} payments of together {amount} wait for a person to say whose they are"
        one = f"1 payment of {amount} waits for a person to say whose it is"
        print(f"{one if found.count == 1 else many}, the oldest since {found.oldest_paid_on}.")


@feed_app.command("preview")
def feed_preview(
    kind: FeedKind,
    file: Annotated[Path, typer.Argument(help="CSV, CSV.gz, XLSX or camt.054 XML")],
    portfolio: PortfolioCode,
    mapping: MappingFile = None,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows to show.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the first rows of a file as they would be understood. Nothing is stored. Exit status 3 if some of the
    first thousand rows would be rejected."""
    from app.book.feeds.preview import preview
    from app.book.ledger.service import get_portfolio

    told = _mapping(kind, mapping)
    with reading(_engine()) as session:
        book = get_portfolio(session, portfolio)
        found = preview(book, kind, file, told, rows, today=local_date(_now(), book.timezone))
    data = found.as_json()
    _print(data, as_json, lambda: _say_preview(data))
    if found.rejected:
        raise typer.Exit(3)


def _say_preview(data: dict[str, Any]) -> None:
    print(f"{data['file']} read as {data['read_as']}")
    for column in data["columns"]:
        print(f"  {column['column']:<18}from {column['source']}")
    if data["ignored"]:
        print(f"  not used: {', '.join(data['ignored'])}")
    for row in data["rows"]:
        print(
            f"line {row['line']}: "
            + ", ".join(f"{name} {text}" for name, text in row["values"].items() if text)
        )
    for reject in data["rejects"]:
        print(f"line {reject['line']} would be rejected: {reject['column']} {reject['reason']}")
    for word in data["told"]:
        print(f"line {word['line']}: {word['column']} {word['reason']}")
    for note in data["notes"]:
        print(note)
    print(f"of the first {data['read']} rows {data['understood']} are understood, {data['rejected']} are not")


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A counter on standard error while something long runs."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda n: status.update(f"{what}: {n:,}")


# --- days and figures -------------------------------------------------------------------------------------------


@app.command()
def day(
    date: Day,
    portfolio: Annotated[str | None, typer.Option(help="Portfolio code; all of them if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Close a business day that is over, and any missed before it."""
    from app.book.ledger.models import Portfolio
    from app.book.ledger.service import get_portfolio
    from app.core.parallel import collect_garbage_seldom
    from app.operations.day import NotOver, require_over, run_days
    from app.programs.ports import make_stationery

    engine, stationery, now = _engine(), make_stationery(get_settings()), _now()
    with reading(engine) as session:
        codes = sorted(session.scalars(select(Portfolio.code)))
        if portfolio:
            codes = [get_portfolio(session, portfolio).code]
    if not codes:
        raise NotFound("there is no portfolio yet; `desk portfolio add` opens one")
    result: dict[str, Any] = {"business_date": date.isoformat(), "portfolios": {}}
    collect_garbage_seldom()
    refused: list[str] = []
    for code in codes:
        try:
            with reading(engine) as session:
                require_over(get_portfolio(session, code), date, now)
            reports = run_days(engine, code, date, stationery, now=now)
        except NotOver as error:  # in this portfolio's zone; another's may be
            refused.append(error.message)
            continue
        result["portfolios"][code] = {
            "already_done": reports[-1].already_done,
            "stages": reports[-1].stages,
            "caught_up": [r.business_date.isoformat() for r in reports[:-1]],
        }
    if result["portfolios"]:
        _print(result, as_json, lambda: _say_days(result))
    if refused:
        raise Invalid(" ".join(refused), "date")


def _say_days(result: dict[str, Any]) -> None:
    for code, done in result["portfolios"].items():
        state = "was closed already" if done["already_done"] else "closed"
        print(f"{code}: {result['business_date']} {state}")
        for stage in done["stages"]:
            counts = ", ".join(f"{name} {n}" for name, n in stage["counts"].items())
            print(f"  {stage['name']:<12}{stage['seconds']:>8.2f} s  {counts}")


@app.command()
def simulate(
    first: Annotated[
        date, typer.Option("--from", parser=_day, metavar="YYYY-MM-DD", help="First day to close.")
    ],
    last: Annotated[date, typer.Option("--to", parser=_day, metavar="YYYY-MM-DD", help="Last day to close.")],
    portfolio: PortfolioCode,
    strategy: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="TOML to run beside the live strategy (docs/strategies.md)."
        ),
    ] = None,
    listing: Annotated[
        Path | None, typer.Option("--list", help="Write who gets what and when to this CSV file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Live through days to come on a copy of the book: who would get what and when. Nothing can leave."""
    import gzip

    from app.operations.simulation.service import simulate as live_through

    with _progress("Living through the days, per cent", as_json) as progress:
        comparison = live_through(
            _engine(),
            portfolio,
            first,
            last,
            get_settings(),
            strategy.read_text("utf-8") if strategy else "",
            progress=lambda share: progress(round(100 * share)) if progress else None,
        )
    if listing is not None:
        listing.write_bytes(gzip.decompress(comparison.contacts))
    found = comparison.as_json()
    _print(found, as_json, lambda: _say_simulation(found))


def _say_simulation(found: dict[str, Any]) -> None:
    from app.operations.simulation.rules import MEASURE_WORDS, measures

    sides = [side for side in (found["live"], found["candidate"]) if side]
    print(f"{found['portfolio']}, {found['first_on']} to {found['last_on']}, nothing was sent")
    print(" " * 26 + "".join(f"{side['strategy']:>28}" for side in sides))
    figures = [measures(side) for side in sides]
    for name, words in MEASURE_WORDS.items():
        if any(each[name] for each in figures):
            unit = f", {found['prices_in']}" if name == "cost" else ""
            print(f"{words + unit:<26}" + "".join(f"{each[name]:>28,}" for each in figures))
    for side in sides:
        for rule, _, channel, decision, n in side["rules"]:
            print(f"  {side['strategy']}: {rule} {decision} {n:,} by {channel}")
        for day, channel, late, minutes in side["bottlenecks"]:
            print(
                f"  {side['strategy']}: {day} {late:,} by {channel} not in time, wait up to {minutes:,} minutes"
            )


@app.command()
def aging(date: Day, portfolio: PortfolioCode, as_json: Json = False) -> None:
    """Accounts, balance and past-due amount by bucket at the end of any past day."""
    from app.api.shapes import AgingShape
    from app.book.delinquency.queries import aging as aging_on
    from app.book.ledger.service import get_portfolio

    with reading(_engine()) as session:
        book = get_portfolio(session, portfolio)
        result = aging_on(session, book, date)

    data = AgingShape.of(book, result).model_dump(mode="json")

    def say() -> None:
        print(f"{portfolio} on {date}, {book.currency}")
        for label, b in data["buckets"].items():
            print(
                f"  {label:<10}{b['accounts']:>9}  balance {b['balance']:>18}  past due {b['past_due']:>16}"
            )
        owed, late = data["balance"], data["past_due_amount"]
        print(f"  {'total':<10}{result.accounts:>9}  balance {owed:>18}  past due {late:>16}")
        if result.small_debt:
            small = data["small"]
            print(
                f"  of these {small['accounts']} past due by less than {data['small_debt']}: {small['past_due']}"
            )
        print("As known now: what was entered for that day since it was closed counts too.")

    _print(data, as_json, say)


@app.command()
def account(
    account: Annotated[str, typer.Option(help="Account reference.")],
    portfolio: PortfolioCode,
    date: Day,
    known_on: Annotated[
        date | None,
        typer.Option(
            parser=_day, metavar="YYYY-MM-DD", help="Only with what was known at the end of that day."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """How one account stood at the end of any day, as known now or as known then."""
    from app.api.shapes import StandingShape
    from app.book.delinquency.history import as_known
    from app.book.ledger.service import accounts_by_reference, get_portfolio

    with reading(_engine()) as session:
        book = get_portfolio(session, portfolio)
        found = accounts_by_reference(session, id_of(book), [account])
        if account not in found:
            raise NotFound(f"there is no account {account!r} in portfolio {portfolio}")
        stands = as_known(session, book, found[account][0], date, known_on)

    data = StandingShape.of(book, account, date, known_on, stands).model_dump(mode="json")

    def say() -> None:
        known = f", as known on {known_on}" if known_on else ""
        print(f"{account} on {date}{known}, {book.currency}")
        print(f"  balance {data['balance']}, past due {data['past_due_amount']}, bucket {data['bucket']}")
        if stands.not_owed:
            print(
                f"  owed of it {data['owed_amount']}, not owed {data['not_owed_amount']}: the balance is lower"
            )
        if stands.oldest_due_on:
            print(f"  {stands.days_past_due} days past due; the oldest was due on {stands.oldest_due_on}")

    _print(data, as_json, say)


@app.command()
def kpis(date: Day, portfolio: PortfolioCode, as_json: Json = False) -> None:
    """The key figures of a closed day, and the roll-forward of its month to date."""
    from app.api.shapes import KpisShape
    from app.book.ledger.service import get_portfolio
    from app.reporting.kpis.queries import month_roll_forward, snapshots

    with reading(_engine()) as session:
        book = get_portfolio(session, portfolio)
        rows = snapshots(session, id_of(book), date, date)
        rolled = month_roll_forward(session, id_of(book), date)
    if not rows:
        raise NotFound(
            f"{portfolio} has not closed {date}; run `desk day --date {date} --portfolio {portfolio}`"
        )

    data = KpisShape.of(book, date, rows, rolled).model_dump(mode="json")

    def say() -> None:
        for name, f in data["kpis"].items():
            value = "-" if f["value"] is None else f"{f['value']:.4%}"
            print(f"{name:<28}{value:>10}   {f['numerator']} / {f['denominator']}")
        print("roll-forward: " + ", ".join(f"{k} {v}" for k, v in data["roll_forward"].items()))
        print(
            "As the night knew that closed or last restated the day; `desk aging` counts what came since, too."
        )

    _print(data, as_json, say)


@app.command()
def explain(
    account: Annotated[str, typer.Option(help="Account reference.")],
    channel: Annotated[Channel, typer.Option()],
    at: Annotated[str, typer.Option(help="Instant with offset, such as 2026-01-31T21:30:00+08:00.")],
    purpose: Annotated[Purpose, typer.Option()] = Purpose.REMINDER,
    portfolio: Annotated[
        str, typer.Option(help="Its portfolio, where several have an account of this reference.")
    ] = "",
    as_json: Json = False,
) -> None:
    """May this customer be contacted then, and if not, every reason why. Nothing is sent or recorded."""
    from app.api.shapes import AnswerShape
    from app.outreach.gate.service import customer_of_account
    from app.outreach.gate.service import explain as ask

    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f"not an instant: {at!r}", param_hint="--at") from None
    if instant.tzinfo is None:
        raise typer.BadParameter("say the offset too, such as +08:00 or Z", param_hint="--at")
    with reading(_engine()) as session:
        book, customer = customer_of_account(session, account, portfolio)
        answer = ask(session, book, customer, channel, purpose, at=instant)
    data = AnswerShape.of(answer).model_dump(mode="json")

    def say() -> None:
        print(f"{data['decision']}" + (f", not before {data['not_before']}" if data["not_before"] else ""))
        for reason in data["reasons"]:
            print(f"  {reason['rule']}: {reason['detail']} [{reason['citation']}]")
        print(f"  asked: {data['pack']}; this is not legal advice")

    _print(data, as_json, say)


@app.command()
def replay(
    decision: Annotated[int, typer.Option(help="Number of the decision, as lists and exports name it.")],
    as_json: Json = False,
) -> None:
    """Ask the gate again what it was asked then, under that day's pack. Exits with 1 if the answer is another one."""
    from app.outreach.gate.decisions import replay as ask_again

    with reading(_engine()) as session:
        found = ask_again(session, decision)
    data = {"decision": decision, "same": found.same, "recorded": found.recorded, "replayed": found.again}

    def say() -> None:
        for name, answer in (("on record", found.recorded), ("replayed", found.again)):
            print(
                f"{name:<10} {answer['decision']} under {answer['pack']}, from {answer['not_before'] or '-'}"
            )
            for reason in answer["reasons"]:
                print(f"           {reason['rule']}: {reason['detail']} [{reason['citation']}]")
        for name, (before, now) in found.differences.items():
            print(f"differs: {name}: {before} is now {now}")
        print("the same" if found.same else "NOT the same")

    _print(data, as_json, say)
    if not found.same:
        raise typer.Exit(1)


@app.command()
def retention(as_json: Json = False) -> None:
    """Delete what decisions were based on where its pack lets nobody keep it any longer. The record itself stays."""
    from app.outreach.gate.decisions import forget_facts

    with transaction(_engine()) as session:
        forgotten = forget_facts(session, by=BY, now=_now(), at_most=10**6)
    _print({"forgotten": forgotten}, as_json, lambda: print(f"facts of {forgotten} decisions deleted"))


@app.command()
def invariants(as_json: Json = False) -> None:
    """Check everything that must hold; exit status 1 and the rows where something does not."""
    from app.book.ledger.models import Portfolio
    from app.core.parallel import collect_garbage_seldom
    from app.operations.day import report_violations
    from app.operations.invariants import thorough

    collect_garbage_seldom()  # every account is folded again
    engine = _engine()
    with reading(engine) as session:
        portfolios = session.scalars(select(Portfolio)).all()
        by_portfolio = [(portfolio, thorough(session, portfolio)) for portfolio in portfolios]
    with transaction(engine) as session:
        for portfolio, violations in by_portfolio:
            report_violations(session, portfolio, violations, now=_now())
    found = [violation for _, violations in by_portfolio for violation in violations]
    data = {"violations": [asdict(v) for v in found]}
    _print(
        data,
        as_json,
        lambda: print("\n".join(f"{v.invariant}: {v.row}" for v in found) or "All invariants hold."),
    )
    if found:
        raise typer.Exit(1)


# --- the suppression list -----------------------------------------------------------------------------------------

Address = Annotated[str, typer.Argument(help="An e-mail address, or a number that begins with +.")]
Person = Annotated[str, typer.Option("--by", help="Who decides it, by user name.")]


@suppression_app.command("list")
def suppression_list(
    address: Annotated[str, typer.Argument(help="Only this one.")] = "",
    ended: Annotated[bool, typer.Option("--ended", help="What was taken off instead.")] = False,
    as_json: Json = False,
) -> None:
    """The addresses to which nothing is sent, the latest first."""
    from app.outreach.gate.suppression import on_list

    with reading(_engine()) as session:
        found = [
            {
                "address": row.spelt,
                "channel": row.channel.value,
                "reason": row.reason.value,
                "detail": row.detail,
                "since": row.since,
                "by": row.by,
                "ended_at": row.ended_at,
                "ended_by": row.ended_by,
                "ended_why": row.ended_why,
            }
            for row in session.scalars(on_list(address, ended=ended))
        ]

    def say() -> None:
        for each in found:
            why = f"{each['reason']} {each['detail']}".strip()
            print(f"{each['since']:%Y-%m-%d %H:%M}  {each['channel']:<6}{each['address']:<34}{why}")

    _print({"addresses": found}, as_json, say)


@suppression_app.command("add")
def suppression_add(
    address: Address,
    reason: Annotated[str, typer.Option(help="Why nothing may be sent there.")],
    by: Person,
    as_json: Json = False,
) -> None:
    """Send nothing more to an address, whoever's it is."""
    from app.outreach.gate.suppression import channel_of, suppress
    from app.policy.facts import Suppression

    channel = channel_of(address)
    with transaction(_engine()) as session:
        added = suppress(
            session, channel, address, Suppression.MANUAL, detail=reason, by=Actor.user(by), now=_now()
        )
    said = "is on the list" if added else "was on the list already"
    _print({"address": address, "added": added}, as_json, lambda: print(f"{address} {said}."))


@suppression_app.command("lift")
def suppression_lift(
    address: Address,
    reason: Annotated[str, typer.Option(help="Why it may be used again.")],
    by: Person,
    as_json: Json = False,
) -> None:
    """Take an address off the list: it may be used again, where the law and the customer permit."""
    from app.outreach.gate.suppression import on_list, restore

    with transaction(_engine()) as session:
        row = session.scalars(on_list(address)).first() if address.strip() else None
        if row is None:
            raise NotFound(f"{address} is not on the list")
        restore(session, row, reason, by=Actor.user(by), now=_now())
        spelt = row.spelt
    _print({"address": spelt, "lifted": True}, as_json, lambda: print(f"{spelt} may be used again."))


# --- strategies ---------------------------------------------------------------------------------------------------

StrategyRef = Annotated[str, typer.Argument(help="Such as standard@3, or standard for its latest.")]


@strategy_app.command("list")
def strategy_list(portfolio: PortfolioCode, as_json: Json = False) -> None:
    """Versions of a portfolio's strategies, newest first, and which one is live."""
    from app.book.ledger.service import get_portfolio
    from app.outreach.strategy.service import ladders, versions

    with reading(_engine()) as session:
        book = get_portfolio(session, portfolio)
        live = ladders(session, book).live.ref
        found = [
            {"ref": v.ref, "name": v.name, "at": v.at, "by": v.by, "note": v.note, "live": v.ref == live}
            for v in versions(session, id_of(book))
        ]

    def say() -> None:
        print(f"live: {live}")
        for each in found:
            print(f"{each['ref']:<24}{each['at']:%Y-%m-%d %H:%M}  {each['by']:<20}{each['note']}")

    _print({"live": live, "versions": found}, as_json, say)


@strategy_app.command("export")
def strategy_export(
    portfolio: PortfolioCode,
    ref: Annotated[str, typer.Argument(help="Such as standard@3; what is live if not given.")] = "",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if not given.")] = None,
) -> None:
    """The text of a version, as TOML."""
    from app.book.ledger.service import get_portfolio
    from app.outreach.strategy.service import live_version, shipped_text, version_named

    with reading(_engine()) as session:
        book = get_portfolio(session, portfolio)
        version = version_named(session, book, ref) if ref else live_version(session, id_of(book))
        text = version.text if version else shipped_text(book.strategy)
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


@strategy_app.command("import")
def strategy_import(
    file: Path,
    portfolio: PortfolioCode,
    code: Annotated[
        str, typer.Option(help="Whose next version it is; the live one's code if not given.")
    ] = "",
    note: Annotated[str, typer.Option(help="What changes, and why.")] = "",
    as_json: Json = False,
) -> None:
    """Keep a TOML file as the next version. It changes nothing until it is put live. Exit status 1 and every fault
    with its line where the text is wrong."""
    from app.book.ledger.service import get_portfolio
    from app.outreach.strategy.service import save_version
    from app.outreach.strategy.strategyfile import BadStrategy
    from app.programs.ports import make_stationery

    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read as UTF-8 text: {error}") from None
    letters = make_stationery(get_settings()).letters
    try:
        with transaction(_engine()) as session:
            book = get_portfolio(session, portfolio)
            version = save_version(
                session, book, code or book.strategy, text, letters, note, by=BY, now=_now()
            )
            ref = version.ref
    except BadStrategy as bad:
        for problem in bad.problems:
            print(f"{file}:{problem.line or 1}: {problem}", file=sys.stderr)
        raise typer.Exit(1) from None
    _print({"strategy": ref}, as_json, lambda: print(f"Saved as {ref}. Next: desk strategy live {ref}"))


@strategy_app.command("live")
def strategy_live(ref: StrategyRef, portfolio: PortfolioCode, as_json: Json = False) -> None:
    """Go by this version from the next night on."""
    from app.book.ledger.service import get_portfolio
    from app.outreach.strategy.service import put_live, version_named
    from app.programs.ports import make_stationery

    letters = make_stationery(get_settings()).letters
    with transaction(_engine()) as session:
        book = get_portfolio(session, portfolio)
        version = version_named(session, book, ref)
        put_live(session, book, version, letters, by=BY, now=_now())
        live = version.ref
    _print({"live": live}, as_json, lambda: print(f"{live} is live from the next night on."))


@strategy_app.command("rollback")
def strategy_rollback(portfolio: PortfolioCode, as_json: Json = False) -> None:
    """Back to the version that was live before the present one."""
    from app.book.ledger.service import get_portfolio
    from app.outreach.strategy.service import rollback

    with transaction(_engine()) as session:
        live = rollback(session, get_portfolio(session, portfolio), by=BY, now=_now()).ref
    _print({"live": live}, as_json, lambda: print(f"Rolled back: {live} is live from the next night on."))


# --- legal --------------------------------------------------------------------------------------------------------


@bundle_app.command("build")
def bundle_build(
    case: Annotated[str, typer.Argument(help="Case reference, such as C-000012.")],
    out: Annotated[Path, typer.Option(help="Where to write the bundle.")],
    by: Annotated[str, typer.Option(help="Who exports it; needed with --excuse and --reason.")] = "",
    excuse: Annotated[
        list[str] | None,
        typer.Option(help="Why the file may go without an item of the checklist: ITEM=REASON. Repeatable."),
    ] = None,
    reason: Annotated[str, typer.Option(help="The same where exactly one item is missing.")] = "",
    as_json: Json = False,
) -> None:
    """Seal a case file, as of the last closed business day, and write it to a file."""
    from app.casework.cases.service import get_case
    from app.legal.referrals.service import build_bundle, checklist_of, single_excuse
    from app.programs.ports import make_ports

    number = case.upper().removeprefix("C-")
    if not number.isdigit():
        raise typer.BadParameter(f"not a case reference: {case!r}")
    excuses = dict(_item_and_reason(text) for text in excuse or [])
    if (reason or excuses) and not by:
        raise typer.BadParameter(
            "--excuse and --reason need --by: a named person answers for an incomplete bundle"
        )
    ports = make_ports(get_settings())
    if ports.seal is None:
        raise DeskError("DESK_BUNDLE_KEY is not set: bundles cannot be signed; see .env.example")
    with transaction(_engine()) as session:
        found = get_case(session, int(number))
        if reason:
            excuses = {**single_excuse(checklist_of(session, found, now=_now()), reason), **excuses}
        bundle = build_bundle(
            session, found, ports.seal, excuses=excuses, by=Actor.user(by) if by else BY, now=_now()
        )
    out.write_bytes(bundle.content)
    data = {
        "bundle": bundle.reference,
        "sha256": bundle.sha256,
        "size": bundle.size,
        "complete": bundle.complete,
    }
    _print(data, as_json, lambda: print(f"{bundle.reference}: {bundle.size:,} bytes, sha256 {bundle.sha256}"))


def _item_and_reason(text: str) -> tuple[str, str]:
    item, separator, why = text.partition("=")
    if not separator or not item.strip() or not why.strip():
        raise typer.BadParameter(f"--excuse takes ITEM=REASON; {text!r} was given")
    return item.strip(), why.strip()


@bundle_app.command("verify")
def bundle_verify(
    file: Path,
    key: Annotated[
        Path | None, typer.Option(help="Key (PEM) of the sender, who gave it to you by another way.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a bundle: every hash, the signature, the timeline's chain and the ledger's sum. Needs no database.

    Without --key it fails: the key inside a bundle is whoever's who made it, so that anybody could change and sign it.
    """
    from app.legal.bundle.bag import load_sender_key
    from app.legal.bundle.verification import verify

    if not file.is_file():
        raise typer.BadParameter(f"no such file: {file}")
    if key is not None and not key.is_file():
        raise typer.BadParameter(f"no such file: {key}")
    result = verify(file, load_sender_key(key.read_text()) if key else None)
    ok = result.ok and key is not None
    problems = [asdict(problem) for problem in result.problems]
    data = {"ok": ok, "key_id": result.key_id, "sender_checked": key is not None, "problems": problems}

    def say() -> None:
        if result.ok and not ok:
            print("Nothing in the bundle contradicts itself, but nobody vouches for who made it:")
            print(
                "  give --key FILE with the sender's key, which you have from the sender and not from the bundle"
            )
        else:
            print("The bundle is whole." if ok else "The bundle is NOT whole:")
        for problem in result.problems:
            print(f"  {printable(problem.file)}: {printable(problem.what)}")
        print(f"  signed with key {printable(result.key_id) or 'of nobody'}")

    _print(data, as_json, say)
    if not ok:
        raise typer.Exit(1)
