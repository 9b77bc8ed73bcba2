"""Bundles handed over to the reference receiver over real HTTP, with everything that goes wrong on the way."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import io
import json
import logging
import socket
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stamina
import uvicorn
from http_message_signatures import MappingKeyResolver
from http_message_signatures.algorithms import ED25519
from http_message_signatures.httpx2 import SignatureHooks, SignatureHooksMode, SigningOptions

from app.adapters.legal_http import LegalHttp
from app.core.clock import FixedClock
from app.legal.bundle import bag as fmt
from app.legal.bundle.build import build, key_id, verify
from app.legal.bundle.receipt import Receipt
from app.outreach.outbox.dispatch import Misconfigured, TryLater, Undeliverable
from reference.legal_desk.receiver import create_legal_desk
from tests.legal.builders import KEY, OTHER_KEY, case_file, customer, no_page

BUNDLE = build(case_file(), KEY, no_page)
BUNDLE_ID = case_file().bundle_id


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen, without the pauses between them."""
    with stamina.set_testing(True, attempts=2):
        yield


@dataclass
class Tap:
    """Sits before the desk: counts requests, and breaks the line where a test says so."""

    app: Any
    requests: list[tuple[str, str]] = field(default_factory=list)
    breaks: Callable[[str, str, int], bool] = lambda method, path, number: False

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.requests.append((scope["method"], scope["path"]))
        number = sum(method == "PUT" for method, _ in self.requests)
        if self.breaks(scope["method"], scope["path"], number):
            # An answer that promises ten bytes and ends after none: the connection is cut.
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]}
            )
            return
        await self.app(scope, receive, send)

    def puts(self, where: str = "/files/") -> list[str]:
        return [path for method, path in self.requests if method == "PUT" and path.startswith(where)]


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """`app` under uvicorn on a free loopback port; yields its base URL."""
    # Named as TCP so that asyncio turns Nagle's delay off; it costs 40 ms a request otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@dataclass
class Desk:
    url: str
    tap: Tap
    store: Path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = tmp_path / "store"
    tap = Tap(create_legal_desk(store, [KEY.public_key()], clock=FixedClock(), max_file_bytes=1 << 20))
    with serving(tap) as url:
        yield Desk(url, tap, store)


def sender(url: str, key: Any = KEY) -> LegalHttp:
    return LegalHttp(url, key, timeout=5)


def signed_client(url: str, key: Any = KEY) -> httpx2.Client:
    """A client that signs like ours but says what a test wants."""
    name = key_id(key.public_key())
    hooks = SignatureHooks(
        SignatureHooksMode.SIGN_REQUEST,
        sign_options=SigningOptions(
            origin=url,
            signature_algorithm=ED25519,
            key_id=name,
            key_resolver=MappingKeyResolver(private_keys={name: key}, public_keys={}),
            covered_component_ids=("@method", "@target-uri"),
        ),
    )
    return httpx2.Client(base_url=url, event_hooks=hooks.event_hooks)


def file_count(store: Path) -> int:
    return sum(path.is_file() for path in (store / "files").rglob("*"))


def test_a_bundle_arrives_byte_for_byte_and_is_receipted(desk: Desk) -> None:
    receipt = sender(desk.url).deliver(BUNDLE_ID, BUNDLE)
    assert isinstance(receipt, Receipt)
    assert receipt.bundle_id == BUNDLE_ID
    assert receipt.status == "accepted"
    assert receipt.received_at == "2026-01-01T00:00:00.000000Z"
    stored = (desk.store / "bundles" / BUNDLE_ID / "bundle.zip").read_bytes()
    assert stored == BUNDLE
    assert verify(stored, KEY.public_key()).ok
    listed = httpx2.get(f"{desk.url}/bundles").json()["bundles"]
    assert [item["receipt_id"] for item in listed] == [receipt.receipt_id]
    assert list((desk.store / "incoming").iterdir()) == []


def test_the_same_bundle_again_gets_the_same_receipt_and_sends_no_file(desk: Desk) -> None:
    first = sender(desk.url).deliver(BUNDLE_ID, BUNDLE)
    sent = len(desk.tap.puts())
    assert sender(desk.url).deliver(BUNDLE_ID, BUNDLE) == first
    assert len(desk.tap.puts()) == sent
    with signed_client(desk.url) as client:
        manifest = (desk.store / "bundles" / BUNDLE_ID / "manifest.json").read_bytes()
        assert client.put(f"/bundles/{BUNDLE_ID}", content=manifest).status_code == 200


@pytest.mark.parametrize("nth", [1, 4, 9])
def test_a_cut_line_is_resumed_with_only_what_is_missing(desk: Desk, nth: int) -> None:
    desk.tap.breaks = lambda method, path, number: method == "PUT" and number >= nth
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, BUNDLE), TryLater)
    assert file_count(desk.store) == nth - 1
    assert not list((desk.store / "bundles").iterdir())
    arrived = {path for path in desk.tap.puts() if (desk.store / "files" / path[7:9] / path[7:]).exists()}
    desk.tap.requests.clear()
    desk.tap.breaks = lambda method, path, number: False
    receipt = sender(desk.url).deliver(BUNDLE_ID, BUNDLE)
    assert isinstance(receipt, Receipt)
    assert not arrived & set(desk.tap.puts())
    assert max(Counter(desk.tap.puts()).values()) == 1
    assert file_count(desk.store) == nth - 1 + len(desk.tap.puts())


def test_when_only_the_receipt_is_lost_asking_again_finds_it(desk: Desk, tmp_path: Path) -> None:
    """The desk took the bundle, the answer never came: the crash that would else deliver twice."""
    inner = desk.tap.app

    async def deaf(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/bundles/"):

            async def drop(event: Any) -> None:
                return

            await inner(scope, receive, drop)
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]}
            )
            return
        await inner(scope, receive, send)

    desk.tap.app = deaf
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, BUNDLE), TryLater)
    stored = json.loads((desk.store / "bundles" / BUNDLE_ID / "receipt.json").read_bytes())
    desk.tap.app = inner
    receipt = sender(desk.url).deliver(BUNDLE_ID, BUNDLE)
    assert isinstance(receipt, Receipt)
    assert receipt.receipt_id == stored["receipt_id"]


def test_a_hiccup_is_retried_within_one_delivery(desk: Desk) -> None:
    hiccups = iter([True])
    desk.tap.breaks = lambda method, path, number: method == "PUT" and number == 3 and next(hiccups, False)
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, BUNDLE), Receipt)


def test_receipts_survive_a_restart(desk: Desk) -> None:
    first = sender(desk.url).deliver(BUNDLE_ID, BUNDLE)
    with serving(create_legal_desk(desk.store, [KEY.public_key()])) as url:
        assert sender(url).deliver(BUNDLE_ID, BUNDLE) == first


def test_two_senders_at_once_get_one_receipt(desk: Desk) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(sender(desk.url).deliver(BUNDLE_ID, BUNDLE)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert isinstance(answers[0], Receipt)
    assert len(set(answers)) == 1


def test_another_bundle_of_the_same_id_is_refused_for_good(desk: Desk) -> None:
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, BUNDLE), Receipt)
    other = build(case_file(customer=customer(name="Somebody else")), KEY, no_page)
    answer = sender(desk.url).deliver(BUNDLE_ID, other)
    assert isinstance(answer, Undeliverable)
    assert "409" in answer.reason
    assert (desk.store / "bundles" / BUNDLE_ID / "bundle.zip").read_bytes() == BUNDLE


def test_a_later_bundle_supersedes_and_keeps_the_earlier(desk: Desk) -> None:
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, BUNDLE), Receipt)
    later = build(case_file(bundle_id="CASE-9-2", supersedes=BUNDLE_ID), KEY, no_page)
    assert isinstance(sender(desk.url).deliver("CASE-9-2", later), Receipt)
    assert {path.name for path in (desk.store / "bundles").iterdir()} == {BUNDLE_ID, "CASE-9-2"}


def test_a_bundle_that_does_not_verify_gets_no_receipt_and_says_why(desk: Desk) -> None:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    files["data/ledger.csv"] = files["data/ledger.csv"].replace(b"Albert", b"albert")
    sink = io.BytesIO()
    fmt.write_archive(sink, BUNDLE_ID, case_file().as_of, files)
    answer = sender(desk.url).deliver(BUNDLE_ID, sink.getvalue())
    assert isinstance(answer, Undeliverable)
    assert "data/ledger.csv" in answer.reason
    damaged = BUNDLE.replace(b"Albert", b"albert")
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, damaged), Undeliverable)
    assert not list((desk.store / "bundles").iterdir())


def test_strangers_are_not_let_in(desk: Desk) -> None:
    answer = sender(desk.url, OTHER_KEY).deliver(BUNDLE_ID, BUNDLE)
    assert isinstance(answer, Misconfigured)
    assert "401" in answer.reason
    assert httpx2.put(f"{desk.url}/files/{'0' * 64}", content=b"x").status_code == 401
    assert httpx2.head(f"{desk.url}/files/{'0' * 64}").status_code == 401
    assert file_count(desk.store) == 0


def test_a_known_sender_cannot_pass_on_a_bundle_of_an_unknown_key(desk: Desk) -> None:
    answer = sender(desk.url).deliver(BUNDLE_ID, build(case_file(), OTHER_KEY, no_page))
    assert isinstance(answer, Undeliverable)
    assert "signature.json" in answer.reason


def test_a_signature_covers_address_and_content(desk: Desk) -> None:
    content, other = b"one", b"two"
    address = f"/files/{hashlib.sha256(content).hexdigest()}"
    with signed_client(desk.url) as client:
        signed = client.build_request("PUT", address, content=content)
        for hook in client.event_hooks["request"]:
            hook(signed)
    headers = dict(signed.headers)
    elsewhere = f"/files/{hashlib.sha256(other).hexdigest()}"
    assert httpx2.put(desk.url + elsewhere, content=other, headers=headers).status_code == 401
    assert httpx2.put(desk.url + address, content=other, headers=headers).status_code == 422
    headers["content-digest"] = "sha-256=:" + base64.b64encode(hashlib.sha256(other).digest()).decode() + ":"
    assert httpx2.put(desk.url + address, content=other, headers=headers).status_code == 401
    assert file_count(desk.store) == 0
    assert httpx2.put(desk.url + address, content=content, headers=dict(signed.headers)).status_code == 201


def test_an_old_signature_is_refused(desk: Desk) -> None:
    name = key_id(KEY.public_key())
    hooks = SignatureHooks(
        SignatureHooksMode.SIGN_REQUEST,
        sign_options=SigningOptions(
            origin=desk.url,
            signature_algorithm=ED25519,
            key_id=name,
            key_resolver=MappingKeyResolver(private_keys={name: KEY}, public_keys={}),
            covered_component_ids=("@method", "@target-uri"),
            created=datetime.now(UTC) - timedelta(hours=1),
        ),
    )
    with httpx2.Client(event_hooks=hooks.event_hooks) as client:
        assert client.head(f"{desk.url}/files/{'0' * 64}").status_code == 401


def test_content_must_be_what_its_address_says(desk: Desk) -> None:
    with signed_client(desk.url) as client:
        assert client.put(f"/files/{'0' * 64}", content=b"x").status_code == 422
        assert client.put("/files/..%2F..%2Fetc", content=b"x").status_code in (404, 422)
        assert client.put("/files/ABC", content=b"x").status_code == 422
    assert file_count(desk.store) == 0


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(desk: Desk) -> None:
    content = bytes((1 << 20) + 1)
    with signed_client(desk.url) as client:
        answer = client.put(f"/files/{hashlib.sha256(content).hexdigest()}", content=content)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert file_count(desk.store) == 0
    assert list((desk.store / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"bundle_id": "B", "case_reference": "c", "supersedes": null, "files": []}',
        b'{"bundle_id": "other", "case_reference": "c", "supersedes": null, "files": '
        b'[{"path": "bagit.txt", "sha256": "%s", "size": 1}]}' % (b"0" * 64),
        b'{"bundle_id": "B", "case_reference": "c", "supersedes": null, "files": '
        b'[{"path": "../../x", "sha256": "%s", "size": 1}]}' % (b"0" * 64),
        b'{"bundle_id": "B", "case_reference": "c", "supersedes": null, "files": '
        b'[{"path": "bagit.txt", "sha256": "%s", "size": 1}]}' % (b"0" * 64),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(desk: Desk, body: bytes) -> None:
    with signed_client(desk.url) as client:
        answer = client.put("/bundles/B", content=body)
    assert answer.status_code == 422
    assert answer.json()["status"] == 422
    assert not list((desk.store / "bundles").iterdir())


def test_behind_a_proxy_the_public_address_is_what_counts(tmp_path: Path) -> None:
    url = "https://legal.example"
    app = create_legal_desk(tmp_path, [KEY.public_key()], public_url=url)
    with serving(app) as inside, signed_client(url) as client:
        request = client.build_request("HEAD", f"/files/{'0' * 64}", content=b"")
        for hook in client.event_hooks["request"]:
            hook(request)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        assert httpx2.head(f"{inside}/files/{'0' * 64}", headers=headers).status_code == 404


def test_nobody_there_is_worth_another_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), TryLater)


@pytest.mark.parametrize("url", ["", "legal.example", "ftp://legal.example", "http://", "http://[::1"])
def test_an_address_that_cannot_work_is_a_matter_for_a_person(url: str) -> None:
    assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), Misconfigured)


def answering(status: int, body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return app


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Misconfigured),
        (301, Misconfigured),
        (403, Misconfigured),
        (405, Misconfigured),
        (409, Undeliverable),
        (413, Undeliverable),
        (429, TryLater),
        (503, TryLater),
    ],
)
def test_what_a_strange_server_answers_is_sorted(status: int, kind: type) -> None:
    with serving(answering(status, b"<html>")) as url:
        assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), kind)


def test_the_desk_may_say_when_to_come_back() -> None:
    with serving(answering(503, headers=((b"retry-after", b"120"),))) as url:
        assert sender(url).deliver(BUNDLE_ID, BUNDLE) == TryLater("the legal desk answered HTTP 503", 120)


def test_a_receipt_for_something_else_is_no_receipt() -> None:
    body = {
        "receipt_id": "R",
        "bundle_id": BUNDLE_ID,
        "received_at": "now",
        "files": 1,
        "sha256_of_tagmanifest": "0" * 64,
        "status": "accepted",
    }
    with serving(answering(201, json.dumps(body).encode())) as url:
        assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), Misconfigured)


@pytest.mark.parametrize(
    "receipt", [b"[" * 60_000, b'{"files": 1e999}', b'{"files": ' + b"9" * 5000 + b"}", b"\xff" * 100]
)
def test_a_receipt_that_no_reader_survives_is_none(receipt: bytes) -> None:
    body = receipt
    if receipt.startswith(b'{"files"'):
        rest = {"receipt_id": "R", "bundle_id": BUNDLE_ID, "received_at": "now", "status": "accepted"}
        body = receipt[:-1] + b"," + json.dumps({**rest, "sha256_of_tagmanifest": "0" * 64}).encode()[1:]
    with serving(answering(201, body)) as url:
        assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), Misconfigured)


def test_a_wait_of_thousands_of_digits_is_a_day() -> None:
    for digits in (b"9" * 5000, "\u00b2".encode("latin-1")):
        with serving(answering(503, headers=((b"retry-after", digits),))) as url:
            answer = sender(url).deliver(BUNDLE_ID, BUNDLE)
        assert isinstance(answer, TryLater)
        assert answer.after_seconds <= 24 * 3600


def dripping(piece: bytes, pause: float) -> Any:
    """Answer a file's or a bundle's PUT without an end, until the sender hangs up. No file is here yet.

    An answer to HEAD ends: it has no body, so a sender would send its next request behind one that never ends.
    """

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body", False):
            pass
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.ensure_future(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(pause)

    return app


def test_an_answer_without_an_end_is_read_no_further_than_a_receipt_may_be() -> None:
    with serving(dripping(b"x" * 60_000, 0)) as url:
        assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), Misconfigured)


def test_what_unpacks_to_more_is_not_unpacked() -> None:
    packed = gzip.compress(b" " * 50_000_000)
    headers = ((b"content-encoding", b"gzip"),)
    with serving(answering(200, packed, headers)) as url:
        assert isinstance(sender(url).deliver(BUNDLE_ID, BUNDLE), Misconfigured)


def test_a_byte_at_a_time_is_given_up() -> None:
    with serving(dripping(b"x", 0.1)) as url:
        transport = LegalHttp(url, KEY, timeout=0.5)
        assert isinstance(transport.deliver(BUNDLE_ID, BUNDLE), TryLater)


def test_what_is_no_bundle_is_not_sent(desk: Desk) -> None:
    assert isinstance(sender(desk.url).deliver(BUNDLE_ID, b"junk"), Undeliverable)
    assert desk.tap.requests == []


def test_logs_name_bundles_never_people(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        sender(desk.url).deliver(BUNDLE_ID, BUNDLE)
        sender(desk.url, OTHER_KEY).deliver(BUNDLE_ID, BUNDLE)
    assert BUNDLE_ID in caplog.text
    for personal in ("Vries", "example.org", "31612345678", "Prinsengracht"):
        assert personal not in caplog.text
