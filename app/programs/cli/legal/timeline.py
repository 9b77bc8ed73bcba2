"""`desk timeline ...`: the daily digests of the timeline and their time stamps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import col, select

from app.core.database.engine import reading
from app.core.errors import NotFound
from app.core.types import JsonObject
from app.programs.cli.base import Day, Json, migrated_engine, print_result

timeline_app = typer.Typer(no_args_is_help=True)


@timeline_app.command("days")
def timeline_days(as_json: Json = False) -> None:
    """List the days of the timeline: digest, streams, time stamp. The worker makes one a day, where a time-stamp
    authority is set up."""
    from app.legal.timestamps.models import TimelineDay, TimeStamp

    joined = select(TimelineDay, TimeStamp).join(
        TimeStamp, col(TimeStamp.timeline_day) == TimelineDay.day, isouter=True
    )
    with reading(migrated_engine()) as session:
        rows = session.execute(joined.order_by(col(TimelineDay.day))).all()
    days: list[JsonObject] = [
        {
            "day": str(day.day),
            "sha256": day.sha256,
            "streams": day.streams,
            "stamped_at": stamp.stamped_at.isoformat() if stamp else None,
            "authority": stamp.authority if stamp else None,
        }
        for day, stamp in rows
    ]

    def say() -> None:
        for day, stamp in rows:
            at = f"{stamp.stamped_at:%Y-%m-%d %H:%M:%S} UTC" if stamp else ""
            stamped = f"stamped {at} by {stamp.authority}" if stamp else "not stamped"
            print(f"{day.day}  {day.sha256}  {day.streams:>9,} streams, {stamped}")
        if not rows:
            print("No day yet. Set DESK_TSA_URL, and run the worker.")

    print_result({"days": days}, as_json, say)


@timeline_app.command("day")
def timeline_day(
    date: Day,
    out: Annotated[Path, typer.Option(help="Folder for the text and its time stamp.")],
    as_json: Json = False,
) -> None:
    """Write the text of one day, made from the events again, and its time stamp.

    Check them with: openssl ts -verify -data timeline-DAY.txt -in timeline-DAY.tsr -CAfile roots.pem
    """
    from app.legal.timestamps.days import text_of
    from app.legal.timestamps.models import TimelineDay, TimeStamp

    with reading(migrated_engine()) as session:
        found = session.get(TimelineDay, date)
        if found is None:
            raise NotFound(f"The timeline has no day {date}. List them with: desk timeline days")
        text = b"".join(text_of(session, found))
        stamp = session.scalar(select(TimeStamp).where(col(TimeStamp.timeline_day) == date))
    out.mkdir(parents=True, exist_ok=True)
    written = {out / f"timeline-{date}.txt": text}
    if stamp is not None:
        written[out / f"timeline-{date}.tsr"] = stamp.response
    for path, content in written.items():
        path.write_bytes(content)
    print_result({"files": [str(path) for path in written]}, as_json, lambda: print(*written, sep="\n"))


@timeline_app.command("check")
def timeline_check(as_json: Json = False) -> None:
    """Make the text of every day again and compare its digest. Exit status 1 where one differs: events were changed."""
    from app.legal.timestamps.days import holds
    from app.legal.timestamps.models import TimelineDay

    with reading(migrated_engine()) as session:
        days = session.scalars(select(TimelineDay).order_by(col(TimelineDay.day))).all()
        changed = [each.day for each in days if not holds(session, each)]
    data = {"days": len(days), "changed": [str(each) for each in changed]}
    words = "\n".join(f"The events of {each} are not those that were digested." for each in changed)
    print_result(data, as_json, lambda: print(words or f"All {len(days)} days hold."))
    if changed:
        raise typer.Exit(1)
