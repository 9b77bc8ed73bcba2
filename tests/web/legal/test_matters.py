"""Lawyers report and ask, collections answers: on the page of the case, by each side, and as a calendar."""

from __future__ import annotations

from datetime import date

import pytest
from icalendar import Calendar
from sqlmodel import Session, select

from app.casework.contacts.rules import DeskStep
from app.core.staff.rules import Role
from app.legal.matters.events import LegalAnswered, LegalAsked, LegalReported
from app.legal.matters.models import LegalQuestion, LegalReport
from app.legal.referrals.models import Referral, ReferralStatus
from app.outreach.strategy.models import StrategyTask
from tests.builders import events
from tests.web import book
from tests.web.desk import NOW, Browser, Desk


@pytest.fixture
def lars(desk: Desk, lived: book.Book) -> Browser:
    """The legal team's, with the referral of the book approved yesterday."""
    del lived
    lars = desk.sign_in(Role.LEGAL)

    def approve(session: Session) -> None:
        referral = session.scalars(select(Referral)).one()
        referral.status, referral.decided_by, referral.decided_at = ReferralStatus.APPROVED, "user:lars", NOW

    desk.write(approve)
    return lars


@pytest.fixture
def lived(desk: Desk) -> book.Book:
    return book.lived_in(desk.engine)


@pytest.fixture
def path(desk: Desk, lars: Browser) -> str:
    del lars
    case_id = desk.read(lambda session: session.scalars(select(Referral)).one().case_id)
    return f"/cases/{case_id}/legal"


TODAY = str(NOW.date())


def test_lawyers_report_and_nobody_else(desk: Desk, lars: Browser, path: str) -> None:
    assert "reported nothing yet" in lars.get(path).text
    refused = lars.submit(f"{path}/reports", kind="filed", on=TODAY)
    assert (refused.status_code, "Name the court." in refused.text) == (422, True)
    filed = {"kind": "filed", "on": TODAY, "court": "Shanghai Pudong", "court_reference": "(2026) 沪 1234"}
    assert lars.submit(f"{path}/reports", **filed).status_code == 303
    judged = {"kind": "judgment", "on": TODAY, "amount": "1,234.50", "note": "with costs"}
    assert lars.submit(f"{path}/reports", **judged).status_code == 303
    shown = lars.get(path).text
    for words in ("Filed in court", "Shanghai Pudong", "(2026) 沪 1234", "1,234.50", "with costs"):
        assert words in shown
    early = lars.submit(f"{path}/reports", kind="hearing", on=TODAY)
    assert "comes before it" in early.text
    rows = desk.read(lambda session: session.scalars(select(LegalReport).order_by(LegalReport.id)).all())  # type: ignore[arg-type]
    assert [(row.kind, row.court, row.amount_minor) for row in rows] == [
        ("filed", "Shanghai Pudong", None),
        ("judgment", "Shanghai Pudong", 123450),
    ], "what was reported of the court stands"
    assert len(told(desk, LegalReported.KIND)) == 2
    for role in (Role.AGENT, Role.MANAGER):
        browser = desk.sign_in(role)
        assert "Filed in court" in browser.get(path).text
        assert browser.submit(f"{path}/reports", **filed).status_code == 403


def test_the_end_says_how_and_is_work_for_the_owner(desk: Desk, lars: Browser, path: str) -> None:
    assert "Say how the matter ended." in lars.submit(f"{path}/reports", kind="closed", on=TODAY).text
    assert lars.submit(f"{path}/reports", kind="closed", on=TODAY, note="paid in full").status_code == 303
    assert "paid in full" in tasks(desk)[DeskStep.LEGAL_CLOSED]
    again = lars.submit(f"{path}/reports", kind="enforcement", on=TODAY)
    assert "Nothing follows that." in again.text


def test_a_question_is_a_task_until_it_is_answered(desk: Desk, lars: Browser, path: str) -> None:
    assert lars.submit(f"{path}/questions", question="Where is the\nagreement?").status_code == 303
    assert tasks(desk)[DeskStep.LEGAL_QUESTION] == "The legal team asks: Where is the agreement?"
    assert lars.submit(f"{path}/questions/1/answer", answer="here").status_code == 403
    ben = desk.sign_in(Role.AGENT)
    assert "must not be empty" in ben.submit(f"{path}/questions/1/answer", answer=" ").text
    assert ben.submit(f"{path}/questions/1/answer", answer="On file now.").status_code == 303
    assert DeskStep.LEGAL_QUESTION not in tasks(desk)
    assert "On file now." in lars.get(path).text
    assert "answered already" in ben.submit(f"{path}/questions/1/answer", answer="again").text
    assert ben.submit(f"{path}/questions/9/answer", answer="x").status_code == 404
    assert [event["to_legal"] for event in told(desk, LegalAsked.KIND, LegalAnswered.KIND)] == [False, False]


def test_collections_asks_and_the_referral_says_so(desk: Desk, lars: Browser, path: str) -> None:
    ben = desk.sign_in(Role.AGENT)
    assert ben.submit(f"{path}/questions", question="When is the hearing?").status_code == 303
    assert "1 to answer" in lars.get("/legal/1").text
    assert ben.submit(f"{path}/questions/1/answer", answer="soon").status_code == 403
    assert lars.submit(f"{path}/questions/1/answer", answer="On 2 May.").status_code == 303
    assert "to answer)" not in lars.get("/legal/1").text
    row = desk.read(lambda session: session.scalars(select(LegalQuestion)).one())
    assert (row.to_legal, row.answer, row.task_id) == (True, "On 2 May.", None)


def test_a_case_that_the_legal_team_does_not_have_has_no_reports(
    desk: Desk, lars: Browser, path: str
) -> None:
    def back(session: Session) -> None:
        session.scalars(select(Referral)).one().status = ReferralStatus.RETURNED

    desk.write(back)
    assert "does not have this case" in lars.get(path).text
    for form, fields in (("reports", {"kind": "received", "on": TODAY}), ("questions", {"question": "why?"})):
        refused = lars.submit(f"{path}/{form}", **fields)
        assert (refused.status_code, "does not have case" in refused.text) == (409, True)


def told(desk: Desk, *kinds: str) -> list[dict[str, object]]:
    return desk.read(lambda session: events(session, *kinds))


def tasks(desk: Desk) -> dict[str, str]:
    open_ones = select(StrategyTask).where(StrategyTask.done_at == None)  # noqa: E711
    return {row.step: row.text for row in desk.read(lambda session: session.scalars(open_ones).all())}


def test_court_dates_are_a_calendar(desk: Desk, lars: Browser, path: str) -> None:
    hearing = {
        "kind": "hearing",
        "on": "2027-01-15",
        "court": "Rechtbank Amsterdam",
        "court_reference": "C/13/1",
    }
    assert lars.submit(f"{path}/reports", **hearing).status_code == 303
    answer = lars.get("/legal/court-dates.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (date(2027, 1, 15), date(2027, 1, 16))
    assert (str(event["location"]), str(event["uid"])) == (
        "Rechtbank Amsterdam",
        "legal-report-1@arrears-desk",
    )
    assert str(event["summary"]).startswith("Hearing, C-")
    assert desk.sign_in(Role.AGENT).get("/legal/court-dates.ics").status_code == 403
