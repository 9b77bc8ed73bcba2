"""A strategy in words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request

from app.book.portfolios.models import Portfolio
from app.core.errors import NotFound
from app.core.labels import CHANNEL_LABELS
from app.core.text import counted
from app.http.context import ports_of
from app.http.formats import format_money, reader_locale
from app.outreach.strategy import service
from app.outreach.strategy.conditions import ASKABLE, Condition, Moment, Op, Shape
from app.outreach.strategy.file.problems import Place
from app.outreach.strategy.models import StrategyVersion
from app.outreach.strategy.rules import Action, Ladder, Step, Strategy

ACTION_WORDS = {
    Action.MESSAGE: "Send a message",
    Action.CALL: "Call",
    Action.TASK: "Task for a person",
    Action.LEGAL: "Nominate for legal",
}
MOMENT_WORDS = {
    Moment.TAKEN: "was taken",
    Moment.DELIVERED: "arrived",
    Moment.REPLIED: "was answered in a conversation",
}
OP_WORDS = {Op.AT_LEAST: "at least", Op.AT_MOST: "at most", Op.IS: "is", Op.IN: "is one of"}


def find_version(session: Session, version_id: int) -> tuple[StrategyVersion, Portfolio]:
    version = session.get(StrategyVersion, version_id)
    if version is None:
        raise NotFound(f"There is no strategy version {version_id}. Choose one from the list.")
    return version, session.get_one(Portfolio, version.portfolio_id)


def letters_of(request: Request) -> service.Letters:
    return ports_of(request).catalog.letters


@dataclass(frozen=True, slots=True)
class StepWords:
    """A step as a page shows it."""

    place: Place
    step: Step
    what: str
    how: str
    only: str
    """The condition, '' = always."""
    waits: str


@dataclass(frozen=True, slots=True)
class LadderWords:
    title: str
    who: str
    steps: list[StepWords]
    segment: int | None


def ladders_of(request: Request, strategy: Strategy, book: Portfolio) -> list[LadderWords]:
    """Every ladder of a strategy in words, in the order in which they are tried."""
    words = _Words(request, book, letters_of(request))
    found = [
        LadderWords(segment.name, words.condition(segment.condition), words.steps(segment.ladder, n), n)
        for n, segment in enumerate(strategy.segments)
    ]
    title = "Everybody else" if strategy.segments else "Everybody"
    return [*found, LadderWords(title, words.stop(strategy.main), words.steps(strategy.main, None), None)]


class _Words:
    def __init__(self, request: Request, book: Portfolio, letters: service.Letters) -> None:
        self.locale, self.currency, self.letters = reader_locale(request), book.currency, letters

    def steps(self, ladder: Ladder, segment: int | None) -> list[StepWords]:
        return [
            StepWords(
                Place(segment, n), step, self.what(step),
                self.channels(step),
                self.condition(step.condition), self.waits(step),
            )
            for n, step in enumerate(ladder.steps)
        ]  # fmt: skip

    def what(self, step: Step) -> str:
        if step.action is Action.MESSAGE:
            letter = self.letters.get(step.letter)
            return str(letter.title) if letter else step.letter
        return step.task or ACTION_WORDS[step.action]

    def channels(self, step: Step) -> str:
        said = " and ".join(CHANNEL_LABELS[channel] for channel in step.channels)
        return "; if it cannot arrive, ".join([said, *(CHANNEL_LABELS[c] for c in step.otherwise)])

    def waits(self, step: Step) -> str:
        wait = step.wait_for
        return f"{counted(wait.days, 'day')} after {wait.step} {MOMENT_WORDS[wait.moment]}" if wait else ""

    def stop(self, ladder: Ladder) -> str:
        stop, said = ladder.stop, []
        if stop.holds:
            said.append(f"there is a hold ({', '.join(sorted(stop.holds)).replace('_', ' ')})")
        if stop.paid_percent:
            said.append(f"{stop.paid_percent} % was paid within {counted(stop.paid_days, 'day')}")
        if stop.condition:
            said.append(self.condition(stop.condition))
        return f"Everything stops while {', or while '.join(said)}." if said else ""

    def condition(self, condition: Condition) -> str:
        said = []
        for test in condition:
            shape, name = ASKABLE[test.fact]
            value = test.value
            if shape is Shape.AMOUNT and isinstance(value, int):
                shown = format_money(value, self.currency, self.locale)
            elif isinstance(value, frozenset):
                shown = ", ".join(sorted(value))
            else:
                shown = str(value)
            if shape is Shape.FLAG:
                said.append(name if value else f"not {name}")
            else:
                said.append(f"{name} {OP_WORDS[test.op]} {shown}")
        return " and ".join(said)
