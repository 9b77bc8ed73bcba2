"""Time stamps: what has none yet, and how one is got and kept.

A stamp is no part of what it is of: the archive of a bundle keeps its bytes, and sealing waits for nobody.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.core.database.bulk import among, upsert
from app.core.database.engine import reading, table_of, transaction
from app.core.errors import NotFound
from app.core.ids import id_of
from app.legal.bundle import bag as fmt
from app.legal.bundle.models import Bundle
from app.legal.timestamps.days import is_text_of, keep_day, make_day, text_of
from app.legal.timestamps.models import TimelineDay, TimeStamp

T = TypeVar("T")

MEDIA_TYPE = "application/timestamp-reply"
AT_ONCE = 20
"""Stamps of one tick; the next goes on."""


class NoStamp(Exception):
    """The authority gave none: it is asked again. Its text says why."""


class Changed(Exception):
    """Events of a day were changed after they were digested: it is not stamped."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """An authority's answer, verified."""

    at: datetime
    response: bytes


class TimeAuthority(Protocol):
    """A time-stamp authority (RFC 3161)."""

    name: str

    def stamp(self, content: bytes) -> Stamp:
        """The stamp over the SHA-256 of `content`. NoStamp where it gives none or one that does not verify."""
        ...


def stamp_due(
    engine: Engine, authority: TimeAuthority, *, now: datetime, stopping: Callable[[], bool]
) -> int:
    """Make the timeline's day, then stamp the days and bundles that have no stamp yet; how many. NoStamp ends it, and
    Changed does, after all else was stamped.

    Any number of workers may do so: of two stamps of one thing the first stays.
    """
    with reading(engine) as session:
        made = make_day(session, now=now)
    if made is not None:
        with transaction(engine) as session:
            keep_day(session, made)
    with reading(engine) as session:
        days = session.scalars(_unstamped(TimelineDay.day, TimeStamp.timeline_day)).all()
        bundles = session.scalars(_unstamped(Bundle.id, TimeStamp.bundle_id)).all()
    stamped, changed = 0, []
    for day in days:
        if not stopping():
            with reading(engine) as session:
                found = session.get_one(TimelineDay, day)
                text = b"".join(text_of(session, found))
            if not is_text_of(found, text):
                changed.append(day)
                continue
            _keep(engine, authority, text, timeline_day=day)
            stamped += 1
    for bundle_id in bundles:
        if not stopping():
            with reading(engine) as session:
                manifest = tag_manifest_of(session.get_one(Bundle, bundle_id))
            _keep(engine, authority, manifest, bundle_id=bundle_id)
            stamped += 1
    if changed:
        raise Changed(
            f"The events of {changed[0]} are not those that were digested. Ask `desk timeline check`."
        )
    return stamped


def _unstamped(key: T, stamped: T) -> sa.Select[T]:
    """Keys of things that have no stamp, the oldest first."""
    stamp = sa.exists().where(col(stamped) == col(key))
    return sa.select(col(key)).where(~stamp).order_by(col(key)).limit(AT_ONCE)


def _keep(
    engine: Engine,
    authority: TimeAuthority,
    content: bytes,
    *,
    bundle_id: int | None = None,
    timeline_day: date | None = None,
) -> None:
    """Get a stamp, outside of any transaction, and keep it unless another worker was quicker."""
    got = authority.stamp(content)
    with transaction(engine) as session:
        kept = upsert(session, TimeStamp).values(
            bundle_id=bundle_id,
            timeline_day=timeline_day,
            stamped_at=got.at,
            authority=authority.name,
            response=got.response,
        )
        session.execute(kept.on_conflict_do_nothing())


def tag_manifest_of(bundle: Bundle) -> bytes:
    """The bytes of a bundle that its seals and its stamp are over."""
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        return archive.read(f"{bundle.reference}/{fmt.TAG_MANIFEST}")


def stamps_of(session: Session, bundle_ids: Iterable[int]) -> dict[int, TimeStamp]:
    """The stamps of bundles, by the bundle's id."""
    theirs = among(session, table_of(TimeStamp).c.bundle_id, bundle_ids)
    found = session.scalars(select(TimeStamp).where(theirs))
    return {stamp.bundle_id: stamp for stamp in found if stamp.bundle_id is not None}


def stamp_of(session: Session, bundle: Bundle) -> TimeStamp:
    """NotFound where the bundle has no stamp (yet)."""
    stamp = stamps_of(session, [id_of(bundle)]).get(id_of(bundle))
    if stamp is None:
        raise NotFound(
            f"{bundle.reference} has no time stamp. The worker gets one within minutes, where a time-stamp authority "
            "is set up (DESK_TSA_URL)."
        )
    return stamp
