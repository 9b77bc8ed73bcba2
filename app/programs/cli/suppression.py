"""`desk suppression ...`: addresses to which nothing is sent."""

from __future__ import annotations

from typing import Annotated

import typer

from app.core.actor import Actor
from app.core.db import reading, transaction
from app.programs.cli.base import (
    Json,
    migrated_engine,
    print_result,
    read_clock,
)

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
    from app.actions.addresses import suppress_address

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
    from app.actions.addresses import restore_address

    with transaction(migrated_engine()) as session:
        spelt = restore_address(session, address, reason, by=Actor.user(by), now=read_clock()).spelt
    print_result({"address": spelt, "lifted": True}, as_json, lambda: print(f"{spelt} may be used again."))
