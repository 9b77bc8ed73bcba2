"""Outbox: messages claimed and recorded a second, and delivered a second to a provider of SMS.

    python3 desk.py bench outbox                      on PostgreSQL
    python3 desk.py bench outbox --messages 2000 --parts provider

- settle:    `deliver_due` for a destination without rechecks that accepts everything: claimed, committed as
             `sending`, recorded, and the event in the hash-chained record, by one worker and by four.
- bare:      in the same run, the same statements straight through psycopg, each row committed as `sending` and
             recorded on its own, by as many workers. Hashes are not computed.
- provider:  all work, the gate included, with 32 calls in flight into a local server that speaks Twilio's protocol
             and answers at once, or after 50 ms; by one worker.
- client:    in the same run, nothing but `messages.create` of twilio's own client in 32 threads into the same server.
             Beside it, for comparison, `messages.create_async` over our HTTP client, 32 at once on an event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
from sqlalchemy.engine import Engine  # noqa: E402
from twilio.http.http_client import TwilioHttpClient  # noqa: E402
from twilio.rest import Client  # noqa: E402

from app.adapters.twilio.http import API_URL, TwilioApi  # noqa: E402
from app.adapters.twilio.sms import TwilioSmsSender  # noqa: E402
from app.core.clock import FixedClock, SystemClock, local_instant  # noqa: E402
from app.core.database.engine import make_engine, reading  # noqa: E402
from app.core.timeline.service import customer_stream, read_heads  # noqa: E402
from app.operations.day.stages import contact  # noqa: E402
from app.outreach.delivery.sending import deliver_due  # noqa: E402
from app.outreach.delivery.transports import Candidate, ContactTransport  # noqa: E402
from app.outreach.gate.contact_cases import CaseRow, ContactCase, _case_rows  # noqa: E402
from app.outreach.outbox.dispatch import Accepted  # noqa: E402
from app.outreach.outbox.rules import Destination  # noqa: E402
from app.outreach.planning.letterhead import LetterCatalog  # noqa: E402
from bench import gate  # noqa: E402
from tests import provider  # noqa: E402

IN_FLIGHT = 32
BATCH = 200
SHARE_OF_BARE = 0.5
SHARE_OF_CLIENT = 0.8
MORNING = local_instant(gate.ON + timedelta(days=1), 9, 0, gate.PACKS["uk"])
SID, TOKEN, FROM = "AC" + "0" * 32, "t" * 32, "+15005550006"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench outbox", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--parts", nargs="+", choices=("settle", "provider"), default=["settle", "provider"])
    told = parser.parse_args()
    passed = []
    if "settle" in told.parts:
        with planned(told.messages) as (url, engine, _):
            passed += [measure_settling(engine, url, told.messages, workers) for workers in (1, 4)]
    if "provider" in told.parts:
        for delay in (0.0, 0.05):
            with planned(told.messages) as (_, engine, catalog):
                passed.append(measure_provider(engine, catalog, told.messages, delay))
    sys.exit(0 if all(passed) else 1)


@contextmanager
def planned(messages: int) -> Iterator[tuple[str, Engine, LetterCatalog]]:
    """Yield a database in which a night has queued `messages` messages."""
    shutil.rmtree(gate.FOLDER, ignore_errors=True)
    gate.FOLDER.mkdir(parents=True)
    with gate._database("postgresql") as url:
        engine = make_engine(url)
        day = gate._evening(engine, messages)
        assert contact(day)["cleared"] == messages
        yield url, engine, day.catalog
        engine.dispose()


def queue_again(engine: Engine) -> None:
    """Restore the state after the night, and vacuum dead rows."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "UPDATE outbox_message SET status = 'queued', claimed_by = '', lease_until = NULL, attempts = 0, "
            "attempt_id = '', provider_ref = '', attempted_at = NULL, sent_at = NULL, finished_at = NULL"
        )
        connection.exec_driver_sql("VACUUM ANALYZE outbox_message")
        connection.exec_driver_sql("CHECKPOINT")


# --- claiming and settling ------------------------------------------------------------------------------------


def measure_settling(engine: Engine, url: str, messages: int, workers: int) -> bool:
    rates = {}
    for name, work in (("bare", settle_bare), ("ours", settle_ours)):
        queue_again(engine)
        engine.dispose()
        seconds = at_once(lambda n, work=work: work(url, f"{n}"), workers)
        with reading(engine) as session:
            sent = session.connection().exec_driver_sql(
                "SELECT count(*) FROM outbox_message WHERE status = 'sent'"
            )
            assert sent.scalar() == messages
        rates[name] = messages / seconds
    share = rates["ours"] / rates["bare"]
    return gate.say(
        share >= SHARE_OF_BARE,
        f"claim and settle, {workers} workers: {rates['ours']:,.0f} messages a second, {share:.2f} of the same "
        f"statements bare ({rates['bare']:,.0f}), at least {SHARE_OF_BARE}",
    )


def at_once(work: Callable[[int], object], processes: int) -> float:
    """Return the seconds until all processes have ended that started at the same moment."""
    waiting, start = os.pipe()
    children = []
    for number in range(processes):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(start)
                os.read(waiting, 1)
                work(number)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(pid)
    os.close(waiting)
    time.sleep(0.2)
    started = time.perf_counter()
    os.close(start)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert ended == [0] * processes
    return time.perf_counter() - started


@dataclass(frozen=True)
class AcceptEverything(ContactTransport):
    """Transport without rechecks, whose provider accepts at once."""

    def recheck_without_lock(self, session: Any, rows: Sequence[Any], *, now: datetime) -> list[Any]:
        del now
        # Only the head of the stream, which shows later changes.
        streams = [customer_stream(row.customer_id) for row in rows]
        heads = read_heads(session, streams)
        cases = {case.id: case for case in _case_rows(session, [row.case_id for row in rows], lock=False)}
        never: Any = None
        return [
            Candidate(
                row, lambda ref=row.attempt_id: Accepted(ref), MORNING + timedelta(hours=1),
                ContactCase(
                    CaseRow(*cases[row.case_id]), tuple(cases[row.case_id]), never, never, never, heads[stream]
                ),
            )
            for row, stream in zip(rows, streams, strict=True)
        ]  # fmt: skip


def settle_ours(url: str, name: str) -> None:
    engine = make_engine(url)
    transport = AcceptEverything(None, None, in_flight=IN_FLIGHT)  # type: ignore[arg-type]
    deliver_due(engine, {Destination.SMS: transport}, worker=name, clock=FixedClock(MORNING), batch=BATCH)


def settle_bare(url: str, name: str) -> None:
    with psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:")) as connection:
        while claimed := claim_bare(connection, name):
            for row_id, customer_id in claimed:
                settle_one_bare(connection, name, row_id, f"customer:{customer_id}")


def claim_bare(connection: Any, name: str) -> list[tuple[int, int]]:
    found = connection.execute(
        "SELECT id, customer_id FROM outbox_message WHERE status = 'queued' AND not_before <= %s "
        "AND destination = 'sms' ORDER BY not_before, id LIMIT %s FOR UPDATE SKIP LOCKED",
        (MORNING, BATCH),
    ).fetchall()
    connection.execute(
        "UPDATE outbox_message SET status = 'claimed', claimed_by = %s, lease_until = %s WHERE id = ANY(%s)",
        (name, MORNING + timedelta(minutes=5), [row_id for row_id, _ in found]),
    )
    connection.commit()
    return list(found)


def settle_one_bare(connection: Any, name: str, row_id: int, stream: str) -> None:
    connection.execute("SELECT seq FROM timeline_head WHERE stream = %s FOR UPDATE", (stream,))
    connection.execute(
        "UPDATE outbox_message SET status = 'sending', attempts = attempts + 1, attempt_id = %s, attempted_at = %s, "
        "lease_until = %s WHERE id = %s AND status = 'claimed' AND claimed_by = %s",
        (f"{row_id}-{'0' * 18}", MORNING, MORNING + timedelta(minutes=5), row_id, name),
    )
    connection.commit()
    [seq] = connection.execute(
        "SELECT seq FROM timeline_head WHERE stream = %s FOR UPDATE", (stream,)
    ).fetchone()
    connection.execute(
        "UPDATE outbox_message SET status = 'sent', provider_ref = %s, sent_at = %s, finished_at = %s WHERE id = %s",
        (f"SM{row_id:032d}", MORNING, MORNING, row_id),
    )
    connection.execute(
        "INSERT INTO timeline_event (stream, seq, kind, at, by, channel, data, prev_hash, hash) "
        "VALUES (%s, %s, 'contact.sent', %s, 'bench', 'sms', %s, %s, %s)",
        (stream, seq + 1, MORNING, '{"key":"0:friendly-sms:1:sms","to":"+447400000000"}', "0" * 64, "0" * 64),
    )
    connection.execute(
        "UPDATE timeline_head SET seq = %s, hash = %s WHERE stream = %s", (seq + 1, "0" * 64, stream)
    )
    connection.commit()


# --- into a provider ------------------------------------------------------------------------------------------


def measure_provider(engine: Engine, catalog: Any, messages: int, delay: float) -> bool:
    with provider.running(delay=delay) as stub:
        client, client_cpu = rate_and_processor(lambda: into_client(stub.url, messages), messages)
        loop, loop_cpu = rate_and_processor(lambda: into_client_on_loop(stub.url, messages), messages)
        before = stub.count()
        sender = TwilioSmsSender(SID, TOKEN, FROM, SystemClock(), api_url=stub.url)
        transport = ContactTransport(sender, catalog, in_flight=IN_FLIGHT)

        def deliver() -> None:
            found = deliver_due(
                engine, {Destination.SMS: transport}, worker="one", clock=FixedClock(MORNING), batch=BATCH
            )
            assert found == {"sent": messages}

        rate, cpu = rate_and_processor(deliver, messages)
        assert stub.count() - before == messages
    share = rate / client
    return gate.say(
        share >= SHARE_OF_CLIENT,
        f"into a provider that answers after {delay * 1000:.0f} ms: {rate:,.0f} messages a second, {share:.2f} of "
        f"twilio's client ({client:,.0f}), at least {SHARE_OF_CLIENT}; {rate / loop:.2f} of it on our event loop "
        f"({loop:,.0f}). Processor: {cpu * 1000:.2f} ms a message, against {client_cpu * 1000:.2f} and "
        f"{loop_cpu * 1000:.2f}",
    )


def rate_and_processor(work: Callable[[], None], messages: int) -> tuple[float, float]:
    """Return messages a second, and this process's processor seconds for each."""
    started, worked = time.perf_counter(), time.process_time()
    work()
    return messages / (time.perf_counter() - started), (time.process_time() - worked) / messages


def a_message(n: int) -> dict[str, str]:
    return {
        "to": f"+44{7_400_000_000 + n}",
        "body": "A payment has not reached us. " * 6,
        "from_": FROM,
        "status_callback": f"https://desk.example.org/hooks/twilio/status?attempt={n}-{'0' * 18}",
    }


def into_client(url: str, messages: int) -> None:
    client = Client(SID, TOKEN, http_client=TwilioTo(url))
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(lambda n: client.messages.create(**a_message(n)), range(messages)))


def into_client_on_loop(url: str, messages: int) -> None:
    api, numbers = TwilioApi(SID, TOKEN, url), iter(range(messages))

    async def one_after_the_other() -> None:
        for n in numbers:
            await api.client.messages.create_async(**a_message(n))

    async def at_once() -> None:
        await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))

    api.run(at_once())


class TwilioTo(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own client, at another address."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, self.url + url.removeprefix(API_URL), *args, **kwargs)


if __name__ == "__main__":
    main()
