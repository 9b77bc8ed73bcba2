"""Requests to Twilio's API: one attempt for each request, on connections that are kept while they are in use.

Twilio's library brings a client for threads, which goes through `requests`, and one for event loops, which has no time
after which it gives up connecting. Thirty-two requests at once on an event loop take a fifth of the processor's time
that they take in threads.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import urllib.request
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import certifi
from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from app.outreach.outbox.dispatch import Misconfigured, TryLater, Uncertain

T = TypeVar("T")

API_URL = "https://api.twilio.com"
TIMEOUT_SECONDS = 15.0
IDLE_SECONDS = 5.0
"""A kept connection that the other side closes while it is idle looks like a lost answer and would make a message
Uncertain for nothing, so one that was idle for longer than Twilio could mind is not used again."""
_PRODUCT = re.compile(r"https://([a-z]+)\.twilio\.com(?=/)")


class TwilioApi:
    """Twilio's library over `aiohttp`. Every event loop that uses it has connections of its own, until it hangs up."""

    def __init__(
        self, account_sid: str, auth_token: str, api_url: str = "", timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """`api_url` replaces Twilio's own for tests."""
        self._http = _OneTryHttpClient(api_url or API_URL, timeout_seconds)
        # The library refuses empty credentials.
        self.client = Client(account_sid or "unset", auth_token or "unset", http_client=self._http)  # type: ignore[no-untyped-call]

    async def disconnect(self) -> None:
        """Close the connections of the running event loop."""
        await self._http.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine now, where no event loop runs."""

        async def alone() -> T:
            try:
                return await work
            finally:
                await self.disconnect()

        return asyncio.run(alone())


class _OneTryHttpClient(AsyncHttpClient):
    def __init__(self, api_url: str, timeout_seconds: float) -> None:
        silent = logging.Logger("twilio.silent", level=logging.CRITICAL)  # it would log request headers
        super().__init__(silent, True, timeout_seconds)
        self._api_url = api_url.rstrip("/")
        # A time-out while connecting, before the time for all is over, proves that nothing was sent.
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=timeout_seconds * 0.8)
        self._proxy = _proxy(self._api_url)
        self._trusted = ssl.create_default_context()
        self._trusted.load_verify_locations(certifi.where())
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    async def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make the request. Raises ClientError or TimeoutError if there is no answer."""
        del timeout, allow_redirects  # ours are the client's
        product = _PRODUCT.match(url)
        if product:  # the stand-in for one serves all of them; a region has an address for each
            base = self._api_url.replace("//api.", f"//{product[1]}.", 1)
            url = base + url[product.end() :]
        if params:
            url += "?" + urlencode(params)
        sent = dict(headers or {})
        if auth:
            sent["Authorization"] = aiohttp.encode_basic_auth(*auth)
        body = None
        if data:
            body = urlencode(data).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        # As it is spelled: a phone number's %2B must not become a plus, which means a blank.
        address = URL(url, encoded=True)
        async with self._session().request(
            method, address, data=body, headers=sent, proxy=self._proxy, allow_redirects=False
        ) as answer:
            text = (await answer.read()).decode("utf-8", "replace")
            return Response(answer.status, text, answer.headers)

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            # As many connections as there are requests: the caller decides how many requests that may be.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS, ssl=self._trusted)
            session = self._sessions[loop] = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return session

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()


def _proxy(api_url: str) -> str | None:
    """The proxy that the environment names for this address, if any."""
    parts = urlsplit(api_url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    return proxy if proxy and not urllib.request.proxy_bypass(parts.hostname or "") else None


def outcome_of_failure(failure: Exception) -> TryLater | Misconfigured | Uncertain:
    """Judge whether the error proves that nothing was sent: only a connection that never came to be does."""
    match failure:
        case aiohttp.ClientConnectorCertificateError():
            return Misconfigured("Twilio's certificate cannot be verified")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Misconfigured("the address of Twilio's API is not valid")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return TryLater("no connection to Twilio")
        case aiohttp.ClientHttpProxyError():
            return TryLater("the proxy made no connection to Twilio")
        case _:
            return Uncertain(f"no answer from Twilio ({type(failure).__name__})")


def status_of(refusal: TwilioException) -> int:
    """HTTP status with which a list was refused: the library gives its answer beside the words. 0 = none."""
    return int(getattr(refusal.args[-1], "status_code", 0)) if refusal.args else 0
