"""Strategies: what is live, its versions, the editor, and champion against challenger.

The editor keeps nothing on the server: the text being worked on travels in the form, so nothing is lost by looking
at it, and it becomes a version only when it is saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.ledger.models import Portfolio
from app.book.ledger.service import get_portfolio
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.money import exponent
from app.core.staff.rules import MANAGEMENT
from app.core.vocabulary import Channel, Purpose
from app.http.deps import CaseReader, Manager, Now, ReadSession, RowId, RowQuery, WriteSession, ports_of
from app.http.security import MB
from app.operations.day import last_closed
from app.outreach.strategy import queries, service
from app.outreach.strategy.experiments import Comparison, Verdict, sample_size, smaller_arm_share
from app.outreach.strategy.models import Experiment, StrategyVersion
from app.outreach.strategy.rules import ASKABLE, Action, Condition, Ladder, Moment, Op, Shape, Step, Strategy
from app.outreach.strategy.strategyfile import (
    LONGEST_TEXT,
    BadStrategy,
    Place,
    Problem,
    Terms,
    parse_strategy,
    put_step,
    read_strategy,
    write_step,
)
from app.web.forms import sentence
from app.web.rendering import Column, Tone, format_money, page, reader_locale, redirect
from app.web.worklist.worklist import staff_names

router = APIRouter(prefix="/strategies")

CHANNEL_WORDS = {Channel.SMS: "SMS", Channel.EMAIL: "E-mail", Channel.POST: "Letter", Channel.CALL: "Call"}
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
VERSION_COLUMNS = [
    Column("Version"),
    Column("Name"),
    Column("Saved"),
    Column("By"),
    Column("Note"),
    Column(""),
]
LIVE_COLUMNS = [Column("Version"), Column("Live from"), Column("To"), Column("By")]


# --- what there is ------------------------------------------------------------------------------------------


@router.get("")
def strategies(request: Request, staff: CaseReader, session: ReadSession, portfolio: str = "") -> Response:
    """What a portfolio goes by, all versions, and experiments."""
    books = _books(session)
    if not books:
        return page(request, "strategies/list.html", books=[], book=None)
    book = get_portfolio(session, portfolio) if portfolio else books[0]
    live = service.live_version(session, id_of(book))
    found = service.ladders(session, book)
    versions = service.versions(session, id_of(book))
    return page(
        request,
        "strategies/list.html",
        books=books,
        choices=[(each.code, each.code) for each in books],
        book=book,
        live=live,
        live_ref=found.live.ref,
        shown=ladders_of(request, found.live.strategy, book),
        before=service.version_before(session, id_of(book)),
        versions=versions,
        history=queries.live_history(session, id_of(book)),
        experiments=queries.experiments(session, id_of(book)),
        running=service.running_experiment(session, id_of(book)),
        by_id={version.id: version for version in versions},
        names=staff_names(session),
        may_change=staff.role in MANAGEMENT,
        columns=VERSION_COLUMNS,
        live_columns=LIVE_COLUMNS,
    )


@router.get("/versions/{version_id}")
def version_page(request: Request, version_id: RowId, staff: CaseReader, session: ReadSession) -> Response:
    version, book = _version(session, version_id)
    live = service.live_version(session, id_of(book))
    try:
        shown, problems = ladders_of(request, service.side_of(book, version).strategy, book), []
    except BadStrategy as bad:
        shown, problems = [], bad.problems
    return page(
        request,
        "strategies/version.html",
        book=book,
        version=version,
        shown=shown,
        problems=problems,
        is_live=live is not None and live.id == version.id,
        running=service.running_experiment(session, id_of(book)),
        names=staff_names(session),
        may_change=staff.role in MANAGEMENT,
    )


@router.get("/versions/{version_id}/toml")
def export(version_id: RowId, _staff: CaseReader, session: ReadSession) -> Response:
    version, _ = _version(session, version_id)
    name = f"{version.code}-{version.number}.toml"
    return Response(
        version.text,
        media_type="application/toml",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.post("/versions/{version_id}/live")
def put_live(
    request: Request, version_id: RowId, staff: Manager, session: WriteSession, now: Now
) -> Response:
    version, book = _version(session, version_id)
    service.put_live(session, book, version, _letters(request), by=staff.by, now=now)
    return redirect(request, _home(book), f"{version.ref} is live from the next night on.")


@router.post("/rollback")
def rollback(
    request: Request, staff: Manager, session: WriteSession, now: Now, portfolio: Annotated[str, Form()]
) -> Response:
    book = get_portfolio(session, portfolio)
    version = service.rollback(session, book, by=staff.by, now=now)
    return redirect(request, _home(book), f"Rolled back: {version.ref} is live from the next night on.")


def _books(session: Session) -> Sequence[Portfolio]:
    return session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all()


def _version(session: Session, version_id: int) -> tuple[StrategyVersion, Portfolio]:
    version = session.get(StrategyVersion, version_id)
    if version is None:
        raise NotFound("There is no such version.")
    return version, session.get_one(Portfolio, version.portfolio_id)


def _home(book: Portfolio) -> str:
    return f"/strategies?portfolio={book.code}"


def _letters(request: Request) -> service.Letters:
    return ports_of(request).stationery.letters


# --- a strategy in words ------------------------------------------------------------------------------------


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
    words = _Words(request, book, _letters(request))
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
            letter: Any = self.letters.get(step.letter)
            return str(letter.title) if letter else step.letter
        return step.task or ACTION_WORDS[step.action]

    def channels(self, step: Step) -> str:
        said = " and ".join(CHANNEL_WORDS[channel] for channel in step.channels)
        return "; if it cannot arrive, ".join([said, *(CHANNEL_WORDS[c] for c in step.otherwise)])

    def waits(self, step: Step) -> str:
        wait = step.wait_for
        return f"{wait.days} days after {wait.step} {MOMENT_WORDS[wait.moment]}" if wait else ""

    def stop(self, ladder: Ladder) -> str:
        stop, said = ladder.stop, []
        if stop.holds:
            said.append(f"there is a hold ({', '.join(sorted(stop.holds)).replace('_', ' ')})")
        if stop.paid_percent:
            said.append(f"{stop.paid_percent} % was paid within {stop.paid_days} days")
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


# --- the editor ---------------------------------------------------------------------------------------------


class Draft(BaseModel):
    """What is being written, all text."""

    portfolio: str = ""
    code: str = ""
    text: str = ""
    note: str = ""
    do: str = "check"
    """`check`, `save`, or `step:PLACE`, `put:PLACE`, `drop:PLACE` for one step."""
    id: str = ""
    day: str = ""
    action: str = ""
    letter: str = ""
    purpose: str = ""
    task: str = ""
    channels: list[str] = []
    otherwise: list[str] = []
    fact: list[str] = []
    op: list[str] = []
    value: list[str] = []
    wait_step: str = ""
    wait_days: str = ""
    wait_moment: str = ""


@router.get("/edit")
def edit(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    base: RowQuery = 0,
) -> Response:
    """The editor, with the text of a version (`base`) or of what is live."""
    if base:
        version, book = _version(session, base)
        draft = Draft(portfolio=book.code, code=version.code, text=version.text)
    else:
        book = get_portfolio(session, portfolio)
        live = service.live_version(session, id_of(book))
        code = live.code if live else book.strategy
        draft = Draft(portfolio=book.code, code=code, text=live.text if live else service.shipped_text(code))
    return _editor(request, book, draft)


@router.post("/import", max_body_size=MB)
def import_file(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: Annotated[str, Form()],
    code: Annotated[str, Form()],
    file: Annotated[UploadFile, File()],
) -> Response:
    """A TOML file into the editor; it is a version once it is saved there."""
    book = get_portfolio(session, portfolio)
    try:
        text = file.file.read(4 * LONGEST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("This file is not UTF-8 text.", "file") from None
    return _editor(request, book, Draft(portfolio=book.code, code=code.strip() or book.strategy, text=text))


@router.post("/edit", max_body_size=MB)
def work(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    draft: Annotated[Draft, Form()],
) -> Response:
    """Check the text, change one step of it, or save it as a version."""
    book = get_portfolio(session, draft.portfolio)
    verb, _, where = draft.do.partition(":")
    if verb == "save":
        return _save(request, session, staff.by, book, draft, now)
    if verb in ("step", "put", "drop"):
        return _one_step(request, book, draft, verb, _place(where))
    return _editor(request, book, draft)


def _save(request: Request, session: Session, by: Actor, book: Portfolio, draft: Draft, now: Now) -> Response:
    try:
        version = service.save_version(
            session, book, draft.code.strip(), draft.text, _letters(request), draft.note, by=by, now=now
        )
    except BadStrategy:
        return _editor(request, book, draft, status=422)
    except Invalid as refused:
        return _editor(request, book, draft, {refused.field or "": sentence(refused.message)}, status=422)
    said = f"Saved as {version.ref}. It changes nothing until it is put live."
    return redirect(request, f"/strategies/versions/{version.id}", said)


def _editor(
    request: Request,
    book: Portfolio,
    draft: Draft,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    """The text, what is wrong with it, and the ladders as they are understood."""
    problems: Sequence[Problem] = ()
    shown: list[LadderWords] = []
    try:
        shown = ladders_of(
            request, read_strategy(draft.code or "draft", draft.text, service.terms_of(book)), book
        )
        service.understand(book, draft.code or "draft", draft.text, _letters(request))
    except BadStrategy as bad:
        problems = bad.problems
    wrong: dict[Place, list[Problem]] = {}
    for problem in problems:
        wrong.setdefault(problem.place, []).append(problem)
    return page(
        request,
        "strategies/edit.html",
        status,
        book=book,
        draft=draft,
        shown=shown,
        problems=problems,
        wrong=wrong,
        errors=errors or {},
        letters=_letters(request),
        askable=ASKABLE,
    )


def _place(text: str) -> Place:
    parts = text.split(".")
    if not (
        1 <= len(parts) <= 2 and all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts)
    ):
        raise Invalid("There is no such step.")
    numbers = [int(part) for part in parts]
    return Place(step=numbers[0]) if len(numbers) == 1 else Place(numbers[0], numbers[1])


def _one_step(request: Request, book: Portfolio, draft: Draft, verb: str, place: Place) -> Response:
    terms = service.terms_of(book)
    try:
        strategy = read_strategy(draft.code or "draft", draft.text, terms)
    except BadStrategy:
        return _editor(request, book, draft, {"": "Put the text right first; then its steps can be changed."})
    if place.segment is not None and place.segment >= len(strategy.segments):
        raise NotFound("There is no such segment.")
    ladder = strategy.main if place.segment is None else strategy.segments[place.segment].ladder
    if verb == "drop":
        return _editor(request, book, _with_text(draft, put_step(draft.text, place, None)))
    if verb == "step":
        old = ladder.steps[place.step or 0] if (place.step or 0) < len(ladder.steps) else None
        return _step_page(request, book, _as_typed(draft, old, terms), place, {}, is_new=old is None)
    return _put(request, book, draft, place, terms, is_new=(place.step or 0) >= len(ladder.steps))


def _put(
    request: Request, book: Portfolio, draft: Draft, place: Place, terms: Terms, *, is_new: bool
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
            service.understand(book, draft.code or "draft", text, _letters(request))
            return _editor(request, book, _with_text(draft, text))
        except BadStrategy as bad:
            mine = [p for p in bad.problems if step is None or p.place == place] or bad.problems
            errors = _by_field(mine)
    return _step_page(request, book, draft, place, errors, is_new=is_new, status=422)


def _by_field(problems: Sequence[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for problem in problems:
        name = "wait_for" if "wait_for" in problem.label else problem.field
        found[name] = " ".join(filter(None, (found.get(name), sentence(problem.message))))
    return found


def _wait_line(wait: Mapping[str, Any]) -> str:
    return f'wait_for = {{ step = "{wait["step"]}", days = {wait["days"]}, moment = "{wait["moment"]}" }}\n'


def _with_text(draft: Draft, text: str) -> Draft:
    return Draft(portfolio=draft.portfolio, code=draft.code, text=text, note=draft.note)


def _raw_step(draft: Draft) -> tuple[dict[str, Any], dict[str, str]]:
    """The form as TOML would have it; values that cannot be told apart from text become numbers where they are."""
    errors: dict[str, str] = {}
    day = draft.day.strip()
    if not (day.isascii() and day.isdigit() and len(day) < 6):
        errors["day"] = "Write a whole number."
    raw: dict[str, Any] = {"id": draft.id.strip(), "day": int(day) if "day" not in errors else 0}
    raw["action"] = draft.action
    if draft.action == Action.MESSAGE:
        raw |= {"letter": draft.letter, "channels": draft.channels, "purpose": draft.purpose or "reminder"}
        raw["otherwise"] = draft.otherwise
    if draft.action == Action.TASK:
        raw["task"] = draft.task
    condition: dict[str, Any] = {}
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
            errors["wait_for"] = "There is no such step."
        else:
            raw["wait_for"] = {"step": draft.wait_step, "days": int(days), "moment": draft.wait_moment}
    return raw, errors


def _typed_value(fact: str, op: str, text: str) -> Any:
    shape = ASKABLE[fact][0] if fact in ASKABLE else Shape.TEXT
    if op == Op.IN:
        return [word.strip() for word in text.split(",") if word.strip()]
    if shape is Shape.NUMBER and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if shape is Shape.FLAG:
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.lower(), text)
    return text


def _as_typed(draft: Draft, step: Step | None, terms: Terms) -> Draft:
    """The form's fields for a step; empty ones for a new step."""
    shown = _with_text(draft, draft.text)
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


def _value_typed(fact: str, value: Any, terms: Terms) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if ASKABLE[fact][0] is Shape.AMOUNT:
        return f"{value / 10 ** exponent(terms.currency):.{exponent(terms.currency)}f}"
    return str(value)


CONDITION_ROWS = 4


def _step_page(
    request: Request,
    book: Portfolio,
    draft: Draft,
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
        "strategies/step.html",
        status,
        book=book,
        draft=draft,
        place=place,
        is_new=is_new,
        errors=errors,
        rows=rows,
        actions=list(ACTION_WORDS.items()),
        letters=[
            (code, getattr(letter, "title", code)) for code, letter in sorted(_letters(request).items())
        ],
        purposes=[(p.value, p.value.capitalize()) for p in (Purpose.REMINDER, Purpose.NOTICE)],
        channels=[(c, word) for c, word in CHANNEL_WORDS.items() if c is not Channel.CALL],
        facts=[("", "—")] + [(name, words) for name, (_, words) in ASKABLE.items()],
        ops=[(op.value, word) for op, word in OP_WORDS.items()],
        moments=[(m.value, word) for m, word in MOMENT_WORDS.items()],
    )


# --- champion against challenger ----------------------------------------------------------------------------


VERDICTS: Mapping[Verdict, tuple[str, Tone]] = {
    Verdict.NOT_ENOUGH: ("Not enough cases yet: no result", "info"),
    Verdict.NO_DIFFERENCE: ("No difference was found", "neutral"),
    Verdict.CHALLENGER: ("The challenger cures more cases", "good"),
    Verdict.CHAMPION: ("The champion cures more cases", "warn"),
}


class Planned(BaseModel):
    """An experiment as it was typed."""

    portfolio: str = ""
    challenger: str = ""
    share_percent: str = "50"
    baseline: str = ""
    difference: str = "5"


@dataclass
class Help:
    """How many cases it takes, where the figures allow to say."""

    per_arm: int = 0
    total: int = 0
    months: float | None = None
    errors: dict[str, str] = field(default_factory=dict)


@router.get("/experiments/new")
def plan_experiment(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    challenger: str = "",
    share_percent: str = "50",
    baseline: str = "",
    difference: str = "5",
) -> Response:
    """How many cases an experiment takes, before it is started."""
    typed = Planned(
        portfolio=portfolio, challenger=challenger, share_percent=share_percent, baseline=baseline,
        difference=difference,
    )  # fmt: skip
    return _plan_page(request, session, typed, {})


@router.post("/experiments")
def start_experiment(
    request: Request, staff: Manager, session: WriteSession, now: Now, typed: Annotated[Planned, Form()]
) -> Response:
    book = get_portfolio(session, typed.portfolio)
    helped = _help(typed, 0)
    if helped.errors:
        return _plan_page(request, session, typed, helped.errors, status=422)
    try:
        challenger = service.version_named(session, book, typed.challenger)
        experiment = service.start_experiment(
            session, book, challenger, int(typed.share_percent), _letters(request), helped.per_arm,
            by=staff.by, now=now,
        )  # fmt: skip
    except (Invalid, Conflict, NotFound) as refused:
        named = "challenger" if isinstance(refused, NotFound) else getattr(refused, "field", None) or ""
        return _plan_page(request, session, typed, {named: sentence(refused.message)}, status=refused.status)
    return redirect(
        request, f"/strategies/experiments/{experiment.id}", "The experiment runs from tonight on."
    )


def _plan_page(
    request: Request, session: Session, typed: Planned, errors: Mapping[str, str], *, status: int = 200
) -> Response:
    book = get_portfolio(session, typed.portfolio)
    on = last_closed(session, book)
    past = queries.past_cure_rate(session, book, on) if on else queries.PastRate(0, 0, 0)
    if not typed.baseline and past.cases:
        typed = typed.model_copy(update={"baseline": f"{100 * past.cured / past.cases:.1f}"})
    helped = _help(typed, past.per_month)
    live = service.live_version(session, id_of(book))
    others = [v for v in service.versions(session, id_of(book)) if live is None or v.id != live.id]
    return page(
        request,
        "strategies/experiment_new.html",
        status,
        book=book,
        live=live,
        others=others,
        other_options=[(v.ref, f"{v.ref} {v.name}") for v in others],
        typed=typed,
        past=past,
        helped=helped,
        errors={**(helped.errors if typed.baseline else {}), **errors},
    )


def _help(typed: Planned, per_month: int) -> Help:
    """Sample size for what was typed; percentages as `12.5`."""
    found = Help()
    share = typed.share_percent.strip()
    if not (share.isascii() and share.isdigit() and 1 <= int(share[:4]) <= 99):
        found.errors["share_percent"] = "Write a whole number from 1 to 99."
    baseline, difference = (_percent(text) for text in (typed.baseline, typed.difference))
    if baseline is None:
        found.errors["baseline"] = "Write a percentage such as 22.5."
    if difference is None:
        found.errors["difference"] = "Write percentage points such as 5."
    if found.errors or baseline is None or difference is None:
        return found
    try:
        found.per_arm = sample_size(baseline, difference)
    except ValueError as error:
        found.errors["difference"] = sentence(str(error))
        return found
    found.total = int(found.per_arm / smaller_arm_share(int(share)) + 0.999999)
    found.months = round(found.total / per_month, 1) if per_month else None
    return found


def _percent(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value / 100 if -100 < value < 100 else None


@router.get("/experiments/{experiment_id}")
def experiment_page(request: Request, experiment_id: RowId, staff: Manager, session: ReadSession) -> Response:
    experiment, book = _experiment(session, experiment_id)
    on = last_closed(session, book)
    result = queries.compare_arms(session, experiment, on) if on else None
    champion, challenger = (
        session.get_one(StrategyVersion, each) for each in (experiment.champion_id, experiment.challenger_id)
    )
    return page(
        request,
        "strategies/experiment.html",
        book=book,
        experiment=experiment,
        champion=champion,
        challenger=challenger,
        on=on,
        result=result,
        verdict=VERDICTS[result.verdict] if result else None,
        chart=_chart(result, champion, challenger) if result else None,
        names=staff_names(session),
        may_change=staff.role in MANAGEMENT,
    )


@router.post("/experiments/{experiment_id}/end")
def end_experiment(
    request: Request, experiment_id: RowId, staff: Manager, session: WriteSession, now: Now
) -> Response:
    experiment, book = _experiment(session, experiment_id)
    service.end_experiment(session, book, experiment, by=staff.by, now=now)
    said = "The experiment has ended: everybody goes by the live version. Results still come in for 30 days."
    return redirect(request, f"/strategies/experiments/{experiment_id}", said)


def _experiment(session: Session, experiment_id: int) -> tuple[Experiment, Portfolio]:
    experiment = session.get(Experiment, experiment_id)
    if experiment is None:
        raise NotFound("There is no such experiment.")
    return experiment, session.get_one(Portfolio, experiment.portfolio_id)


def _chart(
    result: Comparison, champion: StrategyVersion, challenger: StrategyVersion
) -> dict[str, Any] | None:
    """Cure rates with the ends of their intervals."""
    if not (result.champion.cases and result.challenger.cases):
        return None
    arms = [result.champion, result.challenger]
    return {
        "type": "bar",
        "labels": [f"Champion {champion.ref}", f"Challenger {challenger.ref}"],
        "unit": "percent",
        "series": [
            {"name": "95 % interval from", "values": [arm.cure_interval[0] for arm in arms]},
            {"name": "Cured within 30 days", "values": [arm.cure_rate for arm in arms]},
            {"name": "to", "values": [arm.cure_interval[1] for arm in arms]},
        ],
    }
