"""Satisfaction by page, CSV and API: the same scores, no ranking, and no score of a person from a few answers."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import AskedAfter
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, Purpose
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.api.program import Program
from tests.web.desk import NOW, Desk

TODAY = date(2026, 3, 2)
FEBRUARY = {"portfolio": builders.BOOK, "first": "2026-02-01", "last": "2026-03-31"}


def asked(session: Session, agent: str, scores: list[int | None], *, on: date, comment: str = "") -> None:
    """Questions after calls of one person that left, with these scores; None = no answer."""
    for score in scores:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 1), on=TODAY)
        message = builders.queued_message(
            session, case, on=on, step="satisfaction-question", channel=Channel.EMAIL,
            letter="satisfaction_question", purpose=Purpose.CONFIRMATION, status=OutboxStatus.SENT, sent_at=NOW,
        )  # fmt: skip
        answered = score is not None
        session.add(
            Survey(
                portfolio_id=case.portfolio_id,
                customer_id=case.customer_id,
                case_id=id_of(case),
                occurrence=1,
                after=AskedAfter.CALL,
                reason="right_party",
                agent=agent,
                channel=Channel.EMAIL,
                language="en",
                contact_id=message.contact_id,
                asked_on=on,
                closes_on=on + timedelta(days=30),
                asked_at=NOW,
                score=score,
                comment=comment if answered else "",
                answered_at=NOW if answered else None,
                answered_on=on if answered else None,
            )  # fmt: skip
        )


def some_answers(session: Session) -> None:
    asked(session, "ben", [5, 4, 4, 5, 3, 5, 2, 4, 5, 4, None, None], on=date(2026, 2, 10))
    asked(session, "mei", [1, None], on=date(2026, 3, 1), comment='=1+1 "rude", said twice')


def test_page_csv_and_api_tell_the_same(desk: Desk) -> None:
    mei, program = desk.sign_in(Role.MANAGER), Program(desk)
    desk.sign_in(Role.AGENT)
    assert "There is no portfolio yet" in mei.get("/satisfaction").text
    desk.write(builders.portfolio)
    assert "Nobody is asked" in mei.get("/satisfaction").text

    def switch_on(session: Session) -> None:
        session.get_one(Portfolio, 1).survey_share_percent = 20

    desk.write(switch_on)
    assert "No question left in these months" in mei.get("/satisfaction").text
    desk.write(some_answers)
    page = mei.get("/satisfaction").text
    assert "from 11 answers to 14 questions" in page
    assert "fewer than 10 answers" in page, "one answer says nothing about Mei Lin Chen"
    assert page.count("4.10") == 2, "February, and the person whose answers it has"
    assert "=1+1 &#34;rude&#34;, said twice" in page
    assert "said twice" not in mei.get("/satisfaction?score=high").text
    assert "from 1 answer to 2 questions" in mei.get("/satisfaction?first=2026-03").text

    csv = mei.get("/satisfaction?format=csv").text
    assert len(csv.strip().splitlines()) == 12
    assert "'=1+1" in csv, "a spreadsheet does not run it"
    assert "ben" not in csv

    told = program.get("/satisfaction", **FEBRUARY).json()
    assert told["total"]["sent"] == 14
    assert [(each["member"], each["answers"]) for each in told["months"]] == [("2026-02", 10), ("2026-03", 1)]
    assert [(each["member"], each["mean"]) for each in told["people"]] == [("ben", 4.1), ("mei", None)]
    first = program.get("/satisfaction/answers", **FEBRUARY, limit=6).json()
    rest = program.get("/satisfaction/answers", **FEBRUARY, limit=6, cursor=first["next_cursor"]).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (6, 5, None)
    assert first["items"][0]["score"] == 1


def test_a_wrong_period_is_refused(desk: Desk) -> None:
    mei = desk.sign_in(Role.MANAGER)
    desk.write(builders.portfolio)
    for wrong in (
        "first=2026-13",
        "first=1200-01",
        "first=2026-02&last=2026-01",
        "first=2020-01&last=2026-01",
    ):
        assert mei.get(f"/satisfaction?{wrong}").status_code == 422, wrong
    assert desk.sign_in(Role.AGENT).get("/satisfaction").status_code == 403
