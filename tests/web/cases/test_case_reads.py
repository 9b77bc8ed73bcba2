"""The case page reads everything of one customer together, and reads the same as the nights and the gate do."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import record_call
from app.casework.documents.rules import DocumentKind
from app.casework.holds.service import start_hold
from app.casework.results.rules import CallResult
from app.core.actor import SYSTEM
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.contact_cases import reserved_contacts
from app.outreach.gate.facts import gather_facts
from app.outreach.outbox.rules import OutboxStatus
from app.web.cases.reads import read_case
from tests import builders
from tests.web.book import lived_in
from tests.web.cases.test_live_figures import TODAY, lived, pay
from tests.web.desk import NOW, Desk


def test_what_is_read_together_is_what_the_nights_and_the_gate_read(desk: Desk) -> None:
    """Anna paid a minute ago, Bo's payment was posted late, Cai is with the legal team, Dora has no mobile. All asked
    to be called, and all had a warning and a demand with a last day."""
    lived_in(desk.engine)

    def change(session: Session) -> None:
        late = session.scalars(select(Account).order_by(sa.desc("id"))).all()
        for account, days in zip(late, (0, 1, 40, 9), strict=False):
            builders.payment(session, account, 700, TODAY - timedelta(days=days))
        for case in session.scalars(select(CollectionsCase)).all()[:2]:
            start_hold(
                session,
                case,
                HoldKind.HARDSHIP,
                "illness",
                TODAY + timedelta(days=30),
                by=SYSTEM,
                today=TODAY,
                now=NOW,
            )
        for case in session.scalars(select(CollectionsCase)).all():
            session.get_one(Portfolio, case.portfolio_id).pack = "no"
            due = NOW + timedelta(hours=3)
            case.callback_at = due
            hour_ago = NOW - timedelta(hours=1)
            record_call(session, case, CallResult.CALL_BACK, "", callback_at=due, by=SYSTEM, now=hour_ago)
            builders.queued_message(
                session, case, on=TODAY, step="warned", channel=Channel.POST, letter="inkassovarsel",
                status=OutboxStatus.SENT, sent_at=NOW - timedelta(days=3), answer_by=TODAY + timedelta(days=20),
            )  # fmt: skip
            add_document(
                session, case, DocumentKind.PAYMENT_DEMAND, "demand.txt", b"Pay, please.", dated_on=TODAY,
                answer_by=TODAY + timedelta(days=14), by=SYSTEM, now=NOW,
            )  # fmt: skip

    desk.write(change)

    def compare(session: Session) -> int:
        cases = session.scalars(select(CollectionsCase.id)).all()
        for case_id in cases:
            view = read_case(session, case_id or 0, NOW)
            file = view.file
            assert view.file.stands == standing_on(session, file.portfolio, file.account_ids, file.book.today)
            who = id_of(file.customer)
            reserved = reserved_contacts(session, file.portfolio, [who], now=NOW)
            facts = gather_facts(session, [file.customer], view.pack, now=NOW, reserved=reserved)
            assert view.facts == facts[who]
            assert view.facts.call_asked_for == NOW + timedelta(hours=3)
            assert [notice.answer_by is not None for notice in view.facts.notices] == [True, True]
        return len(cases)

    assert desk.read(compare) >= 3


@pytest.mark.parametrize("tab", ["", "money", "messages", "agreements", "timeline"])
def test_a_case_page_is_at_most_twelve_statements(desk: Desk, tab: str) -> None:
    case_id, account_id = lived(desk)
    pay(desk, account_id, 2_000)
    agent = desk.sign_in(Role.AGENT)
    sent = statements_of(desk.engine)
    answer = agent.get(f"/cases/{case_id}?tab={tab}")
    assert answer.status_code == 200
    assert len(sent) <= 12, "\n".join(sent)
    assert len(answer.content) < 60_000


def statements_of(engine: Engine) -> list[str]:
    """A list that grows with every statement of this engine."""
    sent: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    return sent
