"""Strategy versions (save, put live, roll back), experiments, and tasks of the strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.actor import SYSTEM, Actor
from app.core.clock import local_date
from app.core.database.bulk import upsert
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import (
    about_customer,
    about_portfolio,
    lock_streams,
    portfolio_stream,
    record,
)
from app.core.vocabulary import Channel
from app.outreach.strategy.events import (
    ExperimentEnded,
    ExperimentStarted,
    StrategyLive,
    StrategySaved,
    TaskDone,
)
from app.outreach.strategy.file.problems import IDENTIFIER, BadStrategy, Place, Problem
from app.outreach.strategy.file.reading import places, read_strategy
from app.outreach.strategy.ladders import (
    Ladders,
    digest,
    live_version,
    read_cached,
    running_experiment,
    shipped_text,
    terms_of,
)
from app.outreach.strategy.models import Experiment, LiveStrategy, Participant, StrategyTask, StrategyVersion
from app.outreach.strategy.rules import Action, Strategy


class LetterForms(Protocol):
    """As much of a letter as a strategy has to know."""

    @property
    def purpose(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def channels(self) -> frozenset[Channel]: ...


Letters = Mapping[str, LetterForms]
"""By the code a step names."""


def note_participants(
    session: Session, found: Ladders, asked: Iterable[tuple[int, int, int]], *, on: date
) -> None:
    """Put on record in which arm each case is, (customer id, case id, past due), when it is first asked about:
    whatever becomes of it, it counts there."""
    rows = [
        {
            "experiment_id": found.experiment_id,
            "customer_id": customer_id,
            "case_id": case_id,
            "arm": found.arm(customer_id),
            "since": on,
            "past_due_minor": past_due,
        }
        for customer_id, case_id, past_due in asked
        if found.experiment_id is not None
    ]
    if rows:
        session.execute(upsert(session, Participant).on_conflict_do_nothing(), rows)


# --- versions -----------------------------------------------------------------------------------------------


def check_letters(strategy: Strategy, letters: Letters) -> list[Problem]:
    """Steps whose letter there is not, not on that channel, or not for that purpose."""
    problems = []
    ladders_of = [(None, strategy.main), *((n, s.ladder) for n, s in enumerate(strategy.segments))]
    for segment, ladder in ladders_of:
        for n, step in enumerate(ladder.steps):
            if step.action is not Action.MESSAGE:
                continue
            within = f"segment {segment + 1}, " if segment is not None else ""
            label, place = f"{within}step {n + 1} ({step.id})", Place(segment, n)
            if step.letter not in letters:
                known = ", ".join(sorted(letters))
                problems.append(
                    Problem(place, label, "letter", f"no letter {step.letter!r}; known are {known}")
                )
                continue
            letter = letters[step.letter]
            if letter.about != "case":
                said = f"the letter {step.letter!r} is about a {letter.about} and goes out with it"
                problems.append(Problem(place, label, "letter", said))
                continue
            if missing := [c for c in step.channels if c not in letter.channels]:
                said = f"the letter {step.letter!r} has no form for {', '.join(missing)}"
                problems.append(Problem(place, label, "channels", said))
            if missing := [c for c in step.otherwise if c not in letter.channels]:
                said = f"the letter {step.letter!r} has no form for {', '.join(missing)}"
                problems.append(Problem(place, label, "otherwise", said))
            if step.purpose.value != letter.purpose:
                said = (
                    f"the letter {step.letter!r} is a {letter.purpose}; the gate is asked about what is sent"
                )
                problems.append(Problem(place, label, "purpose", said))
    return problems


def understand(portfolio: Portfolio, code: str, text: str, letters: Letters) -> Strategy:
    """The strategy a text says. BadStrategy with every fault, those about letters too."""
    strategy = read_strategy(code, text, terms_of(portfolio))
    if problems := check_letters(strategy, letters):
        lines = places(text)
        raise BadStrategy([replace(problem, line=lines.get(problem.place)) for problem in problems])
    return strategy


def save_version(
    session: Session,
    portfolio: Portfolio,
    code: str,
    text: str,
    letters: Letters,
    note: str = "",
    *,
    by: Actor,
    now: datetime,
) -> StrategyVersion:
    """Keep a text as the next version of `code`; it changes nothing until it is put live. The same text as the latest
    version is that version. BadStrategy for a text with faults, Invalid for a code or note with one."""
    if not IDENTIFIER.fullmatch(code):
        raise Invalid("write small letters, digits and hyphens, at most 40", "code")
    note = clean_text(note, "note", required=False, at_most=300)
    text = text.replace("\r\n", "\n").strip() + "\n"
    strategy = understand(portfolio, code, text, letters)
    own_first(session, portfolio, now=now)
    latest = versions(session, id_of(portfolio), code)[:1]
    if latest and latest[0].text == text:
        return latest[0]
    number = latest[0].number + 1 if latest else 1
    return _add(session, portfolio, strategy, number, text, note, by=by, now=now)


def own_first(session: Session, portfolio: Portfolio, *, now: datetime) -> None:
    """Before a portfolio's strategies are changed for the first time: the shipped one becomes its version 1, live."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    if versions(session, id_of(portfolio)):
        return
    code = portfolio.strategy
    text = shipped_text(code)
    shipped = read_cached(code, text, terms_of(portfolio))
    first = _add(session, portfolio, shipped, 1, text, "as shipped", by=SYSTEM, now=now)
    _begin(session, portfolio, first, None, rollback=False, by=SYSTEM, now=now)


def _add(
    session: Session,
    portfolio: Portfolio,
    strategy: Strategy,
    number: int,
    text: str,
    note: str,
    *,
    by: Actor,
    now: datetime,
) -> StrategyVersion:
    version = StrategyVersion(
        portfolio_id=id_of(portfolio),
        code=strategy.code,
        number=number,
        name=strategy.name,
        text=text,
        sha256=digest(text),
        note=note,
        at=now,
        by=by,
    )
    session.add(version)
    session.flush()
    saved = StrategySaved(version.ref, version.sha256, note)
    record(session, about_portfolio(id_of(portfolio), saved), by=by, now=now)
    return version


def versions(session: Session, portfolio_id: int, code: str = "") -> Sequence[StrategyVersion]:
    """Newest first."""
    query = select(StrategyVersion).where(StrategyVersion.portfolio_id == portfolio_id)
    if code:
        query = query.where(StrategyVersion.code == code)
    return session.scalars(query.order_by(col(StrategyVersion.id).desc())).all()


def version_named(session: Session, portfolio: Portfolio, ref: str) -> StrategyVersion:
    """By `code@number`, or `code` for its latest. NotFound if there is none."""
    code, _, number = ref.partition("@")
    found = versions(session, id_of(portfolio), code)
    for version in found:
        if not number or number == str(version.number):
            return version
    raise NotFound(f"portfolio {portfolio.code} has no strategy version {ref!r}")


def put_live(
    session: Session,
    portfolio: Portfolio,
    version: StrategyVersion,
    letters: Letters,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """From the next night on the portfolio goes by this version. A running experiment ends: its champion is gone.
    Conflict if it is live already; BadStrategy if its letters are no more."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    live = live_version(session, id_of(portfolio))
    if live is not None and live.id == version.id:
        raise Conflict(f"{version.ref} is live already")
    understand(portfolio, version.code, version.text, letters)
    _begin(session, portfolio, version, live.id if live else None, rollback=False, by=by, now=now)


def rollback(session: Session, portfolio: Portfolio, *, by: Actor, now: datetime) -> StrategyVersion:
    """Back to the version that was live before the present one. Conflict if there is none."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    before = version_before(session, id_of(portfolio))
    if before is None:
        raise Conflict("no other version was live before this one")
    past = session.scalar(
        select(LiveStrategy)
        .where(LiveStrategy.portfolio_id == portfolio.id, LiveStrategy.version_id == before.id)
        .order_by(col(LiveStrategy.id).desc())
    )
    # What that one had replaced is what the next rollback goes back to, so that two of them go back two versions.
    _begin(session, portfolio, before, past.replaces_id if past else None, rollback=True, by=by, now=now)
    return before


def version_before(session: Session, portfolio_id: int) -> StrategyVersion | None:
    """What a rollback would go back to."""
    replaced = select(LiveStrategy.replaces_id).where(
        LiveStrategy.portfolio_id == portfolio_id, col(LiveStrategy.ended_at).is_(None)
    )
    return session.scalar(select(StrategyVersion).where(col(StrategyVersion.id).in_(replaced)))


def _begin(
    session: Session,
    portfolio: Portfolio,
    version: StrategyVersion,
    replaces_id: int | None,
    *,
    rollback: bool,
    by: Actor,
    now: datetime,
) -> None:
    if running := running_experiment(session, id_of(portfolio)):
        end_experiment(session, portfolio, running, by=by, now=now)
    replaced = live_version(session, id_of(portfolio))
    session.execute(
        sa.update(table_of(LiveStrategy))
        .where(
            table_of(LiveStrategy).c.portfolio_id == portfolio.id, table_of(LiveStrategy).c.ended_at.is_(None)
        )
        .values(ended_at=now, ended_by=by)
    )
    session.add(
        LiveStrategy(
            portfolio_id=id_of(portfolio),
            version_id=id_of(version),
            replaces_id=replaces_id,
            started_at=now,
            by=by,
        )
    )
    session.get_one(Portfolio, portfolio.id).strategy = version.code
    session.flush()
    ask_again(session, portfolio, now=now)
    told = StrategyLive(version.ref, replaced.ref if replaced else None, rollback)
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)


def ask_again(session: Session, portfolio: Portfolio, *, now: datetime) -> None:
    """Let the next night ask about every open case: the day on which each was to be asked again is the old ladder's."""
    case, today = table_of(CollectionsCase), local_date(now, portfolio.timezone)
    rests = sa.or_(case.c.next_contact_on.is_(None), case.c.next_contact_on > today)
    session.execute(
        sa.update(case)
        .where(case.c.portfolio_id == portfolio.id, case.c.status == CaseStatus.OPEN, rests)
        .values(next_contact_on=today)
    )


# --- experiments --------------------------------------------------------------------------------------------


def start_experiment(
    session: Session,
    portfolio: Portfolio,
    challenger: StrategyVersion,
    share_percent: int,
    letters: Letters,
    cases_wanted: int = 0,
    *,
    by: Actor,
    now: datetime,
) -> Experiment:
    """Give `share_percent` of the customers the challenger instead of the live version, from the next night on."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    live = live_version(session, id_of(portfolio))
    if live is None or running_experiment(session, id_of(portfolio)):
        raise Conflict(
            "end the running experiment first" if live else "no version of the portfolio's own is live"
        )
    if challenger.id == live.id or challenger.portfolio_id != portfolio.id:
        raise Invalid("choose another version than the live one", "challenger")
    if not 1 <= share_percent <= 99:
        raise Invalid("the challenger's share lies between 1 and 99 %", "share_percent")
    if not 0 <= cases_wanted <= 10**9:
        raise Invalid("this is not a number of cases", "cases_wanted")
    understand(portfolio, challenger.code, challenger.text, letters)
    experiment = Experiment(
        portfolio_id=id_of(portfolio),
        champion_id=id_of(live),
        challenger_id=id_of(challenger),
        share_percent=share_percent,
        cases_wanted=cases_wanted,
        started_at=now,
        by=by,
    )
    session.add(experiment)
    session.flush()
    ask_again(session, portfolio, now=now)
    started = ExperimentStarted(id_of(experiment), live.ref, challenger.ref, share_percent, cases_wanted)
    record(session, about_portfolio(id_of(portfolio), started), by=by, now=now)
    return experiment


def end_experiment(
    session: Session, portfolio: Portfolio, experiment: Experiment, *, by: Actor, now: datetime
) -> None:
    """Everybody goes by the live version again; who took part stays on record, and results go on coming in."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    session.refresh(experiment)
    if experiment.ended_at is not None:
        raise Conflict("this experiment has ended already")
    experiment.ended_at, experiment.ended_by = now, by
    session.flush()
    ask_again(session, portfolio, now=now)
    ended = ExperimentEnded(id_of(experiment))
    record(session, about_portfolio(id_of(portfolio), ended), by=by, now=now)


# --- tasks --------------------------------------------------------------------------------------------------


def finish_task(session: Session, task: StrategyTask, customer_id: int, *, by: Actor, now: datetime) -> None:
    """A person did what the strategy asked for."""
    if task.done_at is not None:
        raise Conflict("this task is done already")
    task.done_at, task.done_by = now, by
    session.flush()
    event = about_customer(customer_id, TaskDone(task.text, task.step), case_id=task.case_id)
    record(session, event, by=by, now=now)


def drop_tasks(session: Session, portfolio_id: int, *, now: datetime) -> None:
    """Nobody works at a case that is closed: its closing, which is on record, ends its tasks."""
    case, task = table_of(CollectionsCase), table_of(StrategyTask)
    closed = sa.select(case.c.id).where(
        case.c.id == task.c.case_id, case.c.portfolio_id == portfolio_id, case.c.status == CaseStatus.CLOSED
    )
    ended = sa.update(task).where(task.c.done_at.is_(None), sa.exists(closed))
    session.connection().execute(ended.values(done_at=now, done_by="system"))
