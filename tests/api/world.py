"""A portfolio with one of everything that a path or a body of the API can name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, select

from app.api.routes import API
from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointKind, PointSource, PointState, PointType
from app.book.delinquency.models import Pause
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer, ReportedChange, Waiver
from app.book.ledger.rules import EntryKind, ReportedWhat
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalKind
from app.casework.assignment.models import CaseMove, CaseMoveLine, StaffAbsence
from app.casework.assignment.stays import MoveState, MoveStatus
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import ComplaintRedress, RootCause
from app.casework.correspondence.models import InboundMessage
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.rules import DisputeKind, EvidenceState, ReceivedAs
from app.casework.documents.models import CaseDocument
from app.casework.escalations.models import Escalation
from app.casework.escalations.rules import EscalationReason, EscalationStatus
from app.casework.hand_overs.models import ConductRecord, DeskHandOver, HelpOffer
from app.casework.hand_overs.rules import ConductStep, HandOverKind, HandOverStatus, OfferAnswer
from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.rules import DocumentState, HardshipWay
from app.casework.holds.models import CaseHold
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.plans.rules import PlanKind
from app.casework.plans.terms import AgreementTerms, stored_terms
from app.casework.questions.models import CaseQuestion
from app.casework.questions.rules import QuestionSource
from app.casework.results.file import shipped_text
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import Audience, Basis, ToldBy
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind
from app.inbound.bounces.models import MailNotice
from app.inbound.bounces.rules import NoticeKind
from app.inbound.rules import InboundSource
from app.legal.matters.models import LegalQuestion
from app.outreach.gate.models import ContactPreference, SuppressedAddress
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.strategy.models import StrategyTask
from app.policy.facts import PreferenceKind, Suppression
from app.policy.sections.pauses import PauseKind
from tests import builders
from tests.api.program import NOW, TODAY, Program, nominated, sealed
from tests.api.test_parity import doors

YESTERDAY = TODAY - timedelta(days=1)
VALUES = {
    "currency": ["CNY"],
    "amount": ["10.00", "0.01"],
    "down_payment": ["0", "1.00"],
    "payments": [3],
    "payment": ["25.00"],
    "monthly": ["90.00"],
    "once": ["10.00"],
    "next_on": ["2026-03-05"],
    "paid_on": [str(YESTERDAY)],
    "received_on": [str(YESTERDAY)],
    "due_on": ["2026-03-09"],
    "first_on": ["2026-03-02"],
    "last_on": ["2026-03-03"],
    "effective_on": [str(YESTERDAY)],
    "from_on": ["2026-02-20"],
    "to_on": ["2026-03-20"],
    "on": [str(YESTERDAY)],
    "known_on": [str(YESTERDAY)],
    "dated_on": [str(YESTERDAY)],
    "until": ["2026-03-09"],
    "date": [str(YESTERDAY)],
    "from": ["2026-02-01"],
    "to": [str(YESTERDAY)],
    "at": ["2026-03-02T10:00:00+08:00"],
    "bucket": ["1-29", "current"],
    "letter": ["first_reminder"],
    "owner": ["ben", ""],
    "address": ["+8613800001234", "a@b.example"],
    "start": ["09:00"],
    "end": ["12:00"],
    "content_base64": ["JVBERi0xLjQK"],
    "timezone": ["Asia/Shanghai"],
    "language": ["en"],
    "country": ["CN"],
    "mobile": ["+8613800005678"],
    "email": ["b@c.example"],
    "topic": ["other"],
    "version_number": [1],
}
"""Values that are accepted, by the name of the member or parameter."""


STRATEGY = """name = "Patient"
[[steps]]
id = "late-sms"
day = {day}
action = "message"
letter = "first_reminder"
channels = ["sms"]
"""
_days = itertools.count(3)


@dataclass(frozen=True)
class World:
    """What a portfolio holds: the name of a parameter or member -> values that exist. `of(path)` knows that one name
    means different things below different paths."""

    code: str
    case: str
    account: str
    names: Mapping[str, list[Any]]
    below: Mapping[str, Mapping[str, list[Any]]]
    """Part of a path -> names below it."""

    def of(self, path: str) -> dict[str, list[Any]]:
        """For the parameters of a path and of its query."""
        found = {**VALUES, **self.names}
        for part, names in self.below.items():
            if part in path:
                found |= names
        return found

    def in_body(self) -> dict[str, list[Any]]:
        return {**VALUES, **self.names, "code": ["standard"]}


def world(program: Program, code: str = "CARDS") -> World:
    """Build it with `program`, a manager's."""
    desk = program.desk
    case = desk.write(lambda session: _case(session, code))
    account, customer = desk.read(
        lambda session: (
            session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one(),
            session.get_one(Customer, case.customer_id),
        )
    )
    desk.sign_in(Role.AGENT)  # makes ben
    bundle = sealed(desk, case).reference  # before the dispute: nothing is sealed while one is open
    referral = nominated(desk, case).id
    offer = {"amount": "50.00", "currency": "CNY", "payments": 3, "due_on": "2026-03-09"}
    made = program.post(f"/cases/{case.reference}/plans", offer)
    assert made.status_code == 201, made.text
    rows = desk.write(lambda session: _rows(session, case, account))
    negotiation = program.post(
        f"/cases/{case.reference}/negotiations", {"said": {"monthly": "90.00", "currency": "CNY"}}
    ).json()
    for _ in range(2):
        program.post(
            f"/portfolios/{code}/strategies", {"code": "early", "text": STRATEGY.format(day=next(_days))}
        )
    results = 1 if code == "CARDS" else 3  # a number of one portfolio that another has not
    for n in range(results):
        text = f"{shipped_text()}# version {n}\n"
        program.post(f"/portfolios/{code}/results", {"text": text, "reason": "another remark"})
    views = [
        program.post("/worklist/views", {"name": f"{code} {n}", "query": "state=call"}).json()["id"]
        for n in (1, 2)
    ]
    versions = program.get(f"/portfolios/{code}/strategies").json()["items"]
    hooks = [
        program.post(
            f"/portfolios/{code}/digest-recipients",
            {"way": "webhook", "url": f"https://hooks.example/{code}/{n}"},
        ).json()["id"]
        for n in (1, 2)
    ]
    limits = [
        program.post(
            f"/portfolios/{code}/thresholds", {"kpi": "recovery_rate", "test": "below", "limit": limit}
        ).json()["id"]
        for limit in ("10 %", "5 %")
    ]
    asked = program.desk.write(lambda session: _questions(session, case, referral))
    names = {
        "code": [code],
        "portfolio": [code],
        "account": [account.reference],
        "account_ref": [account.reference],
        "to_account_ref": [account.reference],
        "customer_ref": [customer.reference],
        "plan": [made.json()["reference"]],
        "referral_id": [referral],
        "legal_question_id": asked,
        "form": ["england"],
        "reference": [f"REF-{case.id}"],
        "reverses": rows["payment"],
        "entry": rows["fee"],
        "statement_ref": rows["statement"],
        "challenger": [each["ref"] for each in versions if not each["live"]],
        "ref": [each["ref"] for each in versions if not each["live"]],
        "version_id": [each["id"] for each in versions],
        "point": rows["point"],
        "view_id": views,
        "version": [results],
        "negotiation_id": [negotiation["id"]],
        "n": [1],
        "kpi": ["recovery_rate"],
        "case": [case.reference],
        "authority_from": [str(TODAY)],
        "plans": [[{"reference": case.reference}]],
        "schedule": [[{"reference": "nobody", "amount": "1.00"}]],
        **_advisers(program, case.reference, code),
        **_articles(program, code, case.reference),
        "offer_id": [each["id"] for each in negotiation["offers"] if each["rank"]],
        "token": ["x" * 24],
        "load_id": [1],
        "run_id": [1],
        "recipient_id": hooks,
        "threshold_id": limits,
        "limit": ["12.5 %"],
        "decision_id": [1],
        "experiment_id": [1],
        "return_id": [1],
        "row": ["normal"],
        "measure": ["number"],
        **{name: values for name, values in rows.items() if name.endswith("_id")},
    }
    below = {
        "/accounts/{reference}": {"reference": [account.reference]},
        "/cases/{reference}": {"reference": [case.reference]},
        "/bundles/{reference}": {"reference": [bundle]},
        "/payments/moves": {"reference": rows["payment"]},
        "/replies": {"message_id": rows["reply"]},
        "/outbox": {"message_id": rows["unknown"]},
        "returns": {"kind": ["cn-card-tiers"]},
    }
    return World(code, case.reference, account.reference, names, below)


def _articles(program: Program, code: str, case: str) -> dict[str, list[Any]]:
    """An article of the portfolio that is published, with a draft after it; and a search that found nothing."""
    words = {"language": "en", "title": "Which bureau?", "body": "Ask {creditor}.", "sms": "Ask us."}
    new = {**words, "code": f"bureau-{code.lower()}", "topic": "other", "portfolio": code, "publish": True}
    version = program.post("/knowledge/articles", new).json()
    at = f"/knowledge/articles/{version['article_id']}"
    program.post(f"{at}/drafts", {**words, "title": "Bureau?", "publish": False})
    for word in ("moon", "mars", "venus", "saturn"):
        program.get("/knowledge/articles", q=word, portfolio=code, case=case)
    waiting = program.get("/knowledge/backlog").json()
    return {
        "article_id": [version["article_id"]],
        "article_version": [version["id"]],
        "miss_id": [each["id"] for each in waiting],
    }


def _advisers(program: Program, case: str, code: str) -> dict[str, list[Any]]:
    """An adviser of the case's customer with a file, a proposal and a lump payment; a statement of the household."""
    adviser = f"HELP-{code}"
    book = f"/portfolios/{code}/advisers/{adviser}"
    program.post("/advisers", {"code": adviser, "name": "Help with Debt"})
    program.post(f"/advisers/{adviser}/clients", {"case": case, "authority_from": "2026-02-01"})
    offer = {"amount": "40.00", "frequency": "monthly", "first-on": "2026-03-20"}
    plans = [{"reference": case, "offer": offer}]
    file = program.post(f"{book}/files", {"name": "march.json", "plans": plans}).json()
    proposals = program.get(f"/advisers/{adviser}/files/{file['id']}/proposals").json()
    lump = {
        "reference": f"BK-{code}", "paid_on": str(YESTERDAY), "amount": "1.00", "currency": "CNY",
        "schedule": [{"reference": "nobody", "amount": "1.00"}],
    }  # fmt: skip
    costs = {"fixed-costs": {"rent": "400.00"}}
    household = {"monthly-income": {"total-earnings": "900.00"}, "monthly-outgoings": costs}
    statement = program.post(f"/cases/{case}/household", household)
    return {
        "adviser": [adviser],
        "file_id": [file["id"]],
        "proposal_id": [each["id"] for each in proposals],
        "lump_id": [program.post(f"{book}/lump-payments", lump).json()["id"]],
        "statement_id": [statement.json()["id"]],
    }


def _case(session: Session, code: str) -> CollectionsCase:
    book = session.scalar(select(Portfolio).where(Portfolio.code == code)) or builders.portfolio(
        session, code
    )
    card = builders.late_customer(session, book, due_on=date(2026, 2, 10))
    builders.fold_accounts(session, book, [id_of(card)], through=YESTERDAY)
    made = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=YESTERDAY, past_due_minor=5_000,
        balance_minor=100_000, oldest_due_on=date(2026, 2, 10), next_contact_on=YESTERDAY,
        callback_at=NOW + timedelta(days=1),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _hardship(session: Session, case: CollectionsCase) -> list[int]:
    """A request for help with payments that waits for a decision, and its hold."""
    hold = CaseHold(
        case_id=id_of(case), customer_id=case.customer_id, kind=HoldKind.HARDSHIP, reason="r", by="user:ben",
        until=TODAY + timedelta(days=9), started_at=NOW, by_person=True,
    )  # fmt: skip
    session.add(hold)
    session.flush()
    row = HardshipRequest(
        customer_id=case.customer_id, case_id=id_of(case), hold_id=id_of(hold), way=HardshipWay.CALL,
        reasons="work_lost", received_on=YESTERDAY, answer_by=TODAY + timedelta(days=9), created_at=NOW, by="user:ben",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return [id_of(row)]


def _rows(session: Session, case: CollectionsCase, account: Account) -> dict[str, list[Any]]:
    case = session.get_one(CollectionsCase, case.id)
    account = session.get_one(Account, account.id)
    customer_id, portfolio_id, case_id = case.customer_id, case.portfolio_id, id_of(case)
    payments = [builders.payment(session, account, 500, YESTERDAY) for _ in range(2)]
    fees = [builders.entry(session, account, EntryKind.FEE, 300, YESTERDAY) for _ in range(3)]
    due_on = date(2026, 2, 10)
    shown = builders.statement(session, account, due_on - timedelta(days=51), due_on - timedelta(days=31), 10)

    def add(*rows: Any) -> list[Any]:
        session.add_all(rows)
        session.flush()
        return [id_of(row) for row in rows]

    def inbound(n: int) -> InboundMessage:
        return InboundMessage(
            source=InboundSource.SMS, provider_ref=f"SM-{case_id}-{n}", sender=f"+86139{case_id:04d}{n:04d}",
            body="who is this?", received_at=NOW,
        )  # fmt: skip

    document = CaseDocument(
        customer_id=customer_id, case_id=case_id, kind="agreement", name="a.txt", media_type="text/plain", size=1,
        sha256=_content(session, case_id), description="", dated_on=YESTERDAY, uploaded_at=NOW, uploaded_by="user:ben",
    )  # fmt: skip
    disputes = [
        Dispute(
            portfolio_id=portfolio_id, customer_id=customer_id, case_id=case_id, n=n, kind=DisputeKind.AMOUNT,
            account_id=id_of(account), amount_minor=100, received_on=YESTERDAY, received_as=ReceivedAs.ORAL, words="no",
            answer_by=TODAY + timedelta(days=20), by="user:ben", opened_at=NOW,
        )
        for n in range(101, 105)
    ]  # fmt: skip
    dispute_ids = add(*disputes)
    evidence = DisputeEvidence(
        dispute_id=dispute_ids[0], what="receipt", state=EvidenceState.REQUESTED, due_on=TODAY, asked_by="user:ben",
        asked_at=NOW,
    )  # fmt: skip
    return {
        "dispute_id": dispute_ids,
        "evidence_id": add(evidence),
        "payment": [each.reference for each in payments],
        "fee": [each.reference for each in fees],
        "statement": [shown.reference],
        "point": add(
            *(
                ContactPoint(
                    customer_id=customer_id, kind=PointKind.PHONE, type=PointType.HOME,
                    value=f"+861055{case_id:04d}{n}",
                    state=PointState.USABLE, state_by="user:ben", source=PointSource.OTHER, noted_on=YESTERDAY,
                    created_at=NOW, by="user:ben",
                )
                for n in range(100, 112)
            )
        ),
        "party_id": add(
            *(
                ThirdParty(
                    customer_id=customer_id, kind=PartyKind.CARER, name=f"Carer {n}", may_be_told=MayBeTold.NOTHING,
                    created_at=NOW, by="user:ben",
                )
                for n in range(4)
            )
        ),
        "hardship_id": (requests := _hardship(session, case)),
        "hand_over_id": add(
            *(
                DeskHandOver(
                    portfolio_id=portfolio_id, customer_id=customer_id, case_id=case_id, desk=desk,
                    kind=HandOverKind.HELP, words="Call about a budget", handed_on=YESTERDAY, due_on=TODAY,
                    by="user:ben", status=status, received_at=None if status is HandOverStatus.HANDED else NOW,
                )
                for desk in ("payments", "debt_advice")
                for status in (HandOverStatus.HANDED, HandOverStatus.RECEIVED)
            )
        ),
        "escalation_id": add(
            *(
                Escalation(
                    portfolio_id=portfolio_id, customer_id=customer_id, case_id=case_id, reason=EscalationReason.ADVICE,
                    words="May I?", due_on=TODAY, asked_at=NOW, by="user:ben", status=status,
                    ended_at=None if status is EscalationStatus.ASKED else NOW,
                    ended_by="" if status is EscalationStatus.ASKED else "user:ben",
                )
                for status in (EscalationStatus.ASKED, EscalationStatus.WITHDRAWN)
            )
        ),
        "conduct_id": add(
            *(
                ConductRecord(
                    portfolio_id=portfolio_id, customer_id=customer_id, case_id=case_id, step=ConductStep.WARNED,
                    words="You pig.", was_warned=False, at=NOW, by="user:ben",
                )
                for _ in range(3)
            )
        ),
        "help_offer_id": add(
            *(
                HelpOffer(
                    portfolio_id=portfolio_id, customer_id=customer_id, case_id=case_id, code=code, offered_at=NOW,
                    by="user:ben", answer=OfferAnswer.THINKING, answered_on=TODAY, answered_by="user:ben",
                )
                for code in ("app", "budgeting")
            )
        ),
        "asked_id": add(
            *(
                HardshipDocument(
                    request_id=requests[0], customer_id=customer_id, what=what, asked_on=YESTERDAY,
                    state=DocumentState.ASKED,
                )
                for what in ("payslips", "a lease")
            )
        ),
        "need_id": add(
            *(
                SupportNeed(
                    customer_id=customer_id, case_id=case_id, code=code, basis=Basis.CONSENT, told_by=ToldBy.CUSTOMER,
                    audience=Audience.CASEWORK, review_on=TODAY + timedelta(days=60), created_at=NOW, by="user:ben",
                )
                for code in ("large_print", "extra_time", "no_calls", "text_relay")
            )
        ),
        "hold_id": add(
            *(
                CaseHold(
                    case_id=case_id, customer_id=customer_id, kind=kind, reason="r", until=TODAY + timedelta(days=9),
                    started_at=NOW, by="user:ben",
                )
                for kind in (HoldKind.DISPUTE, HoldKind.HARDSHIP)
            )
        ),
        **_complaints(session, case, account),
        "task_id": add(
            *(
                StrategyTask(case_id=case_id, step=f"visit-{n}", text="Look", due_on=TODAY, created_at=NOW)
                for n in (1, 2)
            )
        ),
        "payment_id": add(
            *(
                UnmatchedPayment(
                    portfolio_id=portfolio_id, reference=f"B-{case_id}-{n}", paid_on=YESTERDAY, amount_minor=1000,
                    why="no reference", received_at=NOW,
                )
                for n in (1, 2, 3)
            )
        ),
        "message_id": [
            id_of(builders.queued_message(session, case, on=YESTERDAY)),
            id_of(builders.queued_message(session, case, on=YESTERDAY, step="second", channel=Channel.EMAIL)),
        ],
        "unknown": [
            id_of(builders.queued_message(session, case, on=YESTERDAY, step=f"u{n}", status=OutboxStatus.UNKNOWN))
            for n in (1, 2)
        ],
        "reply": add(inbound(1), inbound(2)),
        "row_id": add(
            SuppressedAddress(
                channel=Channel.EMAIL, address=f"x{case_id}@b.example", spelt=f"x{case_id}@b.example",
                reason=Suppression.MANUAL, since=NOW, by="user:mei",
            )
        ),
        "notice_id": add(
            *(MailNotice(sha256=f"{case_id:060d}{n:04d}", kind=NoticeKind.OTHER, at=NOW) for n in (1, 2))
        ),
        "waiver_id": add(
            *(
                Waiver(
                    portfolio_id=portfolio_id, account_id=id_of(account), entry_id=id_of(fee), amount_minor=100,
                    reason="r", requested_by="user:ben", requested_at=NOW,
                )
                for fee in fees[:2]
            )
        ),
        "request_id": add(
            *(
                ApprovalRequest(
                    portfolio_id=portfolio_id, case_id=case_id, customer_id=customer_id, kind=kind,
                    amount_minor=6_000, due_on=date(2026, 3, 10), to_username="mei",
                    terms=stored_terms(AgreementTerms(PlanKind.SETTLEMENT, 6_000, date(2026, 3, 10))),
                    owed_minor=100_000, past_due_minor=7_000, days_past_due=29, reason="r",
                    asked_by="user:ben", asked_at=NOW,
                )
                for kind in (ApprovalKind.SETTLEMENT, ApprovalKind.HAND_OVER)
            )
        ),
        "change_id": add(
            ReportedChange(
                portfolio_id=portfolio_id, account_id=id_of(account), what=ReportedWhat.STATUS, value="closed",
                was="active", reported_at=NOW,
            )
        ),
        "pause_id": add(
            Pause(
                portfolio_id=portfolio_id, account_id=id_of(account), kind=next(iter(PauseKind)),
                from_on=date(2026, 2, 25), posted_on=YESTERDAY, reason="r", by="user:mei", created_at=NOW,
            )
        ),
        "preference_id": add(
            ContactPreference(
                customer_id=customer_id, kind=PreferenceKind.TIME, start_minute=60, end_minute=120, source="phone",
                by="user:ben", created_at=NOW,
            )
        ),
        "document_id": add(document),
        **_team(session, case_id),
        **_moves(session, case_id),
    }  # fmt: skip


def _team(session: Session, number: int) -> dict[str, list[Any]]:
    """An agent with absences, and the agent who covers for them."""
    away, cover = (
        User(
            username=f"{name}{number}", display_name=name, role=Role.AGENT, password_hash="-", created_at=NOW,
        )
        for name in ("away", "cover")
    )  # fmt: skip
    session.add_all([away, cover])
    session.flush()
    absences = [
        StaffAbsence(
            user_id=id_of(away), first_on=TODAY + timedelta(days=n), last_on=TODAY + timedelta(days=n),
            cover_id=id_of(cover), created_at=NOW, by="user:mei",
        )
        for n in (30, 40)
    ]  # fmt: skip
    session.add_all(absences)
    session.flush()
    return {
        "user_id": [id_of(away)],
        "absence_id": [id_of(row) for row in absences],
        "cover": [cover.username],
    }


def _moves(session: Session, case_id: int) -> dict[str, list[Any]]:
    """Moves of the case: previews, and moves that were confirmed."""
    found = [
        CaseMove(
            choice="{}", receivers='["mei"]', returns=False, prepared_at=NOW, prepared_by="user:mei",
            **({} if n < 2 else {"status": MoveStatus.DONE, "reason": "Ill", "moved_at": NOW, "moved_by": "user:mei"}),
        )
        for n in range(4)
    ]  # fmt: skip
    session.add_all(found)
    session.flush()
    session.add_all(
        CaseMoveLine(
            move_id=id_of(move), case_id=case_id, n=1, to_owner="mei",
            state=MoveState.PLANNED if move.status is MoveStatus.PREPARED else MoveState.MOVED,
        )
        for move in found
    )  # fmt: skip
    session.flush()
    return {
        "move_id": [id_of(move) for move in found],
        "receivers": [["ben"], ["mei"]],
        "choice": [{"person": "-"}, {"references": [f"C-{case_id:06d}"]}],
        "overruled": [["hold", "relation", "language"]],
    }


def _complaints(session: Session, case: CollectionsCase, account: Account) -> dict[str, list[Any]]:
    cause = RootCause(
        portfolio_id=case.portfolio_id, name="Late letters", owner="mei", created_at=NOW, by="user:mei"
    )
    session.add(cause)
    row = builders.complaint(
        session, case, received_at=NOW - timedelta(days=1), answer_by=TODAY + timedelta(days=20),
        first_by=TODAY + timedelta(days=3),
    )  # fmt: skip
    closed = builders.complaint(
        session,
        case,
        received_at=NOW - timedelta(days=9),
        answer_by=TODAY,
        answered_at=NOW - timedelta(days=1),
    )
    redress = ComplaintRedress(
        portfolio_id=case.portfolio_id, complaint_id=id_of(row), account_id=id_of(account), amount_minor=100,
        reason="r", requested_by="user:ben", requested_at=NOW,
    )  # fmt: skip
    question = CaseQuestion(
        portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), source=QuestionSource.NOTE,
        words="I am fed up", cues="fed up", received_on=TODAY, asked_at=NOW, by="user:ben",
    )  # fmt: skip
    session.add_all([redress, question])
    session.flush()
    return {
        "complaint_id": [id_of(row), id_of(closed)], "redress_id": [id_of(redress)], "cause_id": [id_of(cause)],
        "question_id": [id_of(question)],
    }  # fmt: skip


def _content(session: Session, case_id: int) -> str:
    from app.casework.documents.models import DocumentContent

    digest = f"{case_id:064d}"
    session.add(DocumentContent(sha256=digest, content=b"a"))
    session.flush()
    return digest


def role_for(method: str, path: str) -> Role:
    """A role that the door of this verb lets in: a manager where it does."""
    allowed = roles()[method.upper(), path.removeprefix("/api/v1")]
    return next(role for role in (Role.MANAGER, *Role) if role in allowed)


def roles() -> dict[tuple[str, str], frozenset[Role]]:
    """(method, path as the description has it) -> the roles that its door lets in."""
    return dict(_roles())


def _roles() -> Iterator[tuple[tuple[str, str], frozenset[Role]]]:
    for router in API:
        for route in router.routes:
            allowed = frozenset(role for door in doors(route.dependant) for role in door.roles or ())  # type: ignore[attr-defined]
            path = route.path.removeprefix("/api/v1").replace(":path}", "}")  # type: ignore[attr-defined]
            for method in route.methods:  # type: ignore[attr-defined]
                yield (method, path), allowed


def _questions(session: Session, case: CollectionsCase, referral_id: int) -> list[int]:
    """Questions of the legal team about a case, which collections answers."""
    rows = [
        LegalQuestion(
            portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case),
            referral_id=referral_id, to_legal=False, question=f"Where is page {n}?", asked_by="user:lars",
            asked_at=NOW,
        )
        for n in (1, 2)
    ]  # fmt: skip
    session.add_all(rows)
    session.flush()
    return [id_of(row) for row in rows]
