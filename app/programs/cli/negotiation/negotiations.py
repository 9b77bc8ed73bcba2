"""`desk negotiation ...`: what the solver answered, asked again."""

from __future__ import annotations

from typing import Annotated

import typer

from app.core.database.engine import reading
from app.programs.cli.base import Json, migrated_engine, print_result

negotiation_app = typer.Typer(no_args_is_help=True)


@negotiation_app.callback()
def _group() -> None:
    """Negotiations: replay what the solver answered."""


@negotiation_app.command("replay")
def negotiation_replay(
    number: Annotated[
        int | None, typer.Argument(help="Id of the negotiation; all of them if none is given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Solve the stored facts again. Exits with 1 if the answer is not the one on record."""
    from app.casework.negotiation.record.queries import every_negotiation, get_negotiation
    from app.casework.negotiation.record.replay import replay

    replayed, differing = 0, []
    with reading(migrated_engine()) as session:
        for row in every_negotiation(session) if number is None else [get_negotiation(session, number)]:
            found = replay(row)
            replayed += 1
            if not found.is_same:
                differing.append({"negotiation": row.id, "words": found.words})
    data = {"replayed": replayed, "same": replayed - len(differing), "differing": differing}

    def say() -> None:
        for each in differing:
            print(each["words"])
        print(f"{replayed} replayed, {replayed - len(differing)} with the same answer.")

    print_result(data, as_json, say)
    if differing:
        raise typer.Exit(1)
