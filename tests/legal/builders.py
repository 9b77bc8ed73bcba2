"""A case file to build bundles from: one that is complete, and the pieces to spoil it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.book.portfolios.rules import CollectorKind
from app.core.timeline.rules import GENESIS, canonical, chain_hash
from app.legal.checklists.case_file import (
    Account,
    CaseFile,
    Customer,
    Dispute,
    Document,
    Entry,
    Event,
    Hold,
    Instalment,
    Message,
    Plan,
    Portfolio,
    Statement,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def no_page(template: Path, data: Mapping[str, Any], *, document_date: date) -> bytes:
    """Stands in for the typesetter where the page is not what is tested."""
    return b"%PDF-1.7\n% a page\n"


def chain(
    stream: str, *facts: tuple[str, str, Mapping[str, Any]], start: datetime = NOON
) -> tuple[Event, ...]:
    """Events of one stream, an hour apart, each (kind, by, data), properly chained."""
    events: list[Event] = []
    previous = GENESIS
    for seq, (kind, by, data) in enumerate(facts, start=1):
        at = start + timedelta(hours=seq)
        text = canonical(data)
        digest = chain_hash(previous, stream, seq, kind, at, by, text)
        events.append(Event(stream, seq, kind, at, by, text, previous, digest))
        previous = digest
    return tuple(events)


def portfolio(**changes: Any) -> Portfolio:
    given = Portfolio(
        "CARDS-NL", "Noordzee Bank N.V.", "EUR", "Europe/Amsterdam", "NL", CollectorKind.FIRST_PARTY
    )
    return replace(given, **changes)


def customer(**changes: Any) -> Customer:
    given = Customer(
        customer_ref="C-1001",
        name="Maria de Vries",
        address_lines=("Prinsengracht 263", "1016 GV Amsterdam"),
        country="NL",
        language="nl",
        email="maria.devries@example.org",
        mobile="+31612345678",
    )
    return replace(given, **changes)


def account(**changes: Any) -> Account:
    given = Account(
        account_ref="A-77001",
        last4="4242",
        product="Gold card",
        limit_minor=500_000,
        apr="14.90",
        opened_on=date(2021, 3, 9),
        status="active",
        balance_minor=123_450,
        past_due_minor=7_500,
        days_past_due=93,
        oldest_due_on=date(2026, 3, 25),
    )
    return replace(given, **changes)


def entry(reference: str, kind: str, on: date, amount_minor: int, **changes: Any) -> Entry:
    return replace(Entry(reference, "A-77001", kind, on, on, amount_minor, "feed:transactions"), **changes)


def message(number: int, **changes: Any) -> Message:
    given = Message(
        key=f"CASE-9:step{number}:1:email",
        channel="email",
        to="maria.devries@example.org",
        subject="Uw betaling",
        text=f"Geachte mevrouw De Vries,\n\nUw betaling is te laat (herinnering {number}).\n",
        html=f"<p>Uw betaling is te laat (herinnering {number}).</p>",
        letter="reminder",
        letter_version="3f2a91",
        language="nl",
        sent_at=NOON + timedelta(days=number),
        status="delivered",
        provider_ref=f"<m{number}@mail.example.org>",
        clearance={"pack": "NL@2026-01-01", "decision": "clear", "not_before": "2026-06-01T06:00:00Z"},
    )
    return replace(given, **changes)


def case_file(**changes: Any) -> CaseFile:
    """Complete by the common checklist: one account, 1,234.50 EUR owed, three statements, two reminders."""
    given = CaseFile(
        case_reference="CASE-9",
        bundle_id="CASE-9-2026-06-26-1",
        as_of=date(2026, 6, 26),
        portfolio=portfolio(),
        customer=customer(),
        claimed_minor=123_450,
        accounts=(account(),),
        entries=(
            entry("T-1", "purchase", date(2026, 2, 3), 99_900, description="Fietsenwinkel Amstel"),
            entry("T-2", "purchase", date(2026, 2, 20), 45_050, description="Albert Heijn 1076"),
            entry("P-1", "payment", date(2026, 2, 25), -25_000, source="feed:payments"),
            entry("I-1", "interest", date(2026, 3, 31), 2_500, source="feed:transactions"),
            entry("F-1", "fee", date(2026, 4, 1), 1_000, description="Late fee"),
        ),
        statements=tuple(
            Statement(f"S-{month}", "A-77001", date(2026, month, 28), date(2026, month + 1, 25), 119_950, 2_500)
            for month in (2, 3, 4)
        ),
        events=chain(
            "customer:1001",
            ("case.opened", "system", {"case": "CASE-9"}),
            ("contact.sent", "system", {"channel": "email", "letter": "reminder"}),
            ("case.call_logged", "user:anna", {"result": "right_party", "note": "Zegt: volgende week"}),
        ),
        messages=(message(1), message(2)),
        plans=(
            Plan("PL-1", "instalments", "broken", NOON, NOON, 60_000, "user:anna",
                 (Instalment(1, date(2026, 5, 1), 30_000, 10_000), Instalment(2, date(2026, 6, 1), 30_000)),
                 "two instalments"),
        ),
        holds=(Hold("complaint", NOON, NOON + timedelta(days=9), NOON + timedelta(days=3), "user:anna", "late reply"),),
        disputes=(Dispute("D-1", NOON, "not my purchase", 45_050, NOON + timedelta(days=5), "shown the slip"),),
        documents=(
            Document("agreement", "Kredietovereenkomst 2021.pdf", "application/pdf", date(2021, 3, 9), b"%PDF-1.4 x"),
        ),
        exported_by="user:lars",
    )  # fmt: skip
    return replace(given, **changes)
