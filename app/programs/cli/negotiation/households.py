"""`desk guidelines ...`: guideline figures of household statements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.core.database.engine import reading, transaction
from app.programs.cli.base import BY, Json, migrated_engine, print_result, read_clock

guidelines_app = typer.Typer(no_args_is_help=True)


@guidelines_app.command("load")
def guidelines_load(
    file: Annotated[
        Path, typer.Argument(help="TOML file; docs/household.md has its format.", exists=True, dir_okay=False)
    ],
    as_json: Json = False,
) -> None:
    """Load an edition of guideline figures; the same file again changes nothing. Statements recorded before keep the
    edition that they were compared with."""
    from app.actions.people.household import load_guidelines
    from app.core.ids import id_of

    with transaction(migrated_engine()) as session:
        row, is_new = load_guidelines(session, file, by=BY, now=read_clock())
        data = {
            "guideline": id_of(row),
            "categories": row.categories,
            "currency": row.currency,
            "source": row.source,
            "valid_from": row.valid_from.isoformat(),
            "loaded": is_new,
        }
    said = f"{data['source']}, valid from {data['valid_from']}: {'loaded' if is_new else 'loaded before, unchanged'}"
    print_result(data, as_json, lambda: print(said))


@guidelines_app.command("list")
def guidelines_list(as_json: Json = False) -> None:
    """List the editions of guideline figures, the newest first."""
    from app.casework.negotiation.household.queries import guidelines

    with reading(migrated_engine()) as session:
        rows = [
            {
                "guideline": row.id,
                "categories": row.categories,
                "currency": row.currency,
                "source": row.source,
                "dated_on": row.dated_on.isoformat(),
                "valid_from": row.valid_from.isoformat(),
            }
            for row in guidelines(session)
        ]

    def say() -> None:
        for row in rows:
            print(f"{row['categories']:<10}{row['currency']:<5}{row['valid_from']}  {row['source']}")
        if not rows:
            print("No guideline figures are loaded.")

    print_result({"guidelines": rows}, as_json, say)
