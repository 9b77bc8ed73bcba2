"""Processes: each side of a simulation in a process of its own, at the same time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from typing import Any

from app.core.errors import DeskError
from app.core.parallel import collect_garbage_seldom
from app.operations.simulation.rules import StrategyResult
from app.operations.simulation.run import SimulationPlan, run_plan

Progress = Callable[[float], None]


def one_after_another(plans: Mapping[str, SimulationPlan], progress: Progress) -> dict[str, StrategyResult]:
    sides = {}
    for n, (name, plan) in enumerate(plans.items()):
        sides[name] = run_plan(plan, lambda share, n=n: progress((n + share) / len(plans)))  # type: ignore[misc]
    return sides


def in_processes(plans: Mapping[str, SimulationPlan], progress: Progress) -> dict[str, StrategyResult]:
    """Each side in a process of its own, at the same time: a web server that started it stays quick, and what dies
    dies alone."""
    context = multiprocessing.get_context("spawn")
    shares, sides = dict.fromkeys(plans, 0.0), {}
    ears: dict[Any, str] = {}
    processes = []
    try:
        for name, plan in plans.items():
            pipe: tuple[Any, Any] = context.Pipe(duplex=False)
            ear, mouth = pipe
            process = context.Process(
                target=_work, args=(plan, mouth), daemon=True, name=f"simulation-{name}"
            )
            process.start()
            mouth.close()
            ears[ear] = name
            processes.append(process)
        while ears:
            for ear in wait(list(ears)):
                name = ears[ear]
                told = _hear(ear)
                if isinstance(told, StrategyResult):
                    sides[name] = told
                    del ears[ear]
                else:
                    shares[name] = told
                    progress(sum(shares.values()) / len(shares))
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return sides


def _hear(ear: Any) -> StrategyResult | float:
    try:
        told = ear.recv()
    except EOFError:
        raise DeskError("The simulation's process ended early. Start the simulation again.") from None
    if isinstance(told, str):
        raise DeskError(told)
    assert isinstance(told, StrategyResult | float)
    return told


def _work(plan: SimulationPlan, mouth: Connection) -> None:
    """The process: tells its share while it works, at last its StrategyResult, or a sentence if it cannot go on."""
    collect_garbage_seldom()
    try:
        mouth.send(run_plan(plan, mouth.send))
    except DeskError as error:
        mouth.send(error.message)
    except BrokenPipeError:
        return  # whoever wanted to know is gone
    except Exception as error:
        # Not its message, which may quote a row.
        mouth.send(f"The simulation failed: {type(error).__name__}.")
