"""Chances as they are stored with a decision, and read again to replay it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import orjson

from app.casework.negotiation.solver.chance import BaseChance
from app.casework.plans.rules import Instalment
from app.casework.plans.terms import AgreementTerms
from app.casework.risk.rules import RiskChance
from app.core.kit.frozen_json import from_json, to_json


class KeptChance(Protocol):
    """A `Chance` that says which version of a model it is, and that is a frozen dataclass listed in `CHANCES`."""

    @property
    def version(self) -> str: ...

    def __call__(self, terms: AgreementTerms, parts: Sequence[Instalment], /) -> list[float]: ...


CHANCES: Mapping[str, type[KeptChance]] = {"base": BaseChance, "risk": RiskChance}


def chance_text(chance: KeptChance) -> str:
    """The chance as JSON, with its kind."""
    kind = next(name for name, known in CHANCES.items() if type(chance) is known)
    return to_json({"kind": kind, "chance": chance})


def chance_of(text: str) -> KeptChance:
    data = orjson.loads(text)
    return from_json(CHANCES[data["kind"]], to_json(data["chance"]))


def chance_from(risk: RiskChance) -> KeptChance:
    """The chances that a negotiation ranks by: the portfolio's model where it has one that beats its base rate.
    Otherwise the base chances at the level of its own history, which the prior holds near its figures at first."""
    if risk.model.card is not None:
        return risk
    base = risk.model.base
    return BaseChance(risk.model.label, 1 - base.first, base.monthly)
