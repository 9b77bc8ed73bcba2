"""Outgoing webhooks: signed as Standard Webhooks 1.0.0 describes, and kept out of private networks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx2

from app.core.clock import Clock
from app.operations.digests.rules import is_private
from app.outreach.outbox.dispatch import Accepted, Misconfigured, SendResult, TryLater, Undeliverable

TIMEOUT_SECONDS = 15.0
"""For each read and write; a whole exchange may take four of them."""


def signed_headers(keys: Sequence[bytes], identity: str, at: str, body: bytes) -> dict[str, str]:
    """Headers of a webhook: its id, the moment in seconds since 1970, and the HMAC-SHA256 of both and the body by each
    key, with a space between them: a receiver takes the one it knows."""
    said = f"{identity}.{at}.".encode() + body
    signed = (base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "content-type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{each}" for each in signed),
    }


def key_of(secret: str) -> bytes:
    """The key of a secret as `whsec_` and base64, or any text."""
    plain = secret.removeprefix("whsec_")
    return base64.b64decode(plain) if secret.startswith("whsec_") else secret.encode()


class _Private(Exception):
    """The name leads into a private network; nothing was sent."""


class DigestHook:
    """Posts digests. Follows no redirect and reads no answer but its status."""

    def __init__(self, clock: Clock, *, private: bool = False, timeout: float = TIMEOUT_SECONDS) -> None:
        """`private`: machines of private networks may be posted to."""
        self._clock, self._private, self._timeout = clock, private, timeout

    def post(self, url: str, identity: str, secrets: Sequence[str], body: bytes) -> SendResult:
        keys = [key_of(secret) for secret in secrets]
        headers = signed_headers(keys, identity, str(int(self._clock.now().timestamp())), body)
        connection = _Connection(private=self._private)
        timer = threading.Timer(4 * self._timeout, connection.cut)
        timer.daemon = True
        timer.start()
        try:
            with (
                # No proxy and no .netrc of the environment: the machine that is asked is the one that is looked at.
                httpx2.Client(timeout=self._timeout, follow_redirects=False, trust_env=False) as client,
                client.stream(
                    "POST", url, content=body, headers=headers, extensions={"trace": connection.trace}
                ) as answer,
            ):
                return _result(answer.status_code, identity)
        except _Private:
            return Misconfigured("the webhook's name leads into a private network")
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            return Undeliverable("the webhook's address is not usable")
        except (httpx2.HTTPError, OSError) as error:
            return TryLater(f"the webhook could not be reached ({type(error).__name__})")
        finally:
            timer.cancel()


def _result(status: int, identity: str) -> SendResult:
    if 200 <= status < 300:
        return Accepted(identity)
    if status == 410:  # Standard Webhooks: the endpoint is gone for good
        return Undeliverable("the webhook answered 410, gone")
    if 300 <= status < 400:
        return Misconfigured(f"the webhook answered {status}; redirects are not followed")
    return TryLater(f"the webhook answered {status}")


class _Connection:
    """The connection of one exchange: looked at before anything is sent over it, and cut when it takes too long."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._streams: list[Any] = []

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Refuse the machine that a name has led to, not the name: it may lead elsewhere the next time it is asked."""
        if event not in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            return
        stream = info["return_value"]
        self._streams.append(stream)
        if not self._private and is_private(str(stream.get_extra_info("server_addr")[0])):
            raise _Private

    def cut(self) -> None:
        for stream in self._streams:
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(2)
