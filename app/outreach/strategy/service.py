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
)
from app.outreach.strategy.experiments import MOST_DAYS, STOP_RULE, EndReason, StopTerms
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
from app.outreach.strategy.models import Experiment, LiveStrategy, Participant, StopRule, StrategyVersion
from app.outreach.strategy.rules import Action, Strategy


class LetterForms(Protocol):
    """The part of a letter that a strategy needs."""

    @property
    def title(self) -> str: ...
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
    """Record the arm of each (customer id, case id, past due) when its strategy is first asked. The case counts in that
    arm to the end."""
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
    """Find steps whose letter does not exist, or not on the step's channel or for its purpose."""
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
                    Problem(place, label, "letter", f"There is no letter {step.letter!r}. Known are {known}.")
                )
                continue
            letter = letters[step.letter]
            if letter.about != "case":
                said = (
                    f"Letter {step.letter!r} is about a {letter.about} and goes out with it. Choose another."
                )
                problems.append(Problem(place, label, "letter", said))
                continue
            if missing := [c for c in step.channels if c not in letter.channels]:
                said = f"Letter {step.letter!r} has no form for {', '.join(missing)}. Take the channel out."
                problems.append(Problem(place, label, "channels", said))
            if missing := [c for c in step.otherwise if c not in letter.channels]:
                said = f"Letter {step.letter!r} has no form for {', '.join(missing)}. Take the channel out."
                problems.append(Problem(place, label, "otherwise", said))
            if step.purpose.value != letter.purpose:
                said = f"Letter {step.letter!r} is a {letter.purpose}. Name that purpose: the gate judges it."
                problems.append(Problem(place, label, "purpose", said))
    return problems


def understand(portfolio: Portfolio, code: str, text: str, letters: Letters) -> Strategy:
    """Read a strategy's text and check its letters. BadStrategy with every problem."""
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
        raise Invalid("Write the code of a strategy in at most 40 small letters, digits and hyphens.", "code")
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
    """Make the shipped strategy version 1 of the portfolio, live, before its strategies change for the first time."""
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
    raise NotFound(f"Portfolio {portfolio.code} has no strategy version {ref!r}.")


def put_live(
    session: Session,
    portfolio: Portfolio,
    version: StrategyVersion,
    letters: Letters,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Put the version live from the next night on. A running experiment ends, because its champion is gone.
    Conflict if it is live already; BadStrategy if one of its letters no longer exists."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    live = live_version(session, id_of(portfolio))
    if live is not None and live.id == version.id:
        raise Conflict(f"Strategy {version.ref} is live already.")
    understand(portfolio, version.code, version.text, letters)
    _begin(session, portfolio, version, live.id if live else None, rollback=False, by=by, now=now)


def rollback(session: Session, portfolio: Portfolio, *, by: Actor, now: datetime) -> StrategyVersion:
    """Put the version live that was live before the present one. Conflict if there is none."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    before = version_before(session, id_of(portfolio))
    if before is None:
        raise Conflict(
            f"Portfolio {portfolio.code} had no other version live. There is nothing to roll back."
        )
    past = session.scalar(
        select(LiveStrategy)
        .where(LiveStrategy.portfolio_id == portfolio.id, LiveStrategy.version_id == before.id)
        .order_by(col(LiveStrategy.id).desc())
    )
    # The next rollback goes back to the version that this one had replaced, so that two of them go back two versions.
    _begin(session, portfolio, before, past.replaces_id if past else None, rollback=True, by=by, now=now)
    return before


def version_before(session: Session, portfolio_id: int) -> StrategyVersion | None:
    """The version that a rollback would put live; None = there is none."""
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
    """Have the next night ask about every open case, because their next days come from the old ladder."""
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
    stop: StopTerms = StopTerms(),
    *,
    by: Actor,
    now: datetime,
) -> Experiment:
    """Give `share_percent` of the customers the challenger instead of the live version, from the next night on. How it
    is judged and when it ends is stored with it and never changes."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    live = live_version(session, id_of(portfolio))
    if live is None or running_experiment(session, id_of(portfolio)):
        raise Conflict(
            f"Portfolio {portfolio.code} has a running experiment. End it first."
            if live
            else f"Portfolio {portfolio.code} has no version of its own live. Put one live first."
        )
    if challenger.id == live.id or challenger.portfolio_id != portfolio.id:
        raise Invalid("Choose a version of this portfolio other than the live one.", "challenger")
    if not 1 <= share_percent <= 99:
        raise Invalid("Give the challenger a share between 1 and 99 %.", "share_percent")
    if not 0 <= cases_wanted <= 10**9:
        raise Invalid("Give the number of cases as a whole number that is not negative.", "cases_wanted")
    if not 1 <= stop.days <= MOST_DAYS:
        raise Invalid(f"Let the experiment run for 1 to {MOST_DAYS} days.", "days")
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
    session.add(
        StopRule(
            experiment_id=id_of(experiment),
            primary_figure=stop.primary_figure,
            days=stop.days,
            rule=STOP_RULE,
            at=now,
            by=by,
        )
    )
    ask_again(session, portfolio, now=now)
    started = ExperimentStarted(
        id_of(experiment), live.ref, challenger.ref, share_percent, cases_wanted,
        stop.primary_figure, stop.days,
    )  # fmt: skip
    record(session, about_portfolio(id_of(portfolio), started), by=by, now=now)
    return experiment


def end_experiment(
    session: Session,
    portfolio: Portfolio,
    experiment: Experiment,
    because: EndReason = EndReason.PERSON,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """End the experiment: every customer goes by the live version again. Participants stay on record, and their results
    are still counted."""
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    session.refresh(experiment)
    if experiment.ended_at is not None:
        raise Conflict(f"Experiment {experiment.id} has ended already.")
    experiment.ended_at, experiment.ended_by, experiment.ended_because = now, by, because
    session.flush()
    ask_again(session, portfolio, now=now)
    ended = ExperimentEnded(id_of(experiment), because)
    record(session, about_portfolio(id_of(portfolio), ended), by=by, now=now)
