"""The command line `desk`: one table of its verbs. A verb's module is imported when the verb is called, not before.

`--json` prints one JSON object on standard output and nothing else; logs and progress go to standard error.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but some input was rejected.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

from app import __version__
from app.core.errors import DeskError

if TYPE_CHECKING:
    from typer._click.core import Command, Context


class Verb(NamedTuple):
    module: str
    """Under `app.programs.cli`."""
    name: str
    """A function, or a `typer.Typer` of several verbs."""
    help: str


VERBS = {
    "demo": Verb("running", "demo", "Build a fresh demo under var/ from real accounts and weeks of work."),
    "migrate": Verb("running", "migrate", "Bring the database schema up to date."),
    "serve": Verb("running", "serve", "Run the web application; Ctrl-C ends it."),
    "jobs": Verb("running", "jobs", "Run a worker: business days, delivery, heartbeat."),
    "status": Verb("running", "status", "Show portfolios, workers and sending, and what needs attention."),
    "doctor": Verb("running", "doctor", "Check the set-up before anything is sent."),
    "portfolio": Verb("portfolios", "portfolio_app", "Portfolios: open one, show and change its settings."),
    "feed": Verb("feeds", "feed_app", "Files of the creditor and the bank: load, preview."),
    "reported": Verb(
        "corrections", "reported_app", "Reported changes of holders and statuses: list, accept, refuse."
    ),
    "statement": Verb("corrections", "statement_app", "Statements that were wrong: replace, withdraw."),
    "day": Verb("days", "day", "Close a business day that is over, and any missed before it."),
    "simulate": Verb("days", "simulate", "Simulate days to come on a copy of the portfolio."),
    "invariants": Verb("days", "invariants", "Check everything that must hold."),
    "aging": Verb(
        "figures", "aging", "Show accounts, balance and past-due amount by bucket at the end of any past day."
    ),
    "account": Verb("figures", "account", "Show how one account stood at the end of any day."),
    "kpis": Verb("figures", "kpis", "Show the key figures of a closed day."),
    "risk": Verb("figures", "risk_app", "The break-risk model: train it, show it."),
    "peers": Verb("figures", "peers_app", "Rates of other banks, from public files: load one."),
    "export": Verb("figures", "export_app", "Data for other programs: facts and figures as Parquet files."),
    "strategy": Verb(
        "strategies", "strategy_app", "Contact strategies: list, export, import, put live, roll back."
    ),
    "explain": Verb("gate", "explain", "Ask the gate whether a customer may be contacted at an instant."),
    "replay": Verb("gate", "replay", "Ask the gate again what it was asked then."),
    "retention": Verb("gate", "retention", "Delete facts of decisions, ended numbers and addresses."),
    "suppression": Verb("gate", "suppression_app", "Addresses to which nothing is sent: list, add, lift."),
    "adviser": Verb(
        "negotiation.advisers", "adviser_app", "Debt advisers: proposals and lump payments of a file."
    ),
    "guidelines": Verb(
        "negotiation.households", "guidelines_app", "Guideline figures of household statements: load, list."
    ),
    "negotiation": Verb(
        "negotiation.negotiations", "negotiation_app", "Negotiations: replay what the solver answered."
    ),
    "intents": Verb("words.intents", "intents_app", "Customers' words: read a text, train the intent model."),
    "knowledge": Verb("portfolios", "knowledge_app", "The knowledge base: load the starter articles."),
    "bundle": Verb("legal.bundles", "bundle_app", "Case bundles for the legal team: build, verify."),
    "timeline": Verb(
        "legal.timeline", "timeline_app", "The timeline's days and their time stamps: list, write, check."
    ),
    "legal-desk": Verb("running", "legal_desk", "Run the reference receiver of bundles."),
    "user": Verb("staff", "user_app", "Staff: add people, change roles, reset passwords."),
    "token": Verb("staff", "token_app", "API tokens: issue, list, revoke."),
}


class Verbs(TyperGroup):
    """Lists `VERBS` from the table; loads the one that is called."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - the signature is typer's
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        verb = VERBS.get(cmd_name)
        return _listed(cmd_name, verb) if verb else None

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        if args and args[0] in VERBS:
            return args[0], load(args[0], VERBS[args[0]]), args[1:]
        self.commands = {name: _listed(name, verb) for name, verb in VERBS.items()}  # "Did you mean ...?"
        return super().resolve_command(ctx, args)


def _listed(name: str, verb: Verb) -> Command:
    """A verb as `desk --help` lists it, without what it does."""
    listing = typer.Typer(add_completion=False)
    listing.command(name, help=verb.help)(lambda: None)
    return get_command(listing)


def load(name: str, verb: Verb) -> Command:
    found = getattr(import_module(f"app.programs.cli.{verb.module}"), verb.name)
    if isinstance(found, typer.Typer):
        found.info.help = verb.help
    else:
        function, found = found, typer.Typer(add_completion=False)
        found.command(name)(function)
    command = get_command(found)
    command.name = name
    return command


app = typer.Typer(
    cls=Verbs,
    name="desk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Case manager for overdue credit-card accounts. Each verb has its own --help; results for programs: "
    "--json. Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but some input was rejected.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"desk {__version__}")
        raise typer.Exit


@app.callback()
def about(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options before the verb; then what every verb needs: logs on standard error, files that are private."""
    import structlog

    from app.core.kit.processes import keep_files_private
    from app.core.settings import get_settings

    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(get_settings().log_level.upper()),
    )
    keep_files_private()


def main() -> None:
    """Run the verb of the command line. What it refuses is one sentence on standard error and exit status 1."""
    try:
        app(prog_name="desk")
    except DeskError as error:
        _fail(error.message)
    except Exception as error:
        trouble = _database_trouble(error)
        if trouble is None:
            raise
        _fail(trouble)


def _fail(why: str) -> None:
    print(f"desk: {why}", file=sys.stderr)
    raise SystemExit(1) from None


def _database_trouble(error: Exception) -> str | None:
    """The advice for an operator about an error of the database; None for any other error."""
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import SQLAlchemyError

    from app.core.database.health import trouble_of

    trouble = trouble_of(error) if isinstance(error, SQLAlchemyError) else None
    return trouble.value if trouble else None
