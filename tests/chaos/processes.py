"""Processes that die on purpose, and what a database holds that two runs must agree on."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.book.feeds.reading import lines as reading
from app.core.migration import schema
from app.core.settings import get_settings
from app.programs.cli.main import main

KILLED = -signal.SIGKILL


def in_child(
    work: Callable[[], object],
    *,
    die_at: int | None = None,
    second: bool = False,
    count_to: Path | None = None,
) -> int:
    """Run `work` in a process of its own and return its exit status, negative for a signal.

    With `die_at` the process sends itself SIGKILL right before that moment, a moment being a statement or a
    commit: nothing is cleaned up, as when the power fails; with `second`, the process that it forks does so
    instead. `count_to` receives the number of moments.
    """
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 70
    moments = _count_moments(die_at, second=second)
    try:
        work()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.__stderr__)
    finally:
        if count_to is not None:
            count_to.write_text(str(moments()))
        os._exit(status)


def in_fresh_process(
    url: str,
    commands: Sequence[Sequence[str]],
    *,
    folder: Path,
    block: int,
    die_at: int | None = None,
    count_to: Path | None = None,
) -> int:
    """As `in_child`, for commands that read feeds: a process that was forked off one that has used polars finds its
    threads gone and waits for ever. This one is forked off a process that has read the program and done nothing
    else. Feeds are read `block` bytes at a time."""
    told = {"url": url, "commands": list(map(list, commands)), "block": block, "die_at": die_at}
    child = _UNUSED.Process(target=run_told, args=(told, folder, count_to))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


_UNUSED = multiprocessing.get_context("forkserver")
_UNUSED.set_forkserver_preload(["tests.chaos.processes", "app.actions.feeds.loads"])


def run_told(work: Mapping[str, Any], folder: Path, count_to: Path | None) -> None:
    """What the fresh process does. Exit status 3, some rows rejected, is a good end here."""
    for name in [name for name in os.environ if name.startswith("DESK_")]:
        del os.environ[name]
    os.environ["DESK_ENV_FILE"] = os.devnull
    os.chdir(folder)
    reading.BLOCK = work["block"]
    moments = _count_moments(work["die_at"])
    for command in work["commands"]:
        try:
            desk(work["url"], *command)()
        except SystemExit as stop:
            if stop.code not in (None, 0, 3):
                raise
    if count_to:
        count_to.write_text(str(moments()))


def _count_moments(die_at: int | None, *, second: bool = False) -> Callable[[], int]:
    moments, first = 0, os.getpid()

    def reached(*_: object) -> None:
        nonlocal moments
        moments += 1
        if moments == die_at and (os.getpid() != first) is second:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(Engine, "before_cursor_execute", reached)
    sa.event.listen(Engine, "commit", reached)
    return lambda: moments


def desk(url: str, *arguments: str) -> Callable[[], None]:
    """The command line as a piece of work for `in_child`: the same entry point as `python -m app`."""

    def run() -> None:
        os.environ.update(DESK_DATABASE_URL=url, DESK_SECRET_KEY="s" * 40)
        get_settings.cache_clear()
        sys.argv = ["desk", *arguments]
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            main()

    return run


# --- comparing two databases ----------------------------------------------------------------------

_OPERATIONAL = {"feed_load", "heartbeat", "timeline_head", "alembic_version", "channel_stop"}
"""How often something was tried, not what is true."""

_PER_RUN = {"id", "hash", "prev_hash", "attempt_id", "claimed_by", "lease_until", "provider_ref", "stages"}


SLICES = ("product", "agent", "team", "strategy", "arm", "placement", "segment")


def picture(engine: Engine) -> dict[str, list[str]]:
    """Every table's rows as text, sorted, without ids and clock readings; ids of others become references."""
    tables = [t for t in schema.metadata().sorted_tables if t.name not in _OPERATIONAL]
    with engine.connect() as connection:
        rows = {t.name: [dict(r) for r in connection.execute(sa.select(t)).mappings()] for t in tables}
    names = _names(rows)
    return {
        t.name: sorted(_plain(row, t, names) for row in rows[t.name])
        for t in tables
        if rows[t.name] or t.name == "outbox_message"
    }


def _names(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[Any, str]]:
    customers = {r["id"]: r["reference"] for r in rows["customer"]}
    cases = {r["id"]: f"case of {customers[r['customer_id']]}" for r in rows["collections_case"]}
    events = {
        r["id"]: f"{r['kind']} {r['seq']} of {customers.get(r['customer_id'])}"
        for r in rows["timeline_event"]
    }
    contacts = {
        r["id"]: f"{r['step']} {r['occurrence']} of {cases[r['case_id']]} by {r['channel']}"
        for r in rows["contact"]
    }
    plans = {r["id"]: f"plan of {cases[r['case_id']]}" for r in rows["plan"]}
    return {
        "customer_id": customers,
        "account_id": {r["id"]: r["reference"] for r in rows["account"]},
        "case_id": cases,
        "portfolio_id": {r["id"]: r["code"] for r in rows["portfolio"]},
        "reverses_id": {r["id"]: r["reference"] for r in rows["ledger_entry"]},
        "event_id": events,
        "decision_id": events,
        "contact_id": contacts,
        "instead_of_id": {r["id"]: contacts.get(r["contact_id"], "") for r in rows["outbox_message"]},
        "entry_id": {r["id"]: r["reference"] for r in rows["ledger_entry"]},
        "first_id": {r["id"]: r["reference"] for r in rows["ledger_entry"]},
        "last_entry_id": {r["id"]: r["reference"] for r in rows["ledger_entry"]},
        "restatement_id": {r["id"]: f"restated by {r['run_on']}" for r in rows["kpi_restatement"]},
        "return_id": {r["id"]: f"{r['kind']} of {r['business_date']}" for r in rows["frozen_return"]},
        "slice_id": {r["id"]: " ".join(str(r[name]) for name in SLICES) for r in rows["kpi_slice"]},
        "plan_id": plans,
        "need_id": {r["id"]: f"{r['code']} of {customers[r['customer_id']]}" for r in rows["support_need"]},
        "party_letter_id": {
            r["id"]: f"{r['occasion']} {r['occurrence']} of {plans.get(r['plan_id']) or cases[r['case_id']]}"
            for r in rows["party_letter"]
        },
        "complaint_id": {r["id"]: f"complaint of {customers[r['customer_id']]}" for r in rows["complaint"]},
        "dispute_id": {r["id"]: f"dispute {r['n']} of {cases[r['case_id']]}" for r in rows["dispute"]},
        "correction_id": {r["id"]: r["reference"] for r in rows["ledger_entry"]},
        "recipient_id": {r["id"]: r["username"] or r["url"] for r in rows["digest_recipient"]},
    }


def _plain(row: Mapping[str, Any], table: sa.Table, names: Mapping[str, Mapping[Any, str]]) -> str:
    kept: dict[str, Any] = {}
    for column in table.columns:
        value = row[column.name]
        if column.name in _PER_RUN or "DateTime" in type(column.type).__name__:
            value = None if value is None else "set"
        elif column.name in names:
            value = names[column.name].get(value, value)
        elif column.name == "stream":
            kind, _, number = value.partition(":")
            value = names.get(f"{kind}_id", {}).get(int(number or 0), value)
        elif column.name == "data":
            value = _event_data(row["kind"], value)
        if isinstance(value, str):
            value = _without_ids(value, names)
        kept[column.name] = value
    return json.dumps(kept, sort_keys=True, default=str)


def _event_data(kind: str, text: str) -> str:
    data = json.loads(text)
    if kind in ("day.closed", "feed.loaded"):
        # What one run found left to do; a run that was cut off leaves less for the next.
        data = {name: value for name, value in data.items() if name in ("business_date", "kind")}
    for name in ("hold", "plan", "referral", "message", "instead_of", "duty"):
        data.pop(name, None)
    return json.dumps(data, sort_keys=True)


def _without_ids(text: str, names: Mapping[str, Mapping[Any, str]]) -> str:
    """References such as C-000012, and links into the installation."""
    text = re.sub(r"\bC-0*(\d+)\b", lambda m: names["case_id"].get(int(m[1]), m[0]), text)
    text = re.sub(r"/u/\d+\.\w+\.[\w-]+", "/u/token", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "instant", text)
