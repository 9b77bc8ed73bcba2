"""One step of a strategy, as a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.core.errors import Invalid, NotFound
from app.core.labels import CHANNEL_LABELS
from app.core.money import exponent
from app.core.text import sentence
from app.core.types import JsonObject, Values
from app.core.vocabulary import Channel, Purpose
from app.outreach.strategy import ladders, service
from app.outreach.strategy.conditions import ASKABLE, Moment, Op, Shape
from app.outreach.strategy.file.problems import BadStrategy, Place, Problem
from app.outreach.strategy.file.reading import Terms, parse_strategy, read_strategy
from app.outreach.strategy.file.writing import put_step, write_step
from app.outreach.strategy.rules import Action, Step
from app.web.managers.strategies.draft import StrategyDraft, editor_page, with_text
from app.web.managers.strategies.words import ACTION_WORDS, MOMENT_WORDS, OP_WORDS, letters_of
from app.web.rendering import Page, page


def place_of(text: str) -> Place:
    parts = text.split(".")
    if not (
        1 <= len(parts) <= 2 and all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts)
    ):
        raise Invalid("The link names no step. Open the step from its version.")
    numbers = [int(part) for part in parts]
    return Place(step=numbers[0]) if len(numbers) == 1 else Place(numbers[0], numbers[1])


def change_step(
    request: Request, portfolio: Portfolio, draft: StrategyDraft, verb: str, place: Place
) -> Response:
    terms = ladders.terms_of(portfolio)
    try:
        strategy = read_strategy(draft.code or "draft", draft.text, terms)
    except BadStrategy:
        return editor_page(
            request, portfolio, draft, {"": "Put the text right first; then its steps can be changed."}
        )
    if place.segment is not None and place.segment >= len(strategy.segments):
        raise NotFound(f"This draft has no segment {place.segment + 1}. Choose a step from the draft.")
    ladder = strategy.main if place.segment is None else strategy.segments[place.segment].ladder
    if verb == "drop":
        return editor_page(request, portfolio, with_text(draft, put_step(draft.text, place, None)))
    if verb == "step":
        old = ladder.steps[place.step or 0] if (place.step or 0) < len(ladder.steps) else None
        return _step_page(request, portfolio, _as_typed(draft, old, terms), place, {}, is_new=old is None)
    return _put(request, portfolio, draft, place, terms, is_new=(place.step or 0) >= len(ladder.steps))


def _put(
    request: Request, portfolio: Portfolio, draft: StrategyDraft, place: Place, terms: Terms, *, is_new: bool
) -> Response:
    """The step as it was typed into the text; or the form again with what is wrong beside each field."""
    raw, errors = _raw_step(draft)
    alone = {k: v for k, v in raw.items() if k != "wait_for"}
    step = None
    if not errors:
        try:
            step = parse_strategy("draft", {"steps": [alone]}, terms).main.steps[0]
            block = write_step(step, terms, segment=place.segment is not None)
            if "wait_for" in raw:
                block += _wait_line(raw["wait_for"])
            text = put_step(draft.text, place, block)
            service.understand(portfolio, draft.code or "draft", text, letters_of(request))
            return editor_page(request, portfolio, with_text(draft, text))
        except BadStrategy as bad:
            mine = [p for p in bad.problems if step is None or p.place == place] or bad.problems
            errors = _by_field(mine)
    return _step_page(request, portfolio, draft, place, errors, is_new=is_new, status=422)


def _by_field(problems: Sequence[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for problem in problems:
        name = "wait_for" if "wait_for" in problem.label else problem.field
        found[name] = " ".join(filter(None, (found.get(name), sentence(problem.message))))
    return found


def _wait_line(wait: Values) -> str:
    return f'wait_for = {{ step = "{wait["step"]}", days = {wait["days"]}, moment = "{wait["moment"]}" }}\n'


def _raw_step(draft: StrategyDraft) -> tuple[JsonObject, dict[str, str]]:
    """The form as TOML would have it; values that cannot be told apart from text become numbers where they are."""
    errors: dict[str, str] = {}
    day = draft.day.strip()
    if not (day.isascii() and day.isdigit() and len(day) < 6):
        errors["day"] = "Write a whole number."
    raw: JsonObject = {"id": draft.id.strip(), "day": int(day) if "day" not in errors else 0}
    raw["action"] = draft.action
    if draft.action == Action.MESSAGE:
        raw |= {"letter": draft.letter, "channels": draft.channels, "purpose": draft.purpose or "reminder"}
        raw["otherwise"] = draft.otherwise
    if draft.action == Action.TASK:
        raw["task"] = draft.task
    condition: JsonObject = {}
    for fact, op, value in zip(draft.fact, draft.op, draft.value, strict=False):
        if fact and value.strip():
            condition.setdefault(fact, {})[op] = _typed_value(fact, op, value.strip())
        elif fact:
            errors["condition"] = "Say what it is compared with."
    if condition:
        raw["condition"] = condition
    if draft.wait_step:
        days = draft.wait_days.strip()
        if not (days.isascii() and days.isdigit() and len(days) < 4) or draft.wait_moment not in set(Moment):
            errors["wait_for"] = "Write for how many days."
        elif '"' in draft.wait_step or "\\" in draft.wait_step or "\n" in draft.wait_step:
            errors["wait_for"] = "No step has this name. Choose one from the list."
        else:
            raw["wait_for"] = {"step": draft.wait_step, "days": int(days), "moment": draft.wait_moment}
    return raw, errors


def _typed_value(fact: str, op: str, text: str) -> object:
    shape = ASKABLE[fact][0] if fact in ASKABLE else Shape.TEXT
    if op == Op.IN:
        return [word.strip() for word in text.split(",") if word.strip()]
    if shape is Shape.NUMBER and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if shape is Shape.FLAG:
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.lower(), text)
    return text


def _as_typed(draft: StrategyDraft, step: Step | None, terms: Terms) -> StrategyDraft:
    """The form's fields for a step; empty ones for a new step."""
    shown = with_text(draft, draft.text)
    if step is None:
        return shown.model_copy(update={"action": "message", "purpose": "reminder"})
    rows = [(test.fact, test.op.value, _value_typed(test.fact, test.value, terms)) for test in step.condition]
    return shown.model_copy(
        update={
            "id": step.id,
            "day": str(step.day),
            "action": step.action.value,
            "letter": step.letter,
            "purpose": step.purpose.value,
            "task": step.task,
            "channels": [channel.value for channel in step.channels],
            "otherwise": [channel.value for channel in step.otherwise],
            "fact": [row[0] for row in rows],
            "op": [row[1] for row in rows],
            "value": [row[2] for row in rows],
            "wait_step": step.wait_for.step if step.wait_for else "",
            "wait_days": str(step.wait_for.days) if step.wait_for else "",
            "wait_moment": step.wait_for.moment.value if step.wait_for else "",
        }
    )


def _value_typed(fact: str, value: int | str | bool | frozenset[str], terms: Terms) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if ASKABLE[fact][0] is Shape.AMOUNT:
        return f"{value / 10 ** exponent(terms.currency):.{exponent(terms.currency)}f}"
    return str(value)


CONDITION_ROWS = 4


@dataclass(frozen=True, slots=True)
class StepPage(Page):
    template = "managers/strategies/step.html"
    book: Portfolio
    draft: StrategyDraft
    place: Place
    is_new: bool
    errors: Mapping[str, str]
    rows: Sequence[tuple[str, str, str]]
    actions: Sequence[tuple[Action, str]]
    letters: Sequence[tuple[str, str]]
    purposes: Sequence[tuple[str, str]]
    channels: Sequence[tuple[Channel, str]]
    facts: Sequence[tuple[str, str]]
    ops: Sequence[tuple[str, str]]
    moments: Sequence[tuple[str, str]]


def _step_page(
    request: Request,
    portfolio: Portfolio,
    draft: StrategyDraft,
    place: Place,
    errors: Mapping[str, str],
    *,
    is_new: bool,
    status: int = 200,
) -> Response:
    rows = [*zip(draft.fact, draft.op, draft.value, strict=False)]
    rows += [("", Op.AT_LEAST.value, "")] * max(1, CONDITION_ROWS - len(rows))
    return page(
        request,
        StepPage(
            book=portfolio,
            draft=draft,
            place=place,
            is_new=is_new,
            errors=errors,
            rows=rows,
            actions=list(ACTION_WORDS.items()),
            letters=[
                (code, getattr(letter, "title", code)) for code, letter in sorted(letters_of(request).items())
            ],
            purposes=[(p.value, p.value.capitalize()) for p in (Purpose.REMINDER, Purpose.NOTICE)],
            channels=[(c, CHANNEL_LABELS[c]) for c in Channel if c is not Channel.CALL],
            facts=[("", "—")] + [(name, words) for name, (_, words) in ASKABLE.items()],
            ops=[(op.value, word) for op, word in OP_WORDS.items()],
            moments=[(m.value, word) for m, word in MOMENT_WORDS.items()],
        ),
        status,
    )
