"""Versions of packs: each is kept when it first decides, so that a decision can be made again later; and the rules that
a portfolio puts on top."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.bulk import upsert
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.timeline.service import about_portfolio, record
from app.outreach.gate.events import PortfolioTightened
from app.outreach.gate.models import PolicyPackVersion
from app.policy.composition import pack_of, stack, unstack
from app.policy.overrides import check
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs

log = structlog.get_logger("desk.packs")

_kept: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()
"""Labels that this process has seen committed, by database."""


def keep_pack(session: Session, pack: Pack, *, now: datetime) -> None:
    """Store the text of a pack that decides, the first time it does. Costs a look into a set after that."""
    engine = session.get_bind().engine
    known = _kept.setdefault(engine, set())
    if pack.label in known:
        return
    text = pack.text if pack.parts else stack([pack]).text
    digest = hashlib.sha256(text.encode()).hexdigest()
    values = {"label": pack.label, "sha256": digest, "text": text, "first_used_at": now}
    session.execute(upsert(session, PolicyPackVersion).values(**values).on_conflict_do_nothing())
    kept = session.get_one(PolicyPackVersion, pack.label)
    if kept.sha256 != digest:
        log.error("pack_changed_without_a_new_version", label=pack.label)

    @sa.event.listens_for(session, "after_commit", once=True)
    def _remember(_session: Session) -> None:
        known.add(pack.label)


def pack_by_label(session: Session, label: str) -> Pack:
    """The pack that answers name `label`, as it was when it decided. NotFound if it never decided and no
    shipped pack has that label."""
    kept = session.get(PolicyPackVersion, label)
    if kept is not None:
        return _read(kept.text)
    shipped = {pack.label: pack for pack in shipped_packs().values()}
    if label in shipped:
        return shipped[label]
    raise NotFound(f"No policy pack {label!r} has ever decided here.")


@lru_cache(maxsize=64)
def _read(text: str) -> Pack:
    return unstack(text)


def tighten_portfolio(
    session: Session, portfolio: Portfolio, text: str, *, by: Actor, now: datetime
) -> list[str]:
    """Put the portfolio's own contact rules (TOML, docs/packs.md) in the place of those it had; '' takes them away.
    Returns the ids of the rules. BadPack for what is wrong, and for anything looser than a pack's rule."""
    text = text.strip()
    ids = check(text, [rule for pack in shipped_packs().values() for rule in pack.rules]) if text else []
    portfolio.tightening = text
    tightened = PortfolioTightened(tuple(ids), text, pack_of(portfolio).label)
    record(session, about_portfolio(id_of(portfolio), tightened), by=by, now=now)
    return ids
