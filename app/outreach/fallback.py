"""A message that cannot arrive: its step goes on by the next channel that the strategy names for that."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.cases.rules import CaseStatus
from app.clock import Clock, local_date
from app.compliance.rules import Clearance, WaitUntil
from app.db import reading, retrying, table_of, transaction
from app.ledger.models import Portfolio
from app.outreach.delivery import Claimed, locked_rows
from app.outreach.folders import Folder, open_folders
from app.outreach.models import OutboxMessage
from app.outreach.rules import OutboxStatus
from app.outreach.service import Outgoing, Stationery, contact_customers
from app.outreach.situations import gather_case_facts
from app.plans.service import live_plan
from app.strategy.rules import Step
from app.strategy.service import Chosen, ladders
from app.timeline.rules import Channel

AT_ONCE = 200
GIVE_UP_AFTER = timedelta(days=3)
"""A step whose other channel would be open only later than that is left to the next step."""
ON_ITS_WAY = (
    OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING, OutboxStatus.SENT, OutboxStatus.DELIVERED,
    OutboxStatus.UNKNOWN,
)  # fmt: skip


def fall_back_due(engine: Engine, stationery: Stationery, *, clock: Clock) -> int:
    """Queue what takes the place of messages that cannot arrive; returns how many were queued. Safe to run in many
    processes: a message's key is unique."""
    message = table_of(OutboxMessage)
    due = (
        sa.select(message.c.id, message.c.customer_id)
        .where(message.c.fallback_at <= clock.now())
        .order_by(message.c.fallback_at)
        .limit(AT_ONCE)
    )
    with reading(engine) as session:
        found = [Claimed(*row) for row in session.execute(due)]
    queued = 0
    for claimed in found:

        def work(one: Claimed = claimed) -> bool:
            with transaction(engine) as session:
                [row] = locked_rows(session, [one])
                if row.fallback_at is None:
                    return False
                return fall_back(session, row, stationery, now=clock.now())

        queued += retrying(work)
    return queued


def fall_back(session: Session, row: OutboxMessage, stationery: Stationery, *, now: datetime) -> bool:
    """Ask the gate about the step's other channels, one after the other, and queue the first that it clears; every
    answer is on record. True if one was queued."""
    row.fallback_at = None
    portfolio = session.get_one(Portfolio, row.portfolio_id)
    on = local_date(now, portfolio.timezone)
    [folder] = open_folders(session, portfolio, [row.case_id], now=now, as_of=on)
    step, chosen = _step_of(session, portfolio, folder, row, now)
    if step is None or folder.case.status is not CaseStatus.OPEN or folder.to_ask <= 0:
        return False
    if live_plan(session, row.case_id) is not None:
        return False
    stem = row.key.rpartition(":")[0]
    known = _messages_of(session, stem)
    if any(status in ON_ITS_WAY for status in known.values()):
        return False
    about = {"strategy": chosen.ref, "instead_of": row.key}
    for channel in (each for each in step.otherwise if each not in known):
        # As the message that did not arrive: a first letter does not become one that says that we wrote before.
        other = Outgoing(folder, row.letter, row.purpose, (channel,), stem, about=about)
        [[answer]] = contact_customers(session, portfolio, [other], stationery, on=on, by="system", now=now)
        if isinstance(answer, Clearance):
            return True
        if isinstance(answer, WaitUntil) and answer.at < (row.settled_at or now) + GIVE_UP_AFTER:
            row.fallback_at = answer.at
            return False
    return False


def _step_of(
    session: Session, portfolio: Portfolio, folder: Folder, row: OutboxMessage, now: datetime
) -> tuple[Step | None, Chosen]:
    """The step as the customer's ladder has it now, if it is still there."""
    live = ladders(session, portfolio)
    today = local_date(now, portfolio.timezone)
    facts = gather_case_facts(session, portfolio, live, [row.case_id], on=today)
    chosen = live.of(folder.case.customer_id, facts[row.case_id])
    step_id = row.key.split(":")[1]
    return next((step for step in chosen.ladder.steps if step.id == step_id), None), chosen


def _messages_of(session: Session, stem: str) -> dict[Channel, OutboxStatus]:
    """What became of the step's messages, by channel."""
    message = table_of(OutboxMessage)
    keys = [f"{stem}:{channel.value}" for channel in Channel]
    query = sa.select(message.c.destination, message.c.status).where(message.c.key.in_(keys))
    return {Channel(destination.value): status for destination, status in session.execute(query)}
