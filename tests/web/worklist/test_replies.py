"""What customers wrote, as staff see it: on the worklist, in the case, in the queue where it is decided."""

from __future__ import annotations

import re

from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.inbound.events import MessageReviewed
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.outreach.gate.models import Consent, SuppressedAddress
from app.outreach.gate.preferences import open_preferences
from tests.builders import catalog, delinquent_case, events
from tests.web.book import FIRST_ON
from tests.web.desk import NOW, Desk

NUMBER = "+8613911112222"


def a_case(desk: Desk, name: str = "Anna Berg", mobile: str = NUMBER) -> CollectionsCase:
    def make(session: Session) -> CollectionsCase:
        case = delinquent_case(session, due_on=FIRST_ON, on=NOW.date(), owner="ben")
        customer = session.get_one(Customer, case.customer_id)
        customer.full_name, customer.mobile = name, mobile
        return case

    return desk.write(make)


def writes(desk: Desk, text: str, *, sender: str = NUMBER, sid: str = "SM1") -> int:
    arrived = Arrived(sid, sender, "+8621555000", text)
    message = desk.write(lambda session: receive(session, arrived, shipped_phrases(), catalog(), now=NOW))
    assert message is not None
    return id_of(message)


def test_whether_it_is_a_complaint_is_asked_beside_the_message(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    number = writes(sqlite_desk, "I want to make a complaint about your calls")
    browser = sqlite_desk.sign_in(Role.AGENT)
    page = browser.get(f"/replies/{number}").text
    assert "Is this a complaint?" in page
    assert 'data-key="y"' in page
    assert 'data-key="Y"' in browser.get(f"/cases/{case.id}").text
    sent = browser.submit("/questions/1", answer="yes", back="reply")
    assert sent.headers["location"] == f"/replies/{number}", "whoever reads the message stays with it"
    complaint = sqlite_desk.read(lambda session: session.scalars(select(Complaint)).one())
    assert (complaint.channel, complaint.words) == ("sms", "I want to make a complaint about your calls")
    page = browser.get(f"/replies/{number}").text
    assert 'Yes: <a href="/complaints/1">' in page
    assert 'data-key="y"' not in page
    assert outcome_of(sqlite_desk, number) is None, "the message itself still waits for its own decision"


def outcome_of(desk: Desk, message_id: int) -> ReviewOutcome | None:
    return desk.read(lambda session: session.get_one(InboundMessage, message_id).outcome)


def test_a_reply_is_seen_everywhere_until_somebody_has_dealt_with_it(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    a_case(sqlite_desk, "Bo Chen", "+8613900000001")
    number = writes(sqlite_desk, "I paid <b>yesterday</b>")
    browser = sqlite_desk.sign_in(Role.AGENT)
    worklist = browser.get("/worklist?state=reply").text
    assert "“I paid &lt;b&gt;yesterday&lt;/b&gt;”" in worklist
    assert re.findall(r'<a href="/cases/\d+"><bdi>([^<]*)</bdi></a>', worklist) == ["Anna Berg"]
    page = browser.get(f"/cases/{case.id}?tab=messages").text
    assert page.count("I paid &lt;b&gt;yesterday&lt;/b&gt;") == 2, "among open items and in the thread"
    assert "Says it is paid" in page
    assert "I paid &lt;b&gt;" in browser.get(f"/cases/{case.id}").text, "on the timeline"

    queue = browser.get("/replies").text
    assert "From customers (1)" in queue
    assert f'href="/replies/{number}"' in queue
    page = browser.get(f"/replies/{number}").text
    assert "also among the unmatched ones" in page
    answer = browser.submit(f"/replies/{number}/review", outcome="done")
    assert answer.status_code == 303
    assert outcome_of(sqlite_desk, number) is ReviewOutcome.DONE
    assert "No message waits for an answer" in browser.get("/replies").text
    assert "Ben Okafor" in browser.get("/replies?show=done").text
    assert "Anna Berg" not in browser.get("/worklist?state=reply").text


def test_what_may_be_a_refusal_is_decided_once(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    number = writes(sqlite_desk, "enough!")
    browser = sqlite_desk.sign_in(Role.MANAGER)
    page = browser.get(f"/replies/{number}").text
    assert "SMS rests until you have decided" in page
    assert "because of: enough" in page
    refused = browser.submit(f"/replies/{number}/review", outcome="done")
    assert (refused.status_code, outcome_of(sqlite_desk, number)) == (409, None)
    assert browser.submit(f"/replies/{number}/review", outcome="anything").status_code == 409
    assert browser.submit(f"/replies/{number}/review", outcome="stopped").status_code == 303
    again = browser.submit(f"/replies/{number}/review", outcome="lifted")
    assert (again.status_code, "was dealt with already" in again.text.lower()) == (409, True)

    def found(session: Session) -> tuple[list[bool], int]:
        consent = select(Consent.allowed).where(Consent.customer_id == case.customer_id)
        return list(session.scalars(consent)), len(open_preferences(session, case.customer_id))

    assert sqlite_desk.read(found) == ([False], 0)
    [told] = sqlite_desk.read(lambda session: events(session, MessageReviewed.KIND))
    assert (told["by"], told["outcome"]) == ("user:mei", "stopped")


def test_an_unknown_number_is_attached_by_any_reference(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    number = writes(sqlite_desk, "STOP", sender="+8613999999999")
    browser = sqlite_desk.sign_in(Role.AGENT)
    assert "From customers (0)" in browser.get("/replies").text
    assert f'href="/replies/{number}"' in browser.get("/replies?show=unknown").text
    assert "No customer has this reference" in browser.get(f"/replies/{number}?who=nobody").text
    page = browser.get(f"/replies/{number}?who={case.reference}").text
    assert "It is from Anna Berg" in page
    # Whoever gets that number one day has refused already.
    listed = sqlite_desk.read(lambda session: session.scalars(select(SuppressedAddress)).all())
    assert [(row.channel, row.spelt) for row in listed] == [(Channel.SMS, "+8613999999999")]
    assert browser.submit(f"/replies/{number}/attach", customer_id="999999").status_code == 404
    assert browser.submit(f"/replies/{number}/attach", customer_id=case.customer_id).status_code == 303
    assert "Anna Berg" in browser.get("/replies").text
    assert browser.submit(f"/replies/{number}/attach", customer_id=case.customer_id).status_code == 409
    consent = select(Consent.channel, Consent.allowed).where(Consent.customer_id == case.customer_id)
    assert sqlite_desk.read(lambda session: session.execute(consent).all()) == [(Channel.SMS, False)]


def test_there_is_nothing_behind_a_number_that_was_made_up(sqlite_desk: Desk) -> None:
    browser = sqlite_desk.sign_in(Role.AGENT)
    assert browser.get("/replies/77").status_code == 404
    assert browser.submit("/replies/77/review", outcome="done").status_code == 404
    assert browser.get("/replies?cursor=bad").status_code in (200, 422)


def test_one_click_from_a_message_to_the_form_of_help_with_its_words(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    number = writes(sqlite_desk, "I lost my job and cannot pay this month")
    browser = sqlite_desk.sign_in(Role.AGENT)
    assert "Do they ask for help with payments?" in browser.get(f"/replies/{number}").text
    sent = browser.submit("/questions/1", answer="yes", back="reply")
    form_at = sent.headers["location"]
    assert form_at == f"/cases/{case.id}/hardship?question=1#do-request"
    page = browser.get(form_at.partition("#")[0]).text
    assert "I lost my job and cannot pay this month" in page
    assert '<option value="message" selected>' in page
    wrong = browser.submit(f"/cases/{case.id}/hardship", way="message", question="1", received_on="", note="")
    assert wrong.status_code == 422
    assert "I lost my job and cannot pay this month" in wrong.text, "the words stay beside the form"
    assert "Choose at least one reason" in wrong.text
    browser.submit(f"/cases/{case.id}/hardship", way="message", question="1", reasons="work_lost")
    page = browser.get(f"/cases/{case.id}/hardship").text
    assert "I lost my job and cannot pay this month" in page, "the open request shows what was written"
    assert 'Yes: <a href="/cases/' in browser.get(f"/replies/{number}").text
    again = browser.get(f"/cases/{case.id}/hardship?question=1").text
    assert 'name="question"' not in again, "it was answered"


def test_a_no_to_help_or_a_need_stays_on_record_and_the_page_where_it_was_asked(sqlite_desk: Desk) -> None:
    case = a_case(sqlite_desk)
    number = writes(sqlite_desk, "my mother is hard of hearing, she needs large print")
    browser = sqlite_desk.sign_in(Role.AGENT)
    listed = browser.get("/questions?about=support_need").text
    assert "Do they need something from us?" in listed
    assert "No question waits" in browser.get("/questions?about=dispute").text
    page = browser.get(f"/cases/{case.id}/support-needs?question=1").text
    assert "she needs large print" in page
    assert 'value="she needs' not in page, "a need keeps none of the words"
    sent = browser.submit("/questions/1", answer="no", back="reply")
    assert sent.headers["location"] == f"/replies/{number}"
    assert "she needs large print" not in browser.get("/questions").text
