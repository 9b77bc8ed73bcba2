"""`desk explain`, `replay`, `retention`, `suppression ...`: answers of the gate, their facts, addresses to which
nothing is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.vocabulary import Channel, Purpose
from app.programs.cli.base import (
    BY,
    Json,
    migrated_engine,
    print_result,
    read_clock,
)


def explain(
    account: Annotated[str, typer.Option(help="Account reference.")],
    channel: Annotated[Channel, typer.Option()],
    at: Annotated[str, typer.Option(help="Instant with offset, such as 2026-01-31T21:30:00+08:00.")],
    purpose: Annotated[Purpose, typer.Option()] = Purpose.REMINDER,
    portfolio_code: Annotated[
        str,
        typer.Option(
            "--portfolio",
            help="Portfolio of the account; needed where several have an account of this reference.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Ask the gate whether a customer may be contacted at an instant, and every reason why not. Nothing is
    sent or recorded."""
    from app.api.cases.answer_shapes import AnswerShape
    from app.book.customers.lookup import customer_of_account
    from app.outreach.gate.explain import explain as ask

    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(
            f"This is not an instant: {at!r}. Write it like 2026-01-31T21:30:00+08:00", param_hint="--at"
        ) from None
    if instant.tzinfo is None:
        raise typer.BadParameter("The offset is missing. Add +08:00 or Z.", param_hint="--at")
    with reading(migrated_engine()) as session:
        portfolio, customer = customer_of_account(session, account, portfolio_code)
        answer = ask(session, portfolio, customer, channel, purpose, at=instant)
    data = AnswerShape.of(answer).model_dump(mode="json")

    def say() -> None:
        print(f"{data['decision']}" + (f", not before {data['not_before']}" if data["not_before"] else ""))
        for reason in data["reasons"]:
            print(f"  {reason['rule']}: {reason['detail']} [{reason['citation']}]")
        print(f"  asked: {data['pack']}; this is not legal advice")

    print_result(data, as_json, say)


def replay(
    decision: Annotated[int, typer.Option(help="Number of the decision, from a list or an export.")],
    as_json: Json = False,
) -> None:
    """Ask the gate again what it was asked then, under that day's pack. Exit status 1 when the answer differs."""
    from app.outreach.gate.decisions import replay as ask_again

    with reading(migrated_engine()) as session:
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

    print_result(data, as_json, say)
    if not found.same:
        raise typer.Exit(1)


def retention(as_json: Json = False) -> None:
    """Delete facts of decisions, ended numbers and addresses, third parties and support needs, household statements,
    requests for help with payments, negotiations and what debt advisers sent, whose retention period is over. The
    decisions stay on record."""
    from app.actions.people.retention import (
        forget_advice,
        forget_hardship,
        forget_needs,
        forget_negotiations,
        forget_people,
        forget_statements,
    )
    from app.outreach.gate.decisions import forget_facts

    with transaction(migrated_engine()) as session:
        forgotten = forget_facts(session, by=BY, now=read_clock(), at_most=10**6)
        people = forget_people(session, by=BY, now=read_clock())
        hardship = forget_hardship(session, by=BY, now=read_clock())
        households = forget_statements(session, by=BY, now=read_clock())
        negotiations = forget_negotiations(session, by=BY, now=read_clock())
        advice = forget_advice(session, by=BY, now=read_clock())
        needs = forget_needs(session, by=BY, now=read_clock())
    said = (
        f"facts of {forgotten} decisions deleted, {people} ended contact points and third parties, "
        f"{households} household statements and answers, {negotiations} negotiations, "
        f"{advice} files, proposals, lump payments and clients of advisers, "
        f"{needs} support needs that had ended, {hardship} requests for help with payments"
    )
    data = {
        "forgotten": forgotten,
        "people": people,
        "households": households,
        "negotiations": negotiations,
        "advice": advice,
        "support_needs": needs,
        "hardship_requests": hardship,
    }
    print_result(data, as_json, lambda: print(said))


suppression_app = typer.Typer(no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="An e-mail address, or a number that begins with +.")]
Person = Annotated[str, typer.Option("--by", help="User name of the person who decides.")]


@suppression_app.command("list")
def suppression_list(
    address: Annotated[str, typer.Argument(help="List only this address.")] = "",
    ended: Annotated[bool, typer.Option("--ended", help="List the addresses that were taken off.")] = False,
    as_json: Json = False,
) -> None:
    """List the addresses to which nothing is sent, the latest first."""
    from app.outreach.gate.suppression import on_list

    with reading(migrated_engine()) as session:
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

    print_result({"addresses": found}, as_json, say)


@suppression_app.command("add")
def suppression_add(
    address: Address,
    reason: Annotated[str, typer.Option(help="Why nothing may be sent to it.")],
    by: Person,
    as_json: Json = False,
) -> None:
    """Suppress an address: nothing more is sent to it, whichever customer has it."""
    from app.actions.preferences import suppress_address

    with transaction(migrated_engine()) as session:
        added = suppress_address(session, address, reason, by=Actor.user(by), now=read_clock())
    said = "is on the list" if added else "was on the list already"
    print_result({"address": address, "added": added}, as_json, lambda: print(f"{address} {said}."))


@suppression_app.command("lift")
def suppression_lift(
    address: Address,
    reason: Annotated[str, typer.Option(help="Why it may be used again.")],
    by: Person,
    as_json: Json = False,
) -> None:
    """Take an address off the list. It may be used again where the law and the customer permit."""
    from app.actions.preferences import restore_address

    with transaction(migrated_engine()) as session:
        spelt = restore_address(session, address, reason, by=Actor.user(by), now=read_clock()).spelt
    print_result({"address": spelt, "lifted": True}, as_json, lambda: print(f"{spelt} may be used again."))
