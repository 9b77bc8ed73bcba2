"""`desk demo`: a department that has been at work for weeks, on real accounts, ready in under a minute.

Everything goes through the same feeds, days, gate, outbox and services as in production; only the clock, the
people and the SMS and e-mail providers are simulated. The legal desk is the real reference receiver.
"""

from __future__ import annotations

import csv
import gzip
import random
import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import structlog
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from sqlalchemy import or_
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select
from starlette.types import ASGIApp

from app.actions.agreements import accept_offer, offer_plan, promise
from app.actions.corrections import post_by_hand, reverse_entry, waive
from app.actions.documents import add_document
from app.actions.holds import place_hold
from app.book.feeds.service import load
from app.book.ledger.models import Account, Customer, Entry, Portfolio
from app.book.ledger.rules import AccountStatus, CollectorKind, EntryKind, FeedKind
from app.book.ledger.service import add_portfolio, post_entry
from app.casework.cases.calls import CallResult
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import (
    add_note,
    log_call,
    set_callback,
)
from app.casework.cases.standing import Standing, as_of_now
from app.casework.documents.rules import DocumentKind
from app.casework.holds.models import CaseHold
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import InstalmentTerms
from app.core import schema
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock, SystemClock, local_date
from app.core.db import make_engine, transaction
from app.core.errors import DeskError
from app.core.ids import id_of
from app.core.kit.processes import finish
from app.core.settings import ROOT, PostAdapter, Settings
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.http.ports import Ports
from app.legal.bundle.bag import public_key_pem
from app.legal.bundle.service import build_bundle
from app.legal.checklists.items import gaps, stops
from app.legal.checklists.loading import checklist_of
from app.legal.handover.service import hand_over
from app.legal.referrals.models import Referral, ReferralStatus
from app.legal.referrals.service import decide
from app.operations.day.closing import DayReport
from app.outreach.gate.consent import set_consent
from app.outreach.gate.explain import explain
from app.policy.answers import Clearance
from app.programs.demo.playback import DemoSender, play_days
from app.programs.jobs import Worker, start
from app.programs.ports import make_ports
from app.programs.serving import serve_app
from app.programs.web import create_app
from reference.legal_desk.receiver import create_legal_desk

SAMPLE = Path(__file__).parent / "sample"
STORY_ENDS = date(2005, 9, 23)
"""Two days after a due date was missed: tonight's first reminders are about to leave."""
DAYS_LIVED = 32
CODE = "FORMOSA"
STAFF = (
    ("mei", "Mei Tanaka", Role.AGENT),
    ("jonas", "Jonas Berg", Role.AGENT),
    ("priya", "Priya Rao", Role.AGENT),
    ("grace", "Grace Okafor", Role.MANAGER),
    ("lena", "Lena Vogel", Role.LEGAL),
    ("root", "Robin Adler", Role.ADMIN),
)


def run_demo(*, port: int, serve: bool, accounts: int, home: Path) -> None:
    """Build the demo from nothing in the folder `home`, print who can sign in, and serve it."""
    started = time.perf_counter()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("error"),
    )
    _clear(home)
    key_file = _make_key(home)
    legal_port = _free_port()
    settings = Settings(
        database_url=f"sqlite:///{home / 'desk.db'}",
        secret_key=SecretStr(secrets.token_urlsafe(32)),
        public_url=f"http://127.0.0.1:{port}",
        post=PostAdapter.PRINT,
        print_dir=home / "print",
        upload_dir=home / "uploads",
        legal_url=f"http://127.0.0.1:{legal_port}",
        bundle_key=SecretStr(str(key_file)),
    )
    _write_env(home, settings)
    ports = make_ports(settings)
    assert ports.seal is not None
    _serve_in_background(create_legal_desk(home / "legal-desk", [public_key_pem(ports.seal.key)]), legal_port)
    passwords = _build(settings, ports, accounts)
    _say(f"Ready after {time.perf_counter() - started:.0f} s.\n")
    _introduce(port, passwords, home)
    if serve:
        _serve(settings, ports, port)


def _clear(home: Path) -> None:
    """An empty folder for the demo. Only what a demo made is replaced. DeskError for anybody else's folder."""
    if home.is_dir() and any(home.iterdir()) and not (home / "demo.env").exists():
        raise DeskError(f"{home} holds something that no demo made. Name another folder with --dir.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def _build(settings: Settings, ports: Ports, accounts: int) -> Mapping[str, str]:
    """Load the sample and live through its last weeks. Returns passwords by user name."""
    now = SystemClock().now()
    # Nothing is lost if the machine stops while a demo is being built: it is built again from nothing.
    engine = make_engine(settings.database_url, durable=False)
    schema.upgrade(engine)
    with transaction(engine) as session:
        portfolio = add_portfolio(
            session,
            CODE,
            creditor="Formosa Card Bank",
            currency="TWD",
            timezone="Asia/Taipei",
            pack="tw",
            collector=CollectorKind.FIRST_PARTY,
            contact_phone="+886 2 5550 0100",
            contact_email="help@formosa.example.com",
            legal_min_minor=3000,
            by=SYSTEM,
            now=now,
        )
        passwords = _hire(session, now)
    yesterday = local_date(now, portfolio.timezone) - timedelta(days=1)
    shift = yesterday - STORY_ENDS
    _load_sample(engine, settings, shift, accounts, now)
    _live(engine, ports, portfolio, yesterday, now)
    _leave_for_the_visitor(engine, settings, portfolio, yesterday, now)
    engine.dispose()
    return passwords


def _hire(session: Session, now: datetime) -> dict[str, str]:
    passwords = {}
    for username, name, role in STAFF:
        passwords[username] = secrets.token_urlsafe(10)
        add_user(session, username, name, role, passwords[username], by=SYSTEM, now=now)
    return passwords


# --- the sample -----------------------------------------------------------------------------------------------

DATED = {
    FeedKind.ACCOUNTS: ("opened_on",),
    FeedKind.STATEMENTS: ("closing_on", "due_on"),
    FeedKind.TRANSACTIONS: ("posted_on",),
    FeedKind.PAYMENTS: ("paid_on",),
}


def _load_sample(engine: Engine, settings: Settings, shift: timedelta, accounts: int, now: datetime) -> None:
    """Write the sample's feeds with shifted dates and load them like any creditor's."""
    folder = settings.print_dir.parent / "feeds"
    folder.mkdir(exist_ok=True)
    chosen: set[str] = set()
    for kind in DATED:
        path = folder / f"{kind.value}.csv"
        with (
            gzip.open(SAMPLE / f"{kind.value}.csv.gz", "rt", encoding="utf-8", newline="") as source,
            path.open("w", encoding="utf-8", newline="") as target,
        ):
            reader = csv.DictReader(source)
            writer = csv.DictWriter(target, reader.fieldnames or ())
            writer.writeheader()
            for row in reader:
                if kind is FeedKind.ACCOUNTS and len(chosen) < accounts:
                    chosen.add(row["account_ref"])
                if row["account_ref"] in chosen:
                    for column in DATED[kind]:
                        row[column] = (date.fromisoformat(row[column]) + shift).isoformat()
                    writer.writerow(row)
        report = load(engine, kind, path, CODE, rejects_dir=folder, by=SYSTEM, now=now)
        _say(f"  {report.loaded:>6,} {kind.value} loaded")


# --- the weeks ------------------------------------------------------------------------------------------------


def _live(engine: Engine, ports: Ports, portfolio: Portfolio, yesterday: date, now: datetime) -> None:
    clock = FixedClock()
    chance = random.Random(20050926)  # noqa: S311 - a story, not a secret
    simulated = Ports(
        clock=clock,
        stationery=ports.stationery,
        senders={
            Channel.SMS: DemoSender(chance),
            Channel.EMAIL: DemoSender(chance),
            Channel.POST: ports.senders.get(Channel.POST, DemoSender(chance)),
        },
        legal_desk=ports.legal_desk,
        seal=ports.seal,
    )
    first = yesterday - timedelta(days=DAYS_LIVED - 1)
    department = Department(engine, simulated, id_of(portfolio), chance, yesterday)
    with _Progress(DAYS_LIVED) as step:
        play_days(
            engine,
            portfolio,
            first,
            yesterday,
            simulated,
            clock,
            stop_at=now,
            people=department.work,
            progress=step,
        )


@dataclass
class Department:
    """What the demo's people do on a day: call, listen, agree, pause, refer."""

    engine: Engine
    ports: Ports
    portfolio_id: int
    chance: random.Random
    last_day: date
    calls_a_day: int = 4

    def work(self, today: date, now: datetime) -> None:
        with transaction(self.engine) as session:
            portfolio = session.get_one(Portfolio, self.portfolio_id)
            for case in self._call_list(session, now):
                self._call(session, portfolio, case, today, now)
            for case in self._callers(session):
                self._agree(session, portfolio, case, Actor.user(case.owner), today, now)
            self._opt_outs(session, now)
            if self.chance.random() < 0.25:
                self._correct_the_ledger(session, today, now)
            self._refer(session, today, now)

    def _call_list(self, session: Session, now: datetime) -> list[CollectionsCase]:
        """Callbacks that are due, then open call tasks by priority, leaving out customers who are on hold."""
        asked = select(CallTask.case_id).where(col(CallTask.done_at).is_(None))
        held = select(CaseHold.customer_id).where(col(CaseHold.ended_at).is_(None))
        query = (
            select(CollectionsCase)
            .where(
                or_(col(CollectionsCase.id).in_(asked), col(CollectionsCase.callback_at) <= now),
                CollectionsCase.status == CaseStatus.OPEN,
                col(CollectionsCase.customer_id).not_in(held),
            )
            .order_by(
                col(CollectionsCase.callback_at).is_(None),
                col(CollectionsCase.priority).desc(),
                col(CollectionsCase.id),
            )
            .limit(self.calls_a_day)
        )
        return list(session.scalars(query))

    def _callers(self, session: Session) -> list[CollectionsCase]:
        """Customers who call by themselves and make a promise: three a day."""
        query = select(CollectionsCase).where(CollectionsCase.status == CaseStatus.OPEN)
        cases = session.scalars(query.order_by(col(CollectionsCase.id))).all()
        chosen = self.chance.sample(cases, min(3, len(cases)))
        return [case for case in chosen if case.owner and live_plan(session, id_of(case)) is None]

    def _call(
        self, session: Session, portfolio: Portfolio, case: CollectionsCase, today: date, now: datetime
    ) -> None:
        """One call, if the gate allows it, and what came of it."""
        customer = session.get_one(Customer, case.customer_id)
        by = Actor.user(case.owner or "mei")
        answer = explain(session, portfolio, customer, Channel.CALL, Purpose.REMINDER, at=now)
        if not isinstance(answer, Clearance):
            return
        roll = self.chance.random()
        if roll < 0.42:
            result = self.chance.choice([CallResult.NO_ANSWER, CallResult.VOICEMAIL, CallResult.BUSY])
            log_call(session, case, result, "", by=by, now=now)
        elif roll < 0.47:
            log_call(
                session, case, CallResult.CALL_BACK, "Asked to be called in the evening.", by=by, now=now
            )
            ahead = timedelta(days=1 if today < self.last_day else 0, hours=8)
            set_callback(session, case, now + ahead, by=by, now=now)
        elif roll < 0.83 and live_plan(session, id_of(case)) is None:
            self._agree(session, portfolio, case, by, today, now)
        elif roll < 0.90:
            self._pause(session, case, by, today, now)
        else:
            log_call(session, case, CallResult.REFUSED_TO_PAY, "Says the bank should wait.", by=by, now=now)

    def _agree(
        self,
        session: Session,
        portfolio: Portfolio,
        case: CollectionsCase,
        by: Actor,
        today: date,
        now: datetime,
    ) -> None:
        """A promise to pay, or a repayment plan where the debt is too much for one payment. It is about what is owed
        now: who has paid meanwhile is let be, and who paid a part promises the rest."""
        owes = as_of_now(session, portfolio, [case.customer_id], today).get(case.customer_id, Standing())
        total = owes.past_due
        if total == 0:
            log_call(session, case, CallResult.RIGHT_PARTY, "Nothing is past due any more.", by=by, now=now)
            return
        if self.chance.random() < 0.8 or total < 1000:
            log_call(session, case, CallResult.PROMISED, "Will pay after payday.", by=by, now=now)
            due_on = today + timedelta(days=self.chance.randint(3, 12))
            promise(session, case, total, due_on, self.ports.stationery, by=by, now=now)
            return
        note = "Cannot pay at once; agreed on instalments."
        log_call(session, case, CallResult.RIGHT_PARTY, note, by=by, now=now)
        months = self.chance.choice([3, 4, 6])
        terms = InstalmentTerms(total, total // 4, months, today + timedelta(days=self.chance.randint(2, 8)))
        offer = offer_plan(session, case, terms, self.ports.stationery, by=by, role=Role.AGENT, now=now)
        if self.chance.random() >= 0.3:  # the others want to think about it
            accept_offer(session, offer.plan, self.ports.stationery, by=by, now=now)

    def _pause(self, session: Session, case: CollectionsCase, by: Actor, today: date, now: datetime) -> None:
        kind, result, reason = self.chance.choice(
            [
                (
                    HoldKind.DISPUTE,
                    CallResult.DISPUTES,
                    "Does not recognise a purchase; asked for the statement.",
                ),
                (HoldKind.HARDSHIP, CallResult.RIGHT_PARTY, "Lost the job; sends proof of income."),
                (HoldKind.VULNERABLE, CallResult.RIGHT_PARTY, "In hospital; a relative will call back."),
                (HoldKind.COMPLAINT, CallResult.RIGHT_PARTY, "Complains about the late fee."),
            ]
        )
        log_call(session, case, result, reason, by=by, now=now)
        until = today + timedelta(days=self.chance.choice([14, 21, 30]))
        place_hold(session, case, kind, reason, until, self.ports.stationery, by=by, now=now)
        add_note(session, case, f"Next step: review on {until.isoformat()}.", by=by, now=now)

    def _opt_outs(self, session: Session, now: datetime) -> None:
        """Now and then somebody does not want to be texted any more."""
        query = select(CollectionsCase).where(CollectionsCase.status == CaseStatus.OPEN)
        cases = list(session.scalars(query.order_by(col(CollectionsCase.id))))
        if cases and self.chance.random() < 0.6:
            case = self.chance.choice(cases)
            customer = session.get_one(Customer, case.customer_id)
            channel = self.chance.choice([Channel.SMS, Channel.SMS, Channel.EMAIL])
            set_consent(
                session,
                customer,
                channel,
                allowed=False,
                source="said so on the phone",
                case_id=case.id,
                by=Actor.user(case.owner or "mei"),
                now=now,
            )

    def _correct_the_ledger(self, session: Session, today: date, now: datetime) -> None:
        """A payment is found days late, another bounces: earlier days are restated, both figures are kept."""
        account = session.scalars(
            select(Account)
            .join(CollectionsCase, col(CollectionsCase.customer_id) == Account.customer_id)
            .where(CollectionsCase.status == CaseStatus.OPEN)
            .order_by(col(CollectionsCase.priority))
            .limit(1)
        ).first()
        if account is not None:
            post_entry(
                session,
                account,
                EntryKind.PAYMENT,
                1000,
                effective_on=today - timedelta(days=4),
                posted_on=today,
                reference=f"LATE-{account.reference}-{today.isoformat()}",
                description="found on the suspense account",
                by=Actor.user("grace"),
                now=now,
            )
        bounced = session.scalars(
            select(Entry)
            .where(Entry.kind == EntryKind.PAYMENT, Entry.effective_on == today - timedelta(days=6))
            .order_by(col(Entry.id))
            .limit(1)
        ).first()
        if bounced is not None:
            reverse_entry(session, bounced, "returned by the bank", by=Actor.user("grace"), now=now)

    def _refer(self, session: Session, today: date, now: datetime) -> None:
        """The legal team takes on one nomination a day and seals the files of what it took. The visitor finds two
        that wait for a decision."""
        del today
        query = select(Referral).where(Referral.status == ReferralStatus.NOMINATED).order_by(col(Referral.id))
        for referral in session.scalars(query).all()[:-2][:1]:
            case = session.get_one(CollectionsCase, referral.case_id)
            forbidden = stops(checklist_of(session, case, now=now))
            if forbidden or case.status is not CaseStatus.OPEN or self.chance.random() >= 0.85:
                why = forbidden[0].detail if forbidden else "Pays in parts again; collections keeps it."
                decide(session, referral, approve=False, reason=why, by=Actor.user("lena"), now=now)
                continue
            decide(session, referral, approve=True, by=Actor.user("lena"), now=now)
            if self.ports.seal is None:
                continue
            if id_of(referral) % 3:
                self._file_agreement(session, case, now)
            missing = gaps(checklist_of(session, case, now=now))
            excuses = {item.id: EXCUSES.get(item.id, "Follows from the archive.") for item in missing}
            bundle = build_bundle(
                session, case, self.ports.seal, excuses=excuses, by=Actor.user("lena"), now=now
            )
            hand_over(session, case, bundle, now=now)

    def _file_agreement(self, session: Session, case: CollectionsCase, now: datetime) -> None:
        """The branch has found and scanned the agreement of the customer's oldest card."""
        query = (
            select(Account).where(Account.customer_id == case.customer_id).order_by(col(Account.opened_on))
        )
        account = session.scalars(query).first()
        if account is None or account.opened_on is None:
            return
        lines = (
            "Credit card agreement, sample",
            f"Account {account.reference}",
            f"Signed {account.opened_on}",
        )
        add_document(
            session,
            case,
            DocumentKind.AGREEMENT,
            f"agreement-{account.reference}.pdf",
            small_pdf(lines),
            dated_on=account.opened_on,
            description="Scanned from the branch archive.",
            by=Actor.user("lena"),
            now=now,
        )


def small_pdf(lines: Sequence[str]) -> bytes:
    """One page with these lines (ASCII, no brackets): it stands in for a scan in the demo."""
    shown = "".join(f"({line}) Tj 0 -24 Td " for line in lines)
    stream = f"BT /F1 14 Tf 72 760 Td {shown}ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(made)


EXCUSES = {
    "document.agreement": "The signed agreement is on paper in the branch archive.",
    "statement.coverage": "The bank sends the missing statement on request.",
}
"""Why the demo's legal team lets a file go without an item of the checklist."""


# --- this morning -----------------------------------------------------------------------------------------------


def _leave_for_the_visitor(
    engine: Engine, settings: Settings, portfolio: Portfolio, yesterday: date, now: datetime
) -> None:
    """What came in this morning: money from the bank that does not say whose it is, a payments file with rows
    that cannot be loaded, and a fee that somebody asks to waive."""
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
    """A bank's camt.054 with one booked credit each of (amount, what was written, payer)."""
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


# --- serving --------------------------------------------------------------------------------------------------


def _serve(settings: Settings, ports: Ports, port: int) -> None:
    """Web and worker in one process, until Ctrl-C."""
    engine = make_engine(settings.database_url)
    worker = Worker(engine, ports, settings)
    scheduler = start(worker)
    try:
        application = create_app(settings, engine, ports)
        serve_app(application, host="127.0.0.1", port=port, announce=lambda at: _say(f"\nServing at {at}"))
    finally:
        worker.stopping.set()
        finish(scheduler.shutdown)  # when what was sent is written down


def _serve_in_background(app: ASGIApp, port: int) -> None:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    threading.Thread(target=server.run, daemon=True, name="legal-desk").start()
    for _ in range(100):
        if server.started:
            return
        time.sleep(0.05)
    raise SystemExit(f"the legal desk did not start on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _make_key(home: Path) -> Path:
    path = home / "bundle-key.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return path


def _write_env(home: Path, settings: Settings) -> None:
    """So that the other commands can be tried on the demo's database."""
    path = home / "demo.env"
    path.touch(mode=0o600)
    path.write_text(
        f"DESK_DATABASE_URL={settings.database_url}\n"
        f"DESK_SECRET_KEY={settings.secret_key.get_secret_value()}\n"
        f"DESK_BUNDLE_KEY={settings.bundle_key.get_secret_value()}\n"
        f"DESK_PUBLIC_URL={settings.public_url}\n"
    )


# --- talking --------------------------------------------------------------------------------------------------


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _introduce(port: int, passwords: Mapping[str, str], home: Path) -> None:
    roles = {username: (name, role) for username, name, role in STAFF}
    print(f"Arrears Desk is at http://127.0.0.1:{port}\n\nSign in as")
    for username, password in passwords.items():
        name, role = roles[username]
        print(f"  {role.value:<8} {username:<7} {password:<16} {name}")
    env = home / "demo.env"
    env = env.relative_to(ROOT) if env.is_relative_to(ROOT) else env
    print("\nThe commands work on it too:")
    print(f'  export PATH="$PWD/.venv/bin:$PATH" DESK_ENV_FILE={env}')
    print("  desk status")
    print("Accounts are real and anonymous; names, addresses and dates are invented (app/sample/README.md).")
    sys.stdout.flush()


class _Progress:
    """A bar on standard error, or a line a week where there is no terminal."""

    def __init__(self, days: int) -> None:
        self.days, self.done = days, 0

    def __enter__(self) -> Callable[[DayReport], None]:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task("Living through the last weeks", total=self.days)
            self.bar.start()
        return self.step

    def step(self, report: DayReport) -> None:
        self.done += 1
        if sys.stderr.isatty():
            self.bar.advance(self.task)
        elif self.done % 7 == 0 or self.done == self.days:
            _say(f"  {report.business_date} closed ({self.done} of {self.days} days)")

    def __exit__(self, *_: object) -> None:
        if sys.stderr.isatty():
            self.bar.stop()
