"""Documents: known by their content, kept once, in the case file until they are withdrawn."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.casework.cases.models import CollectionsCase
from app.casework.documents.events import DocumentAdded, DocumentWithdrawn
from app.casework.documents.models import CaseDocument, DocumentContent
from app.casework.documents.rules import MAX_BYTES, DocumentKind, check_size, clean_name, media_type_of
from app.casework.documents.service import add_document, standing_documents, withdraw_document
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.legal.checklists.loading import load_case_file
from app.legal.checklists.rules import completeness
from tests import builders

PDF = b"%PDF-1.7\n1 0 obj\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
DUE = date(2026, 3, 10)
ON = DUE + timedelta(days=5)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        ("Sehr geehrte Frau Äöü".encode(), "text/plain"),
        (b"<script>alert(1)</script>", "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


@pytest.mark.parametrize(
    "content", [b"", b"  \n", b"MZ\x90\x00", b"PK\x03\x04", b"\xff\xfe\x00a", b"GIF89a\x01\x00"]
)
def test_other_files_are_not_taken(content: bytes) -> None:
    with pytest.raises(Invalid):
        media_type_of(content)


def test_a_text_with_a_card_number_is_not_taken() -> None:
    with pytest.raises(Invalid, match="card number"):
        media_type_of(b"card 4111 1111 1111 1111")


@pytest.mark.parametrize(
    ("size", "taken"), [(0, False), (1, True), (MAX_BYTES, True), (MAX_BYTES + 1, False)]
)
def test_size_has_a_ceiling(size: int, taken: bool) -> None:
    if taken:
        check_size(size)
    else:
        with pytest.raises(Invalid):
            check_size(size)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Agreement 2021.pdf", "Agreement 2021.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\temp\\a.PDF", "a.pdf"),
        ("invoice.html", "invoice.html.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie x.pdf"),
        ("", "document.pdf"),
        ("x" * 300, "x" * 116 + ".pdf"),
    ],
)
def test_names_are_made_harmless(name: str, kept: str) -> None:
    assert clean_name(name, "application/pdf") == kept


@pytest.mark.parametrize(
    ("dated_on", "hour", "taken"),
    [
        (date(1949, 12, 31), 12, False),
        (date(1950, 1, 1), 12, True),
        (ON, 23, True),
        (ON + timedelta(days=1), 23, False),
        (ON, 1, True),  # already today where the portfolio is, still yesterday in UTC
    ],
)
def test_a_document_bears_a_date_that_can_be(
    sqlite_engine: Engine, dated_on: date, hour: int, taken: bool
) -> None:
    now = builders.at(ON, hour)
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=ON)
        if taken:
            add_document(
                session,
                case,
                DocumentKind.AGREEMENT,
                "a.pdf",
                PDF,
                dated_on=dated_on,
                by=Actor.user("mei"),
                now=now,
            )
            return
        with pytest.raises(Invalid) as refused:
            add_document(
                session,
                case,
                DocumentKind.AGREEMENT,
                "a.pdf",
                PDF,
                dated_on=dated_on,
                by=Actor.user("mei"),
                now=now,
            )
        assert refused.value.field == "dated_on"


def test_a_document_ticks_the_checklist_until_it_is_withdrawn(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
        other = builders.late_customer(
            session, session.get_one(builders.Portfolio, card.portfolio_id), due_on=DUE
        )
        ids = card.customer_id, other.customer_id
    builders.close_day(engine, ON)
    now = builders.at(ON + timedelta(days=1))

    def case_of(session: Session, customer_id: int) -> CollectionsCase:
        return session.scalars(
            select(CollectionsCase).where(CollectionsCase.customer_id == customer_id)
        ).one()

    def missing(session: Session) -> set[str]:
        file = load_case_file(session, case_of(session, ids[0]), bundle_id="X", now=now)
        return {item.id for item in completeness(file) if not item.ok}

    def put(session: Session, customer_id: int) -> CaseDocument:
        case = case_of(session, customer_id)
        return add_document(
            session, case, DocumentKind.AGREEMENT, "a.pdf", PDF, dated_on=DUE, by=Actor.user("mei"), now=now
        )

    with transaction(engine) as session:
        assert "document.agreement" in missing(session)
        put(session, ids[0])
        put(session, ids[1])
        assert "document.agreement" not in missing(session)
        with pytest.raises(Conflict, match="on file already as document"):
            put(session, ids[0])
        with pytest.raises(Invalid, match="card number"):
            add_document(
                session, case_of(session, ids[0]), DocumentKind.OTHER, "4111111111111111.pdf", PDF,
                dated_on=DUE, by=Actor.user("mei"), now=now,
            )  # fmt: skip
    assert builders.count(engine, DocumentContent) == 1, "the same bytes are kept once"
    with transaction(engine) as session:
        [(document, content)] = standing_documents(session, ids[0])
        assert content == PDF
        withdraw_document(
            session, case_of(session, ids[0]), document, "wrong customer", by=Actor.user("lena"), now=now
        )
        assert "document.agreement" in missing(session)
        kinds = [DocumentAdded.KIND, DocumentWithdrawn.KIND]
        told = builders.events(session, *kinds, customer_id=ids[0])
        assert [(each["by"], each.get("reason", "")) for each in told] == [
            ("user:mei", ""),
            ("user:lena", "wrong customer"),
        ]


def test_withdrawn_documents_make_room_and_a_document_of_today_is_taken_in_every_zone(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.casework.documents.service.MOST_DOCUMENTS", 1)
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=ON)
        zone = session.get_one(builders.Portfolio, case.portfolio_id).timezone
        early = builders.at(ON, 0, 30, zone)

        def put(content: bytes, on: date) -> CaseDocument:
            return add_document(
                session,
                case,
                DocumentKind.OTHER,
                "a.pdf",
                content,
                dated_on=on,
                by=Actor.user("mei"),
                now=early,
            )

        first = put(PDF, ON)
        with pytest.raises(Conflict, match="Withdraw one first"):
            put(PDF + b"2", ON)
        withdraw_document(session, case, first, "wrong customer", by=Actor.user("lena"), now=early)
        put(PDF + b"2", ON)
        with pytest.raises(Invalid, match="future"):
            put(PDF + b"3", ON + timedelta(days=1))
