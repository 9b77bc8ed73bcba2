"""`desk intents ...`: what customers' words mean: read a text, train the intent model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.core.database.engine import reading
from app.core.errors import Invalid
from app.programs.cli.base import Json, migrated_engine, print_result

intents_app = typer.Typer(no_args_is_help=True)


@intents_app.command("read")
def read_text(
    text: Annotated[str, typer.Argument(help="The words; - reads standard input.")],
    language: Annotated[str, typer.Option(help="Language of the customer, such as nl or zh-TW.")] = "en",
    country: Annotated[str, typer.Option(help="Country where they live, such as NL.")] = "",
    as_json: Json = False,
) -> None:
    """Read what a text may mean: phrases, cues of a complaint, and the guess of the model. Nothing is stored."""
    from app.inbound.phrases.phrasebook import shipped_phrases
    from app.inbound.rules import languages_of, read, suggestions

    words = sys.stdin.read() if text == "-" else text
    meant = read(words, shipped_phrases(), languages=languages_of(language, country))
    data = {
        "intents": [intent.value for intent in meant.intents],
        "matched": list(meant.matched),
        "needs_nobody": meant.needs_nobody,
    }

    def say() -> None:
        for intent, matched in zip(meant.intents, meant.matched, strict=True):
            print(f"{intent.value:<14}{matched}")
        print("\n".join(suggestions(meant.intents)))

    print_result(data, as_json, say)


@intents_app.command("train")
def train_model(
    out: Annotated[Path, typer.Option(help="File to write; set DESK_INTENT_MODEL to it.")],
    own: Annotated[bool, typer.Option(help="Learn from this desk's decided messages too.")] = True,
    as_json: Json = False,
) -> None:
    """Train the intent model on the shipped samples and on messages that people decided about. Needs scikit-learn (the
    extra `risk`).

    A kind of answer is told only from the chance at which nine of ten were right on answers that the model had not
    seen. The model only tightens: it keeps contact back until a person has looked, or tells a person.
    """
    from app.casework.recognition.model import write_model
    from app.inbound.learning.corpus import decided_lines, shipped_lines
    from app.inbound.learning.training import train

    lines = list(shipped_lines())
    if own:
        with reading(migrated_engine()) as session:
            lines += decided_lines(session)
    model = train(lines)
    try:
        out.write_bytes(write_model(model))
    except OSError as error:
        raise Invalid(f"{out} cannot be written: {error.strerror}.") from None
    data = {
        "file": str(out),
        "answers": sum(line.tests for line in lines),
        "told": {
            label: {
                "from": least,
                "precision": model.measured[label].precision,
                "recall": model.measured[label].recall,
            }
            for label, least in sorted(model.thresholds.items())
        },
    }

    def say() -> None:
        print(f"Trained on {data['answers']} answers and the phrases; written to {out}.")
        for label, least in sorted(model.thresholds.items()):
            found = model.measured[label]
            print(
                f"  {label:<14}from {least:.0%}: {found.precision:.0%} right, {found.recall:.0%} of them found"
            )
        for label in sorted(set(model.labels) - model.thresholds.keys() - {"ordinary"}):
            print(f"  {label:<14}not told: too few right")

    print_result(data, as_json, say)
