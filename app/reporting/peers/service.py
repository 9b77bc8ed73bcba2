"""Loading a public file of peers' rates: all of it, or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, select

from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_text
from app.reporting.peers.models import PeerFile, PeerValue
from app.reporting.peers.reading import PeerContent, read_peers


@dataclass(frozen=True, slots=True)
class LoadedPeers:
    """The file as stored, and what it held."""

    file: PeerFile
    content: PeerContent


def load_peers(session: Session, name: str, data: bytes, *, by: Actor, now: datetime) -> LoadedPeers:
    """Store the values of every series of the file that we know. Invalid, with line and column, for a file that cannot
    be read whole; Conflict where the same bytes are there already."""
    content = read_peers(data)
    digest = hashlib.sha256(data).hexdigest()
    known = session.scalar(select(PeerFile).where(PeerFile.sha256 == digest))
    if known is not None:
        raise Conflict(f"This file was loaded already, as {known.name}.")
    row = PeerFile(
        source=content.source,
        name=clean_text(name[-200:], "file", required=False, at_most=200) or "file",
        sha256=digest,
        as_of=content.last_on,
        loaded_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    session.execute(
        sa.insert(table_of(PeerValue)),
        [
            {
                "file_id": id_of(row),
                "series": point.series,
                "quarter_ends_on": point.on,
                "millionths": point.millionths,
            }
            for point in content.points
        ],
    )
    return LoadedPeers(row, content)
