"""The page of a satisfaction question: answered by its link, changed for a day; complaints go to a person."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.questions.models import CaseQuestion
from app.casework.satisfaction.events import SurveyAnswered, SurveyDeclined
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import AskedAfter
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.outbox.rules import redact_links
from app.portal.limits import MOST_REQUESTS
from app.portal.page import LANGUAGES
from app.portal.satisfaction import satisfaction_words
from tests import builders
from tests.web.desk import NOW, Desk

TODAY = date(2026, 3, 2)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def link(desk: Desk, language: str = "en") -> str:
    """The path of a question that was sent yesterday."""

    def make(session: Session) -> tuple[int, int]:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 1), on=TODAY)
        session.get_one(Customer, case.customer_id).language = language
        contact = builders.contact(
            session, case, step="satisfaction-question", channel=Channel.EMAIL, purpose=Purpose.CONFIRMATION
        )
        survey = Survey(
            portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), occurrence=1,
            after=AskedAfter.CALL, reason="right_party", agent="ben", channel=Channel.EMAIL, language=language,
            contact_id=id_of(contact), asked_on=TODAY - timedelta(days=1), closes_on=TODAY + timedelta(days=29),
            asked_at=NOW - timedelta(days=1),
        )  # fmt: skip
        session.add(survey)
        session.flush()
        return survey.case_id, survey.occurrence

    url = desk.app.state.ports.catalog.links.question_url(*desk.write(make))
    assert redact_links(f"see {url} now") == "see [personal link removed] now"
    return str(url).removeprefix("http://testserver")


def survey_in(desk: Desk) -> Survey:
    return desk.read(lambda session: session.scalars(select(Survey)).one())


def test_a_forwarded_link_names_nobody_and_opening_it_counts_nothing(desk: Desk) -> None:
    path = link(desk)
    page = desk.anonymous().get(path)
    assert page.status_code == 200
    for private in ("Anna", "CN¥", "debt", "overdue", "past due", "pay", "card-"):
        assert private not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in page.headers
    assert survey_in(desk).answered_at is None


def test_the_answer_counts_once_may_be_changed_for_a_day_and_then_stands(desk: Desk) -> None:
    path, reader = link(desk), desk.anonymous()
    missing = reader.post(path, data={"score": "", "comment": "Quick and clear."})
    assert missing.status_code == 422
    assert "Choose a number from 1 to 5 first" in missing.text
    assert "Quick and clear." in missing.text, "nothing typed is lost"
    sent = reader.post(path, data={"score": "5", "comment": "Quick. Card 4111 1111 1111 1111."})
    assert sent.headers["location"].endswith("done=thanks")
    survey = survey_in(desk)
    assert (survey.score, survey.answered_on) == (5, TODAY)
    assert survey.masked
    assert "4111 1111" not in survey.comment
    assert "Thank you. Your answer is on record." in reader.get(sent.headers["location"]).text

    desk.clock.at = NOW + timedelta(hours=23)
    again = reader.get(path).text
    assert "checked" not in again
    assert "Quick" not in again, "the link may have been forwarded"
    reader.post(path, data={"score": "4", "comment": ""})
    survey = survey_in(desk)
    assert (survey.score, survey.answered_at) == (4, NOW), "the words stay with the first answer's day"
    assert "Quick" in survey.comment

    desk.clock.at = NOW + timedelta(hours=24)
    closed = reader.post(path, data={"score": "1", "comment": ""})
    assert closed.headers["location"].endswith("done=closed")
    assert survey_in(desk).score == 4
    told = desk.read(lambda s: builders.events(s, SurveyAnswered.KIND))
    assert [(each["score"], each.get("was")) for each in told] == [(5, None), (4, 5)]


@pytest.mark.parametrize(
    ("score", "comment", "asks"),
    [
        ("1", "", False),
        ("2", "It took long.", True),
        ("5", "All good, thank you.", False),
        ("5", "I want to make a complaint about your agent.", True),
    ],
)
def test_a_comment_that_may_be_a_complaint_is_put_to_a_person_once(
    desk: Desk, score: str, comment: str, asks: bool
) -> None:
    path, reader = link(desk), desk.anonymous()
    for _ in range(2):
        reader.post(path, data={"score": score, "comment": comment})
    found = desk.read(lambda session: session.scalars(select(InboundMessage)).all())
    assert [(each.intents, each.reviewed_at) for each in found] == [("complaint", None)] * asks
    assert len(desk.read(lambda session: session.scalars(select(InboundMatch)).all())) == asks
    questions = desk.read(lambda session: session.scalars(select(CaseQuestion)).all())
    assert [each.words for each in questions] == [comment] * ("complaint" in comment), "its words have a cue"


def test_a_question_dies_with_the_links_that_are_replaced(desk: Desk) -> None:
    path, reader = link(desk), desk.anonymous()

    def replace(session: Session) -> None:
        session.scalars(select(Customer)).one().link_number += 1

    desk.write(replace)
    assert reader.get(path).status_code == 404
    assert reader.post(path, data={"score": "3"}).status_code == 404
    assert survey_in(desk).score is None


def test_a_page_gives_people_few_messages_a_day_and_keeps_every_answer(desk: Desk) -> None:
    path, reader = link(desk), desk.anonymous()
    for n in range(MOST_REQUESTS + 2):
        sent = reader.post(path, data={"score": "1", "comment": f"It took {n} weeks."})
        assert sent.headers["location"].endswith("done=thanks")
    assert len(desk.read(lambda session: session.scalars(select(InboundMessage)).all())) == MOST_REQUESTS
    assert survey_in(desk).comment == f"It took {MOST_REQUESTS + 1} weeks."


def test_who_wants_no_more_questions_says_so_and_the_page_closes(desk: Desk) -> None:
    path, reader = link(desk), desk.anonymous()
    assert reader.post(f"{path}/never").headers["location"].endswith("done=declined")
    reader.post(f"{path}/never")
    assert survey_in(desk).declined_at == NOW
    assert len(desk.read(lambda s: builders.events(s, SurveyDeclined.KIND))) == 1
    assert reader.post(path, data={"score": "3"}).headers["location"].endswith("done=closed")


def test_a_wrong_a_late_and_another_page_s_link_open_nothing(desk: Desk) -> None:
    path, reader = link(desk), desk.anonymous()
    token = path.split("/")[2]
    case, kind, number, mac = token.split(".")
    for wrong in (
        f"{case}9.{kind}.{number}.{mac}",
        f"{case}.{kind}.2w0.{mac}",
        f"{case}.{kind}.{number}.",
        "x",
    ):
        assert reader.get(f"/u/{wrong}/score").status_code == 404
    assert reader.get(f"/u/{token}").status_code == 404, "the question's link does not open the preferences"
    links = desk.app.state.ports.catalog.links
    own = links.url(1, Channel.EMAIL, on=TODAY).removeprefix("http://testserver")
    assert reader.get(f"{own}/score").status_code == 404
    desk.clock.at = NOW + timedelta(days=31)
    assert "can no longer be answered" in reader.get(path).text
    assert reader.post(path, data={"score": "3"}).headers["location"].endswith("done=closed")


@pytest.mark.parametrize("language", ["zh", "zh-Hans", "id", "nb", "nl"])
def test_the_page_is_in_the_language_of_its_message(desk: Desk, language: str) -> None:
    page = desk.anonymous().get(link(desk, language)).text
    words = satisfaction_words()[language]
    assert words["question"] in page
    assert f'<html lang="{words["tag"]}">' in page


def test_every_language_has_every_word() -> None:
    words = satisfaction_words()
    assert set(words) == {*LANGUAGES, "zh-Hans"}
    assert len({frozenset(each) for each in words.values()}) == 1
