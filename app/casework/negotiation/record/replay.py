"""Replay of a negotiation: the stored facts are solved again, and the answer is compared with the one on record."""

from __future__ import annotations

from dataclasses import dataclass

from app.casework.negotiation.facts import Solution
from app.casework.negotiation.options import SOLVER_VERSION, solve
from app.casework.negotiation.record.chances import chance_of
from app.casework.negotiation.record.models import Negotiation
from app.core.ids import id_of
from app.core.kit.frozen_json import digest_of


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer of today's solver to the facts of that day."""

    negotiation: Negotiation
    solution: Solution
    is_same: bool

    @property
    def words(self) -> str:
        """The result as a sentence."""
        row = self.negotiation
        if self.is_same:
            return f"Negotiation {id_of(row)}: the same answer."
        if row.solver_version != SOLVER_VERSION:
            return (
                f"Negotiation {id_of(row)}: solver {SOLVER_VERSION} answers otherwise than solver "
                f"{row.solver_version}, which made it."
            )
        return f"Negotiation {id_of(row)}: another answer, though the solver is the same. Report this as a fault."


def replay(negotiation: Negotiation) -> Replay:
    """Solve the stored facts again, with the chances of that day."""
    solution = solve(negotiation.solver_facts, chance_of(negotiation.chance))
    return Replay(negotiation, solution, digest_of(solution) == negotiation.digest)
