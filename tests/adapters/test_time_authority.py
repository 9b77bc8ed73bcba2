"""Stamps of a real authority (`openssl ts` over HTTP): only one that verifies is taken."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from app.adapters.time_authority import LARGEST_ANSWER, HttpTimeAuthority
from app.core.errors import Invalid
from app.legal.timestamps.service import NoStamp
from app.legal.timestamps.verification import load_roots, verified_time
from tests.legal.timestamps.authority import make_authority, reply, serving

CONTENT = b"the manifests of a bundle\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tsa")
    make_authority(made)
    return made


def test_a_stamp_is_taken_and_openssl_verifies_it(folder: Path, tmp_path: Path) -> None:
    with serving(lambda query: (200, reply(folder, query))) as (url, asked):
        stamp = HttpTimeAuthority(url, folder / "root.pem").stamp(CONTENT)
    assert asked == ["/tsa"]
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=2)
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "stamp.tsr").write_bytes(stamp.response)
    command = ["openssl", "ts", "-verify", "-data", tmp_path / "content", "-in", tmp_path / "stamp.tsr"]
    good = subprocess.run([*command, "-CAfile", folder / "root.pem"], capture_output=True, text=True)
    assert "Verification: OK" in good.stdout + good.stderr
    assert verified_time(stamp.response, CONTENT, load_roots(folder / "root.pem")) == stamp.at


def test_a_stamp_of_other_bytes_or_of_a_stranger_is_refused(folder: Path, tmp_path: Path) -> None:
    with serving(lambda query: (200, reply(folder, query))) as (url, _):
        stamp = HttpTimeAuthority(url, folder / "root.pem").stamp(CONTENT)
    stranger = make_authority(tmp_path, "Stranger")
    for response, content, roots in (
        (stamp.response, CONTENT + b"x", folder / "root.pem"),
        (stamp.response, CONTENT, stranger),
        (stamp.response[:-1] + b"\0", CONTENT, folder / "root.pem"),
        (b"no stamp", CONTENT, folder / "root.pem"),
    ):
        with pytest.raises(Invalid, match="does not verify"):
            verified_time(response, content, load_roots(roots))


def _other_bytes(folder: Path) -> bytes:
    return reply(
        folder,
        TimestampRequestBuilder().data(b"other").hash_algorithm(HashAlgorithm.SHA256).build().as_bytes(),
    )


def _old(folder: Path) -> bytes:
    """A good stamp of the same bytes, but for another question: its nonce is not ours."""
    request = TimestampRequestBuilder().data(CONTENT).hash_algorithm(HashAlgorithm.SHA256).build()
    return reply(folder, request.as_bytes())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: (500, b""), "HTTP 500"),
        (lambda _: (302, b""), "HTTP 302"),
        (lambda _: (200, b"<html>"), "does not verify"),
        (lambda _: (200, bytes(LARGEST_ANSWER + 1)), f"more than {LARGEST_ANSWER} bytes"),
        (lambda folder: (200, _other_bytes(folder)), "does not verify"),
        (lambda folder: (200, _old(folder)), "does not verify"),
        (lambda folder: (200, reply(folder, b"no request")), "refused to stamp|does not verify"),
    ],
)
def test_an_authority_that_misbehaves_gives_no_stamp(
    folder: Path, answer: Callable[[Path], tuple[int, bytes]], why: str
) -> None:
    with serving(lambda _: answer(folder)) as (url, asked), pytest.raises(NoStamp, match=why):
        HttpTimeAuthority(url, folder / "root.pem").stamp(CONTENT)
    assert asked == ["/tsa"], "no redirect is followed"


def test_an_authority_that_is_not_there_gives_no_stamp(folder: Path) -> None:
    with pytest.raises(NoStamp, match="could not be reached"):
        HttpTimeAuthority("http://127.0.0.1:9/tsa", folder / "root.pem").stamp(CONTENT)


def test_roots_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(Invalid, match="PEM file with certificates"):
            HttpTimeAuthority("http://127.0.0.1:9/tsa", file)
