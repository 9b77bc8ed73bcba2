"""Work that the demo leaves for its visitor: a feed that waits, payments to match, an account that came wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from xml.sax.saxutils import escape

from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.actions.accounts.corrections import post_by_hand, waive
from app.actions.feeds.loads import load
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import AccountStatus, EntryKind, FeedKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import (
    CollectionsCase,
)
from app.casework.cases.rules import CaseStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.settings import Settings
from app.core.staff.rules import Role


def leave_for_the_visitor(
    engine: Engine, settings: Settings, portfolio: Portfolio, yesterday: date, now: datetime
) -> None:
    """Leave the work of this morning: money from the bank that does not say whose it is, a payments file with rows that
    cannot be loaded, and a fee that an agent asks to waive."""
    with transaction(engine) as session:
        query = (
            select(Account, Customer)
            .join(Customer, col(Customer.id) == Account.customer_id)
            .join(CollectionsCase, col(CollectionsCase.customer_id) == Customer.id)
            .where(CollectionsCase.status == CaseStatus.OPEN, Account.status == AccountStatus.ACTIVE)
            .order_by(col(CollectionsCase.priority).desc(), col(Account.id))
            .limit(4)
        )
        known = [(account, customer.full_name) for account, customer in session.execute(query)]
        if len(known) < 4:
            return
        fee = post_by_hand(
            session, known[3][0], EntryKind.FEE, 300, yesterday, "late fee",
            by=Actor.user("grace"), role=Role.MANAGER, now=now,
        )  # fmt: skip
        waive(
            session,
            fee,
            300,
            "Was in hospital when it fell due.",
            by=Actor.user("mei"),
            role=Role.AGENT,
            now=now,
        )
        refresh_touched(session, now)
    folder = settings.print_dir.parent / "feeds"
    bank, late = folder / "bank-credits.xml", folder / "late-payments.csv"
    (named, _), (swapped, _), (_, payer), _ = known
    wrong = swapped.reference[:-2] + swapped.reference[-1] + swapped.reference[-2]
    credits = (
        ("1200", f"Card {named.reference}", "T. Lin"),
        ("1000", f"Card {wrong}", "Formosa Trading"),
        ("2500", "credit card, thank you", payer),
    )
    bank.write_text(_notification(credits, yesterday), encoding="utf-8")
    late.write_text(
        "payment_ref,account_ref,paid_on,amount,method\n"
        f"LATE-1,{named.reference},{yesterday},150,counter\n"
        f"LATE-2,NOBODY-1,{yesterday},900,counter\n"
        f"LATE-3,{swapped.reference},{yesterday:%Y}-02-31,900,counter\n",
        encoding="utf-8",
    )
    for kind, path in ((FeedKind.CAMT054, bank), (FeedKind.PAYMENTS, late)):
        load(engine, kind, path, portfolio.code, rejects_dir=folder, by=Actor.user("grace"), now=now)


def _notification(credits: Sequence[tuple[str, str, str]], on: date) -> str:
    """A bank's camt.054 with one booked credit each of (amount, remittance text, payer)."""
    entries = "".join(
        f'<Ntry><Amt Ccy="TWD">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<ValDt><Dt>{on}</Dt></ValDt><AcctSvcrRef>FB{on:%Y%m%d}{n:04d}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<RltdPties><Dbtr><Pty><Nm>{escape(payer)}</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{escape(written)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for n, (amount, written, payer) in enumerate(credits, 1)
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>FB{on:%Y%m%d}</MsgId></GrpHdr><Ntfctn><Id>1</Id>{entries}</Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>"
    )
