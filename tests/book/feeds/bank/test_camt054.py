"""A bank tells of money that came: whose it is, what waits for a person, and what the bank takes back."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.feeds.loads import load
from app.book.feeds.bank import camt054
from app.book.feeds.bank.candidates import candidates, waiting, waiting_summary
from app.book.feeds.bank.matching import match_payment, return_payment
from app.book.feeds.events import PaymentMatched, PaymentUnmatched
from app.book.feeds.models import PayerAccount, UnmatchedPayment
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.rules import AccountStatus, EntryKind, FeedKind, UnmatchedStatus
from app.book.ledger.service import post_entry
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Invalid
from app.core.settings import get_settings
from app.core.timeline.models import Event
from tests import builders

PAYER = "DE89370400440532013000"
OTHER = "GB82WEST12345698765432"
CARD = "4111 1111 1111 1111"

Load = Callable[..., LoadReport]


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DESK_SECRET_KEY", "k" * 40)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def bank(engine: Engine, tmp_path: Path) -> Load:
    """Loads a notification with these entries into a book with accounts CARD-1001, CARD-1002 and CARD-2001."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        for name in ("CARD-1001", "CARD-1002", "CARD-2001"):
            builders.account(session, builders.customer(session, book), reference=name)
        session.execute(sa.delete(LedgerChange))

    def run(*entries: str, raw: str | None = None, version: str = "08") -> LoadReport:
        path = tmp_path / "camt.xml"
        path.write_text(raw if raw is not None else notification(*entries, version=version), encoding="utf-8")
        report = load(
            engine,
            FeedKind.CAMT054,
            path,
            builders.BOOK,
            rejects_dir=tmp_path / "rejects",
            by=Actor.user("ann"),
            now=builders.NOW,
        )
        assert report.read == report.loaded + report.unchanged + report.conflicts + report.rejected
        return report

    return run


def notification(*entries: str, version: str = "08") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.{version}"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>MSG-1</MsgId><CreDtTm>2026-02-20T06:00:00</CreDtTm></GrpHdr><Ntfctn><Id>N1</Id>"
        f"<Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct>{''.join(entries)}</Ntfctn>"
        f"</BkToCstmrDbtCdtNtfctn></Document>"
    )


def entry(
    *details: str,
    amount: str = "45.00",
    ref: str = "BANK-1",
    direction: str = "CRDT",
    status: str = "<Sts><Cd>BOOK</Cd></Sts>",
    on: str = "2026-02-20",
    extra: str = "",
    currency: str = "CNY",
) -> str:
    inner = f"<NtryDtls>{''.join(details)}</NtryDtls>" if details else ""
    return (
        f'<Ntry><NtryRef>1</NtryRef><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        f"{extra}{status}<BookgDt><Dt>2026-02-21</Dt></BookgDt><ValDt><Dt>{on}</Dt></ValDt>"
        f"<AcctSvcrRef>{ref}</AcctSvcrRef>{inner}</Ntry>"
    )


def details(
    *,
    text: str = "",
    structured: str = "",
    end_to_end: str = "NOTPROVIDED",
    ref: str = "",
    amount: str = "",
    payer: str = "J. Example",
    iban: str = PAYER,
    returned: str = "",
) -> str:
    own = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    told = f'<Amt Ccy="CNY">{amount}</Amt>' if amount else ""
    strd = f"<Strd><CdtrRefInf><Ref>{structured}</Ref></CdtrRefInf></Strd>" if structured else ""
    ustrd = f"<Ustrd>{text}</Ustrd>" if text else ""
    back = f"<RtrInf><Rsn><Cd>{returned}</Cd></Rsn></RtrInf>" if returned else ""
    return (
        f"<TxDtls><Refs>{own}<EndToEndId>{end_to_end}</EndToEndId></Refs>{told}<RltdPties><Dbtr><Pty>"
        f"<Nm>{payer}</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf>{ustrd}{strd}</RmtInf>{back}</TxDtls>"
    )


def posted(session: Session) -> list[tuple[str, str, str, int]]:
    """(account, reference, kind, amount) of every entry, in order."""
    query = (
        select(Account.reference, Entry.reference, Entry.kind, Entry.amount_minor)
        .join(Account, col(Account.id) == Entry.account_id)
        .order_by(col(Entry.id))
    )
    return [(account, ref, kind.value, amount) for account, ref, kind, amount in session.execute(query)]


def waits(session: Session) -> UnmatchedPayment:
    return session.scalars(select(UnmatchedPayment)).one()


def account(session: Session, reference: str) -> Account:
    return session.scalars(select(Account).where(Account.reference == reference)).one()


def rejects(report: LoadReport) -> str:
    assert report.rejects_file
    return Path(report.rejects_file).read_text()


# --- by reference -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ({"structured": "CARD-1001"}, "structured reference"),
        ({"structured": "card 1001"}, "structured reference"),
        ({"structured": "RF77CARD1001"}, "structured reference"),
        ({"text": "RF77 CARD1 001 thank you"}, "remittance text"),
        ({"end_to_end": "CARD-1001"}, "end-to-end id"),
        ({"text": "payment for CARD-1001, thanks"}, "remittance text"),
        ({"text": "/ROC/CARD1001//"}, "remittance text"),
        ({"structured": "CARD-1001", "text": "not CARD-1002"}, "structured reference"),
        ({"structured": "INVOICE 7", "text": "CARD-1001"}, "remittance text"),
    ],
)
def test_a_payment_that_names_its_account_is_posted_to_it(
    bank: Load, engine: Engine, what: dict[str, str], where: str
) -> None:
    report = bank(entry(details(**what)))
    assert (report.loaded, report.rejected) == (1, 0)
    with transaction(engine) as session:
        assert posted(session) == [("CARD-1001", "BANK-1", "payment", -4_500)]
        made = session.scalars(select(Entry)).one()
        assert (made.effective_on, made.source) == (date(2026, 2, 20), "feed:camt054")
        event = session.scalars(select(Event).where(Event.kind == PaymentMatched.KIND)).one()
        assert f"CARD-1001 in the {where}" in event.data
        assert session.scalars(select(LedgerChange)).one().earliest_on == date(2026, 2, 20)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (
            {"structured": "CARD-1001 CARD-1002"},
            "the structured reference names 2 accounts: CARD-1001, CARD-1002",
        ),
        ({"text": "my card"}, "no account is named in it and its bank account has not paid before"),
        ({"text": "CARD 1O01"}, "no account is named in it"),
        ({"structured": "RF11CARD1001"}, "no account is named in it"),
    ],
)
def test_a_payment_that_names_none_or_several_waits_with_the_reason(
    bank: Load, engine: Engine, what: dict[str, str], why: str
) -> None:
    assert bank(entry(details(**what))).loaded == 1
    with transaction(engine) as session:
        assert posted(session) == []
        one = waits(session)
        assert one.why.startswith(why)
        assert (one.amount_minor, one.payer_name, one.payer_account) == (4_500, "J. Example", "**** 3000")
        assert PAYER not in (one.payer_key, one.remittance)
        assert session.scalars(select(Event.kind).where(Event.kind == PaymentUnmatched.KIND)).all()


def test_a_year_or_house_number_in_the_text_is_not_taken_for_an_account(bank: Load, engine: Engine) -> None:
    with transaction(engine) as session:
        book = account(session, "CARD-1001")
        other = builders.customer(session, _portfolio(session))
        builders.account(session, other, reference="2026")
        assert book
    bank(entry(details(text="rent 2026")))
    bank(entry(details(structured="2026"), ref="BANK-2"))
    with transaction(engine) as session:
        assert posted(session) == [("2026", "BANK-2", "payment", -4_500)]


def _portfolio(session: Session) -> builders.Portfolio:
    return session.scalars(select(builders.Portfolio)).one()


# --- by payer and amount ------------------------------------------------------------------------------


def test_a_payer_known_from_before_is_recognised_by_account_and_amount(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001")))
    bank(entry(details(text="same again"), ref="BANK-2"))
    bank(entry(details(text="other amount"), ref="BANK-3", amount="46.00"))
    with transaction(engine) as session:
        assert [ref for _, ref, _, _ in posted(session)] == ["BANK-1", "BANK-2"]
        assert "neither what it paid last nor an amount that account owes" in waits(session).why
        payer = session.scalars(select(PayerAccount)).one()
        assert (payer.last_amount_minor, len(payer.payer_key)) == (4_500, 64)


def test_a_known_payer_may_pay_what_the_last_statement_asks(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001")))
    with transaction(engine) as session:
        builders.statement(session, account(session, "CARD-1001"), date(2026, 2, 1), date(2026, 2, 25), 5_000)
    bank(entry(details(), ref="BANK-2", amount="50.00"), entry(details(), ref="BANK-3", amount="1000.00"))
    with transaction(engine) as session:
        assert [ref for _, ref, _, _ in posted(session)] == ["BANK-1", "BANK-2", "BANK-3"]
        events = session.scalars(select(Event.data).where(Event.kind == PaymentMatched.KIND)).all()
        assert "this is the minimum of its last statement" in events[1]
        assert "this is the balance of its last statement" in events[2]


def test_a_payer_of_two_accounts_is_for_a_person_to_say(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001")), entry(details(text="CARD-1002"), ref="BANK-2"))
    bank(entry(details(), ref="BANK-3"))
    with transaction(engine) as session:
        assert "has paid for several: CARD-1001, CARD-1002" in waits(session).why


def test_without_a_secret_payers_are_not_remembered(
    bank: Load, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_SECRET_KEY", "")
    get_settings.cache_clear()
    bank(entry(details(text="CARD-1001")))
    with transaction(engine) as session:
        assert session.scalars(select(PayerAccount)).all() == []


# --- accounts that ended -------------------------------------------------------------------------------


def test_money_after_a_charge_off_is_a_recovery_and_for_a_sold_account_waits(
    bank: Load, engine: Engine
) -> None:
    with transaction(engine) as session:
        gone, sold = account(session, "CARD-1001"), account(session, "CARD-1002")
        gone.status, gone.ended_on = AccountStatus.CHARGED_OFF, date(2026, 2, 1)
        sold.status, sold.ended_on = AccountStatus.SOLD, date(2026, 2, 1)
        for kind in (EntryKind.OPENING_BALANCE, EntryKind.WRITE_OFF):
            builders.entry(session, gone, kind, 90_000, date(2026, 2, 1))
    bank(entry(details(text="CARD-1001")), entry(details(text="CARD-1002"), ref="BANK-2"))
    with transaction(engine) as session:
        assert [each for each in posted(session) if each[1].startswith("BANK")] == [
            ("CARD-1001", "BANK-1", "recovery", -4_500),
            ("CARD-1001", "BANK-1:reinstated", "adjustment", 4_500),
        ]
        assert waits(session).why == "account CARD-1002 was sold: the money may be the buyer's"


# --- batches, twice, broken -----------------------------------------------------------------------------


def test_a_batch_is_as_many_payments_as_it_has_transactions(bank: Load, engine: Engine) -> None:
    parts = [
        details(text="CARD-1001", amount="10.00", ref="T1"),
        details(text="CARD-1002", amount="20.00"),
        details(text="CARD-2001", amount="15.00"),
    ]
    batch = entry(*parts, amount="45.00", ref="BATCH")
    sum_only = entry("<Btch><NbOfTxs>7</NbOfTxs></Btch>", amount="70.00", ref="SUM")
    assert bank(batch, sum_only).loaded == 4
    with transaction(engine) as session:
        assert [(ref, amount) for _, ref, _, amount in posted(session)] == [
            ("T1", -1_000),
            ("BATCH/2", -2_000),
            ("BATCH/3", -1_500),
        ]
        assert waits(session).why == "the bank tells only the sum of a batch of 7 payments"


def test_the_same_file_again_changes_nothing_and_another_amount_is_a_conflict(
    bank: Load, engine: Engine
) -> None:
    both = (entry(details(text="CARD-1001")), entry(details(text="who am I"), ref="BANK-2"))
    assert bank(*both).loaded == 2
    again = bank(*both, entry(details(text="CARD-1001"), ref="BANK-3"))
    assert (again.loaded, again.unchanged) == (1, 2)
    changed = bank(
        entry(details(text="CARD-1001"), amount="46.00"), entry(details(), ref="BANK-2", on="2026-02-19")
    )
    assert (changed.conflicts, changed.rejected) == (2, 0)
    assert "another amount" in rejects(changed)
    assert "another date" in rejects(changed)


@pytest.mark.parametrize(
    ("bad", "element", "reason"),
    [
        (entry(status="<Sts>PDNG</Sts>"), "Sts", "is not booked: PDNG"),
        (entry(direction="DBIT"), "CdtDbtInd", "is no payment: a debit"),
        (entry(extra="<RvslInd>true</RvslInd>"), "CdtDbtInd", "is no payment: a debit taken back"),
        (entry(currency="EUR"), "Amt", "is in EUR, the portfolio's currency is CNY"),
        (entry(amount="1.234"), "Amt", "CNY has 2 decimals"),
        (entry(amount="NaN"), "Amt", "not a decimal amount"),
        (entry(amount="0"), "Amt", "of a payment must be positive"),
        (entry(on="2026-02-31"), "ValDt/Dt", "is not a date"),
    ],
)
def test_what_is_no_payment_is_rejected_by_name_and_the_rest_is_loaded(
    bank: Load, bad: str, element: str, reason: str
) -> None:
    report = bank(bad, entry(details(text="CARD-1001"), ref="GOOD"))
    assert (report.read, report.loaded, report.rejected) == (2, 1, 1)
    line = rejects(report).splitlines()[1]
    assert line.startswith(f"1,{element},")
    assert reason in line


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("not xml", "is not XML"),
        ("", "is not XML"),
        ("<html/>", "is not an ISO 20022 camt.054 file: its root is 'html'"),
        (
            notification().replace("camt.054.001.08", "camt.053.001.02"),
            "is camt.053.001.02, which lists the same money again. Load a camt.054 credit notification",
        ),
        (notification().replace("camt.054.001.08", "camt.054.001.01"), "is camt.054.001.01"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "declares XML entities or a document type"),
    ],
)
def test_a_file_that_is_no_camt054_is_refused_by_name(bank: Load, raw: str, message: str) -> None:
    with pytest.raises(Invalid, match=message.replace("[", r"\[")):
        bank(raw=raw)


@pytest.mark.parametrize("version", ["02", "04", "13"])
def test_versions_02_to_13_are_read(bank: Load, engine: Engine, version: str) -> None:
    old = (
        entry(details(text="CARD-1001"), status="<Sts>BOOK</Sts>").replace("<Pty>", "").replace("</Pty>", "")
    )
    assert bank(old, version=version).loaded == 1
    with transaction(engine) as session:
        assert len(posted(session)) == 1


def test_a_file_that_breaks_off_keeps_what_came_before(bank: Load, engine: Engine) -> None:
    whole = notification(entry(details(text="CARD-1001")), entry(details(text="CARD-1002"), ref="BANK-2"))
    with pytest.raises(DeskError, match="breaks off after 1 transactions"):
        bank(raw=whole[: whole.index("BANK-2")])
    with transaction(engine) as session:
        assert [ref for _, ref, _, _ in posted(session)] == ["BANK-1"]
    again = bank(raw=whole)
    assert (again.loaded, again.unchanged) == (1, 1)
    with transaction(engine) as session:
        assert [ref for _, ref, _, _ in posted(session)] == ["BANK-1", "BANK-2"]


def test_a_packed_file_is_read_and_a_resumed_one_goes_on_where_it_stood(
    bank: Load, engine: Engine, tmp_path: Path
) -> None:
    three = notification(*(entry(details(text="CARD-1001"), ref=f"BANK-{n}") for n in range(3)))
    path = tmp_path / "camt.xml.gz"
    path.write_bytes(gzip.compress(three.encode()))
    with transaction(engine) as session:
        (batch,) = camt054.batches(path, path.name, _portfolio(session), "", skip=1)
    assert [row.line for row in batch.rows] == [2, 3]
    assert (batch.read, batch.first_line) == (2, 2)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DeskError, match="camt.xml.gz"), transaction(engine) as session:
        list(camt054.batches(path, path.name, _portfolio(session), ""))


def test_a_card_number_is_blotted_out_and_the_payment_kept(bank: Load, engine: Engine) -> None:
    bank(
        entry(details(text=f"card {CARD} 12/27 CARD-1001")),
        entry(details(text=f"{CARD} Anna", payer=f"Anna {CARD}"), ref="BANK-2"),
        entry(details(text="CARD-1001"), ref=CARD.replace(" ", "")),
    )
    with transaction(engine) as session:
        references = [ref for _, ref, _, _ in posted(session)]
        assert references[0] == "BANK-1"
        assert references[1].startswith("bank:")
        one = waits(session)
        assert one.remittance == "[card number removed] Anna"
        assert one.payer_name == "Anna [card number removed]"


# --- references that are none, come twice, or overlap -----------------------------------------------------


def test_entries_under_a_placeholder_are_a_payment_each_and_the_same_again_is_none(
    bank: Load, engine: Engine
) -> None:
    three = (
        entry(details(text="CARD-1001", end_to_end="E-A"), ref="NONREF"),
        entry(details(text="CARD-1002", end_to_end="E-B"), ref="NONREF"),
        entry(details(text="CARD-2001", end_to_end="E-C"), ref="NONREF", amount="60.00"),
    )
    assert bank(*three).loaded == 3
    assert bank(*three, entry(details(text="CARD-1001", end_to_end="E-D"), ref="n/a")).loaded == 1
    assert bank(*three[1:], raw=notification(*three[1:]).replace("MSG-1", "MSG-2")).unchanged == 2
    with transaction(engine) as session:
        assert [(name, amount) for name, _, _, amount in posted(session)] == [
            ("CARD-1001", -4_500),
            ("CARD-1002", -4_500),
            ("CARD-2001", -6_000),
            ("CARD-1001", -4_500),
        ]


def test_two_payments_that_look_alike_in_one_file_are_two(bank: Load, engine: Engine) -> None:
    one = entry(details(text="CARD-1001"), ref="NOTPROVIDED")
    assert bank(one, one).loaded == 2
    assert bank(one, one).unchanged == 2
    assert bank(raw=notification(one, one, one).replace("MSG-1", "MSG-2")).loaded == 1
    with transaction(engine) as session:
        assert len(posted(session)) == 3


def test_a_reference_that_a_file_repeats_is_a_payment_each_time(bank: Load, engine: Engine) -> None:
    anna, bob = entry(details(text="CARD-1001")), entry(details(text="CARD-1002"), amount="60.00")
    assert bank(anna).loaded == 1
    again = bank(raw=notification(bob, anna).replace("MSG-1", "MSG-2"))
    assert (again.loaded, again.unchanged, again.conflicts) == (1, 1, 0)
    with transaction(engine) as session:
        assert [(name, amount) for name, _, _, amount in posted(session)] == [
            ("CARD-1001", -4_500),
            ("CARD-1002", -6_000),
        ]


def test_a_reference_that_another_file_uses_for_another_payer_is_told(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001", end_to_end="E-1")))
    other = bank(entry(details(text="CARD-1002", end_to_end="E-2", iban=OTHER)))
    assert (other.loaded, other.conflicts) == (0, 1)
    assert "already loaded for another payer or with another text" in rejects(other)
    richer = entry(details(text="CARD-1001 thank you", end_to_end="E-1"))
    assert bank(richer).unchanged == 1


@pytest.mark.parametrize("pages", ["MsgPgntn", "NtfctnPgntn"])
def test_the_pages_of_a_message_hold_different_payments(bank: Load, engine: Engine, pages: str) -> None:
    def page(number: int) -> str:
        pagination = f"<{pages}><PgNb>{number}</PgNb><LastPgInd>false</LastPgInd></{pages}>"
        whole = notification(entry(details(text="CARD-1001"), ref="NONREF"))
        behind = "</MsgId>" if pages == "MsgPgntn" else "<Id>N1</Id>"
        return whole.replace(behind, behind + pagination)

    assert [bank(raw=page(number)).loaded for number in (2, 1, 3)] == [1, 1, 1]
    assert [bank(raw=page(number) + " ").unchanged for number in (1, 2, 3)] == [1, 1, 1]
    with transaction(engine) as session:
        assert len(posted(session)) == 3


def test_what_an_earlier_release_stored_under_a_placeholder_is_not_loaded_again(
    bank: Load, engine: Engine
) -> None:
    with transaction(engine) as session:
        on = date(2026, 2, 20)
        post_entry(
            session,
            account(session, "CARD-1001"),
            EntryKind.PAYMENT,
            4_500,
            effective_on=on,
            posted_on=on,
            reference="NONREF",
            description="bank credit E-A",
            by=Actor("feed:camt054"),
            now=builders.NOW,
        )
    lost = entry(details(text="CARD-1002", end_to_end="E-B"), ref="NONREF")
    report = bank(entry(details(text="CARD-1001", end_to_end="E-A"), ref="NONREF"), lost)
    assert (report.loaded, report.unchanged) == (1, 1)
    with transaction(engine) as session:
        assert [name for name, _, _, _ in posted(session)] == ["CARD-1001", "CARD-1002"]


# --- batches -----------------------------------------------------------------------------------------------


def test_what_a_batch_does_not_detail_waits_and_is_counted(bank: Load, engine: Engine) -> None:
    batch = entry(
        "<Btch><NbOfTxs>3</NbOfTxs></Btch>",
        details(text="CARD-1001", amount="100.00"),
        details(text="CARD-1002", amount="100.00"),
        amount="300.00",
    )
    assert bank(batch).loaded == 3
    assert bank(batch, entry(details(), ref="NEXT")).unchanged == 3
    with transaction(engine) as session:
        assert [(name, amount) for name, _, _, amount in posted(session)] == [
            ("CARD-1001", -10_000),
            ("CARD-1002", -10_000),
        ]
        rest = session.scalars(select(UnmatchedPayment).order_by(col(UnmatchedPayment.id))).first()
        assert rest is not None
        assert (rest.amount_minor, rest.why) == (10_000, "the bank does not detail 100.00 of a batch of 3")


def test_the_direction_is_what_was_booked(bank: Load) -> None:
    out = bank(
        entry(details(text="CARD-1001", amount="3.00") + "<CdtDbtInd>CRDT</CdtDbtInd>", direction="DBIT")
    )
    assert (out.loaded, out.rejected) == (0, 1)
    assert "is no payment: a debit" in rejects(out)
    came = details(text="CARD-1001").replace("<RltdPties>", "<CdtDbtInd>DBIT</CdtDbtInd><RltdPties>", 1)
    assert bank(entry(came, ref="BANK-2")).loaded == 1


def test_charges_that_the_bank_kept_are_told(bank: Load, engine: Engine) -> None:
    charges = '<Chrgs><Rcrd><Amt Ccy="CNY">26.00</Amt></Rcrd></Chrgs><RltdPties>'
    part = details(text="CARD-1001", amount="1500.00").replace("<RltdPties>", charges, 1)
    bank(entry(part, amount="1474.00"))
    with transaction(engine) as session:
        made = session.scalars(select(Entry)).one()
        assert made.amount_minor == -147_400
        assert made.description == "bank credit; 1500.00 was sent, 1474.00 was booked; charges of 26.00"


# --- what the bank takes back ----------------------------------------------------------------------------


def test_a_returned_payment_is_reversed_once(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001", end_to_end="E-1")), entry(details(text="CARD-1001"), ref="BANK-2"))
    back = entry(details(end_to_end="E-1", returned="AC04"), direction="DBIT", ref="BACK-1", on="2026-02-25")
    assert bank(back).loaded == 1
    assert bank(back).unchanged == 1
    with transaction(engine) as session:
        assert posted(session)[2:] == [("CARD-1001", "BANK-1:reversal", "reversal", 4_500)]
        mirror = session.scalars(select(Entry).where(Entry.kind == EntryKind.REVERSAL)).one()
        assert mirror.description == "returned by the bank: BACK-1 AC04"
        assert mirror.effective_on == date(2026, 2, 25)


def test_a_reversal_names_the_reference_it_takes_back(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001", ref="T1")))
    assert bank(entry(details(ref="T1"), direction="DBIT", extra="<RvslInd>true</RvslInd>")).loaded == 1
    with transaction(engine) as session:
        assert posted(session)[1] == ("CARD-1001", "T1:reversal", "reversal", 4_500)


@pytest.mark.parametrize(
    ("family", "code", "is_back"),
    [("RDDT", "UPDD", True), ("RCHQ", "UPCQ", True), ("ICDT", "RRTN", True), ("IDDT", "PMDD", False)],
)
@pytest.mark.parametrize("of_entry", [True, False])
def test_a_bank_may_say_only_by_a_code_that_a_payment_comes_back(
    bank: Load, engine: Engine, family: str, code: str, is_back: bool, of_entry: bool
) -> None:
    bank(entry(details(text="CARD-1001", end_to_end="E-1")))
    domain = f"<Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{code}</SubFmlyCd></Fmly>"
    told = f"<BkTxCd><Domn>{domain}</Domn></BkTxCd>"
    part = details(end_to_end="E-1")
    part = part if of_entry else part.replace("</Refs>", f"</Refs>{told}", 1)
    back = entry(part, direction="DBIT", ref="BACK-1", on="2026-02-25", extra=told if of_entry else "")
    assert (bank(back).loaded, bank(back).unchanged) == ((1, 1) if is_back else (0, 0))
    with transaction(engine) as session:
        assert len(posted(session)) == 1 + is_back


def test_a_return_with_charges_reverses_the_original_amount_and_tells_the_charges(
    bank: Load, engine: Engine
) -> None:
    bank(entry(details(text="CARD-1001", end_to_end="COLL-77"), amount="100.00"))
    told = (
        '<AmtDtls><InstdAmt><Amt Ccy="CNY">100.00</Amt></InstdAmt></AmtDtls>'
        '<Chrgs><Rcrd><Amt Ccy="CNY">3.50</Amt></Rcrd></Chrgs><RltdPties>'
    )
    part = details(end_to_end="COLL-77", returned="MS03").replace("<RltdPties>", told, 1)
    back = entry(part, direction="DBIT", ref="NONREF", amount="103.50")
    assert bank(back).loaded == 1
    assert bank(back, entry(details(), ref="NEXT")).unchanged == 1
    with transaction(engine) as session:
        (_, _, _, amount) = posted(session)[1]
        assert amount == 10_000
        mirror = session.scalars(select(Entry).where(Entry.kind == EntryKind.REVERSAL)).one()
        assert mirror.description.endswith("MS03; the bank charged 3.50 for it")


def test_a_return_that_could_mean_two_payments_is_for_a_person(bank: Load) -> None:
    bank(entry(details(text="CARD-1001")), entry(details(text="CARD-1001"), ref="BANK-2"))
    back = entry(details(returned="MS03"), direction="DBIT", ref="BACK-1")
    assert "2 payments of this amount could be meant" in rejects(bank(back))
    unknown = entry(details(returned="MS03", iban=OTHER), direction="DBIT", ref="BACK-2", amount="1.00")
    assert "no payment of this amount could be meant" in rejects(bank(unknown))


def test_a_payment_that_waits_and_is_taken_back_waits_no_more(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="?", ref="T1")))
    back = entry(details(ref="T1"), direction="DBIT", extra="<RvslInd>true</RvslInd>")
    assert (bank(back).loaded, bank(back).unchanged) == (1, 1)
    with transaction(engine) as session:
        assert waits(session).status is UnmatchedStatus.RETURNED


# --- a person decides -------------------------------------------------------------------------------------


def test_a_person_matches_and_the_payer_is_known_from_then_on(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="who am I")))
    with transaction(engine) as session:
        made = match_payment(
            session, waits(session), account(session, "CARD-2001"), by=Actor.user("ann"), now=builders.NOW
        )
        assert (made.reference, made.amount_minor, made.source) == ("BANK-1", -4_500, "user:ann")
    with transaction(engine) as session:
        one = waits(session)
        assert (one.status, one.decided_by, one.entry_id) == (UnmatchedStatus.MATCHED, "user:ann", made.id)
        assert waiting(session, one.portfolio_id) == []
        with pytest.raises(Conflict, match="matched already, by user:ann"):
            match_payment(session, one, account(session, "CARD-1001"), by=Actor.user("bob"), now=builders.NOW)
        with pytest.raises(Conflict, match="matched already"):
            return_payment(session, one, "not ours", by=Actor.user("bob"), now=builders.NOW)
    bank(entry(details(text="me again"), ref="BANK-2"))
    with transaction(engine) as session:
        assert posted(session)[1] == ("CARD-2001", "BANK-2", "payment", -4_500)


def test_a_person_sends_it_back_with_a_reason(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="who am I")))
    with transaction(engine) as session:
        one = waits(session)
        summary = waiting_summary(session, one.portfolio_id)
        assert (summary.count, summary.amount_minor, summary.oldest_paid_on) == (1, 4_500, date(2026, 2, 20))
        with pytest.raises(Invalid, match="Say why"):
            return_payment(session, one, "  ", by=Actor.user("ann"), now=builders.NOW)
        with pytest.raises(Invalid, match="full card number"):
            return_payment(session, one, f"paid with {CARD}", by=Actor.user("ann"), now=builders.NOW)
        return_payment(session, one, "a stranger's", by=Actor.user("ann"), now=builders.NOW)
    with transaction(engine) as session:
        assert (waits(session).status, waits(session).note) == (UnmatchedStatus.RETURNED, "a stranger's")
        assert waiting_summary(session, waits(session).portfolio_id).count == 0
        last = session.scalars(
            select(Event.data).where(Event.kind == PaymentUnmatched.KIND).order_by(col(Event.id).desc())
        ).first()
        assert last is not None
        assert '"outcome":"returned"' in last


def test_two_people_cannot_both_post_it(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="who am I")))
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def match(reference: str) -> None:
        start.wait()
        try:
            with transaction(engine) as session:
                match_payment(
                    session, waits(session), account(session, reference), by=reference, now=builders.NOW
                )
            outcomes.append("posted")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=match, args=(name,)) for name in ("CARD-1001", "CARD-1002")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "posted"]
    with transaction(engine) as session:
        assert len(posted(session)) == 1


def test_candidates_come_with_their_reasons(bank: Load, engine: Engine) -> None:
    bank(entry(details(text="CARD-1001", iban=OTHER)))
    with transaction(engine) as session:
        named = builders.customer(session, _portfolio(session), full_name="Joan Example")
        builders.account(session, named, reference="88123456")
        due = account(session, "CARD-1002")
        builders.statement(session, due, date(2026, 2, 1), date(2026, 2, 25), 7_700)
    bank(
        entry(
            details(text="88123465 or CARD-1002 or CARD-1001", payer="EXAMPLE JOAN", iban=OTHER),
            ref="BANK-2",
            amount="77.00",
        )
    )
    with transaction(engine) as session:
        found = {c.reference: c.reasons for c in candidates(session, waits(session))}
        assert found == {
            "CARD-1001": ("this bank account has paid for it before", "CARD-1001 is named"),
            "CARD-1002": ("CARD-1002 is named", "the amount is the minimum of its last statement"),
            "88123456": (
                "88123456 is one character from what is named",
                "the payer has the cardholder's name",
            ),
        }


@pytest.mark.parametrize("text", ["Card CARD-1009", "card 1009", "/ROC/CARD1009//"])
def test_an_account_that_does_not_exist_is_said_to_be_named_and_the_payer_does_not_decide(
    bank: Load, engine: Engine, text: str
) -> None:
    bank(entry(details(text="CARD-1001")))
    bank(entry(details(text=text), ref="BANK-2"))
    with transaction(engine) as session:
        assert waits(session).why == "account CARD1009 is named; no such account"


@pytest.mark.parametrize(
    ("customer", "payer"),
    [
        ("黃明宏", "黃明宏"),
        ("José García", "GARCIA, JOSE"),
        ("Bjørn Åsen", "MR BJORN ASEN"),
        ("Anna-Maria Weiß", "ANNA MARIA WEISS"),
    ],
)
def test_the_only_debtor_with_the_payers_name_is_suggested(
    bank: Load, engine: Engine, customer: str, payer: str
) -> None:
    with transaction(engine) as session:
        for n, debt in ((1, 10_000), (2, 0)):
            holder = builders.customer(session, _portfolio(session), full_name=customer)
            card = builders.account(session, holder, reference=f"88000{n}")
            if debt:
                builders.entry(session, card, EntryKind.PURCHASE, debt, date(2026, 1, 1))
    bank(entry(details(text="thanks", payer=payer)))
    with transaction(engine) as session:
        first, second = candidates(session, waits(session))
        assert first.reference == "880001"
        assert "no other customer with open debt has this name" in first.reasons
        assert second.reasons == ("the payer has the cardholder's name",)
