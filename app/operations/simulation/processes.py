"""Processes: each side of a simulation in a process of its own, at the same time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait

from app.core.errors import DeskError
from app.core.kit.parallel import collect_garbage_seldom
from app.operations.simulation.rules import StrategyResult
from app.operations.simulation.run import SimulationPlan, run_plan

Progress = Callable[[float], None]
Message = StrategyResult | float | str
"""Messages of a process: its share done, at last its result, or a sentence if it failed."""


def in_processes(plans: Mapping[str, SimulationPlan], progress: Progress) -> dict[str, StrategyResult]:
    """Run each side in a process of its own, at the same time: the web server that started it stays quick, and a
    process that dies takes nothing with it."""
    context = multiprocessing.get_context("spawn")
    shares, sides = dict.fromkeys(plans, 0.0), {}
    receivers: dict[str, Connection[Message, Message]] = {}
    processes = []
    try:
        for name, plan in plans.items():
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(
                target=_work, args=(plan, sender), daemon=True, name=f"simulation-{name}"
            )
            process.start()
            sender.close()
            receivers[name] = receiver
            processes.append(process)
        while receivers:
            ready = wait(list(receivers.values()))
            for name in [name for name, receiver in receivers.items() if receiver in ready]:
                message = _received(receivers[name])
                if isinstance(message, StrategyResult):
                    sides[name] = message
                    del receivers[name]
                else:
                    shares[name] = message
                    progress(sum(shares.values()) / len(shares))
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return sides


def _received(receiver: Connection[Message, Message]) -> StrategyResult | float:
    """The share done, or the result. DeskError if the process failed."""
    try:
        message = receiver.recv()
    except EOFError:
        raise DeskError("The simulation's process ended early. Start the simulation again.") from None
    if isinstance(message, str):
        raise DeskError(message)
    assert isinstance(message, StrategyResult | float)
    return message


def _work(plan: SimulationPlan, sender: Connection[Message, Message]) -> None:
    """The process: sends its share while it works, at last its StrategyResult, or a sentence if it cannot go on."""
    collect_garbage_seldom()
    try:
        sender.send(run_plan(plan, sender.send))
    except DeskError as error:
        sender.send(error.message)
    except BrokenPipeError:
        return  # the process that wanted to know is gone
    except Exception as error:
        # Not its message, which may quote a row.
        sender.send(f"The simulation failed: {type(error).__name__}.")
