"""Sides of a simulation, one after another in the process of the test."""

from collections.abc import Mapping

from app.operations.simulation.processes import Progress
from app.operations.simulation.rules import StrategyResult
from app.operations.simulation.run import SimulationPlan, run_plan


def one_after_another(plans: Mapping[str, SimulationPlan], progress: Progress) -> dict[str, StrategyResult]:
    sides = {}
    for n, (name, plan) in enumerate(plans.items()):
        sides[name] = run_plan(plan, lambda share, n=n: progress((n + share) / len(plans)))  # type: ignore[misc]
    return sides
