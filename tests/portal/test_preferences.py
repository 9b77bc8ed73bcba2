"""The link in every message: without signing in, and for whoever holds it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.customers.events import LanguageChanged
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.correspondence.models import InboundMessage
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ConsentChanged
from app.outreach.gate.models import Consent
from app.outreach.gate.preferences import open_preferences, set_preference
from app.outreach.strategy.models import StrategyTask
from app.policy.facts import PreferenceKind
from app.portal.page import LANGUAGES, catalogue
from tests.builders import delinquent_case, events, portfolio
from tests.web.book import FIRST_ON
from tests.web.desk import NOW, Desk


@pytest.fixture
def desk(sqlite_desk: Desk) -> Desk:
    """One database is enough for what the page says; what it puts before a person is stored on both."""
    return sqlite_desk


def link(desk: Desk, channel: Channel = Channel.EMAIL, **changes: str) -> tuple[int, str]:
    """(customer id, path) as it stands in a message to a new customer."""

    def make(session: object) -> int:
        case = delinquent_case(session, due_on=FIRST_ON, on=NOW.date())  # type: ignore[arg-type]
        customer = session.get_one(Customer, case.customer_id)  # type: ignore[attr-defined]
        for name, value in changes.items():
            setattr(customer, name, value)
        return case.customer_id

    customer_id = desk.write(make)
    url = desk.app.state.ports.catalog.links.url(customer_id, channel, on=NOW.date())
    return customer_id, url.removeprefix("http://testserver")


def consents(desk: Desk, customer_id: int) -> dict[Channel, bool]:
    query = select(Consent).where(Consent.customer_id == customer_id)
    return desk.read(lambda session: {row.channel: row.allowed for row in session.scalars(query)})


ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_opening_the_link_changes_nothing_and_asks_in_the_customers_language(desk: Desk) -> None:
    customer_id, path = link(desk)
    page = desk.anonymous().get(path)
    assert page.status_code == 200
    assert "Do you want no more e-mails from Harbour Bank?" in page.text
    assert '<html lang="en">' in page.text
    assert "Anna" not in page.text
    assert consents(desk, customer_id) == {}
    _, path = link(desk, Channel.SMS, language="zh-TW")
    page = desk.anonymous().get(path).text
    assert '<html lang="zh-Hant">' in page
    assert "停止接收簡訊" in page


@pytest.mark.parametrize("as_files", [False, True])
def test_one_click_of_a_mail_program_is_enough_and_twice_is_once(desk: Desk, as_files: bool) -> None:
    customer_id, path = link(desk)
    body = {"files": {"List-Unsubscribe": (None, "One-Click")}} if as_files else {"data": ONE_CLICK}
    for _ in range(2):
        answer = desk.anonymous().post(path, **body, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 200
        assert "will send you no more e-mails" in answer.text
        assert "set-cookie" not in answer.headers
    assert consents(desk, customer_id) == {Channel.EMAIL: False}
    [told] = desk.read(lambda session: events(session, ConsentChanged.KIND, customer_id=customer_id))
    assert (told["allowed"], told["channel"], told["source"]) == (False, Channel.EMAIL, "unsubscribe link")


def test_a_consent_given_before_is_taken_back(desk: Desk) -> None:
    customer_id, path = link(desk, Channel.SMS)

    def allow(session: object) -> None:
        customer = session.get_one(Customer, customer_id)  # type: ignore[attr-defined]
        set_consent(
            session, customer, Channel.SMS, allowed=True, source="call", by=Actor.user("ben"), now=NOW
        )  # type: ignore[arg-type]

    desk.write(allow)
    assert desk.anonymous().post(path, data=ONE_CLICK).status_code == 200
    assert consents(desk, customer_id) == {Channel.SMS: False}


def test_a_post_without_the_one_click_field_only_asks_again(desk: Desk) -> None:
    customer_id, path = link(desk)
    answer = desk.anonymous().post(path)
    assert answer.status_code == 422
    assert "<button" in answer.text
    assert consents(desk, customer_id) == {}


def test_a_link_we_did_not_make_tells_nothing(desk: Desk) -> None:
    customer_id, path = link(desk)
    gone = desk.app.state.ports.catalog.links.url(999_999, Channel.SMS, on=NOW.date())
    bodies = set()
    for bad in (
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        path.replace(".email.", ".sms."),
        path.replace(f"/{customer_id}.", f"/{customer_id + 1}."),
        "/u/x",
        "/u/1.email.%00%ff",
        gone.removeprefix("http://testserver"),
    ):
        for answer in (desk.anonymous().get(bad), desk.anonymous().post(bad, data=ONE_CLICK)):
            assert answer.status_code == 404, bad
            bodies.add(answer.text)
    assert len(bodies) == 1  # the same whether the customer exists or not
    assert consents(desk, customer_id) == {}


def test_a_replaced_link_stops_messages_and_does_nothing_else(desk: Desk) -> None:
    customer_id, path = link(desk)
    agent = desk.sign_in(Role.AGENT)
    case_id = desk.read(lambda s: s.scalars(select(CollectionsCase.id)).one())
    assert agent.submit(f"/cases/{case_id}/links/replace").status_code == 303
    page = desk.anonymous().get(path).text
    assert "This link is an old one" in page
    assert "<select" not in page
    assert "confirm" not in page
    for form, fields in (
        ("settings", {"from": "01:00", "to": "02:00", "channel": ["sms", "email", "post", "call"]}),
        ("ask", {"what": "dispute"}),
    ):
        assert (
            desk.anonymous().post(f"{path}/{form}", data=fields).headers["location"].endswith("done=too_many")
        )
    assert desk.read(lambda s: open_preferences(s, customer_id)) == []
    assert desk.anonymous().post(path, data=ONE_CLICK).status_code == 200
    assert consents(desk, customer_id) == {Channel.EMAIL: False}
    fresh = desk.app.state.ports.catalog.links.url(customer_id, Channel.EMAIL, 1, on=NOW.date())
    assert "<select" in desk.anonymous().get(fresh.removeprefix("http://testserver")).text


def after(desk: Desk, path: str, form: str, **fields: object) -> str:
    """What the page says after one of its forms was sent."""
    answer = desk.anonymous().post(f"{path}/{form}", data=fields)
    assert answer.status_code == 303, answer.text[:300]
    assert answer.headers["referrer-policy"] == "no-referrer"
    return desk.anonymous().get(answer.headers["location"]).text


def test_the_page_names_nobody_and_speaks_of_no_debt(desk: Desk) -> None:
    customer_id, path = link(desk)
    answer = desk.anonymous().get(path)
    customer = desk.read(lambda s: s.get_one(Customer, customer_id))
    for private in (
        customer.full_name,
        customer.mobile,
        customer.email,
        customer.address_line1,
        "past due",
        "CNY",
        "C-0",
    ):
        assert private not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


ALL = {"channel": [channel.value for channel in Channel]}
"""The settings form as it stands for a customer who refused nothing."""


def test_channels_are_chosen_and_what_was_never_refused_gains_no_consent(desk: Desk) -> None:
    customer_id, path = link(desk)
    assert "Saved." in after(desk, path, "settings", channel=["sms", "email", "post"])
    assert consents(desk, customer_id) == {Channel.CALL: False}
    after(desk, path, "settings", channel=["call", "sms", "nonsense"], refused="call")
    assert consents(desk, customer_id) == {Channel.CALL: True, Channel.EMAIL: False, Channel.POST: False}
    asked = desk.anonymous().post(f"{path}/stop")
    assert asked.status_code == 200
    assert "Yes, stop everything" in asked.text
    assert consents(desk, customer_id)[Channel.CALL]  # not yet
    assert "will not contact you any more" in after(desk, path, "stop", sure="1")
    assert consents(desk, customer_id) == dict.fromkeys(Channel, False)
    told = desk.read(lambda s: events(s, ConsentChanged.KIND, customer_id=customer_id))
    assert {(each["by"], each["source"]) for each in told} == {("customer", "preferences page")}
    assert len(told) == 6


def test_quiet_times_go_over_midnight_and_only_those_of_the_page_are_taken_back(desk: Desk) -> None:
    customer_id, path = link(desk)

    def told(session: Session) -> None:
        customer = session.get_one(Customer, customer_id)
        set_preference(
            session,
            customer,
            PreferenceKind.TIME,
            start_minute=720,
            source="call",
            by=Actor.user("ben"),
            now=NOW,
        )

    desk.write(told)
    page = after(desk, path, "settings", **ALL, **{"from": "18:00", "to": "08:30", "days": "weekdays"})
    assert 'value="18:00"' in page
    assert 'value="08:30"' in page
    assert '<option value="weekdays" selected>' in page
    [_evening, morning] = desk.read(lambda s: open_preferences(s, customer_id))[1:]
    assert morning.weekdays == "0,1,2,3,4,5"  # the night of Friday ends on Saturday

    def spans() -> list[tuple[int, int, str]]:
        rows = desk.read(lambda s: open_preferences(s, customer_id))
        return [(row.start_minute, row.end_minute, row.source) for row in rows]

    page_spans = [(1080, 1440, "preferences page"), (0, 510, "preferences page")]
    assert spans() == [(720, 1440, "call"), *page_spans]
    for odd in ("", "9", "25:00", "09:61", "-1:00", "18:00"):
        refused = desk.anonymous().post(
            f"{path}/settings", data={"channel": ["sms"], "from": "18:00", "to": odd, "language": "nl"}
        )
        assert refused.status_code == 422
        assert "Give two different times" in refused.text
        assert 'value="18:00"' in refused.text
    assert spans() == [(720, 1440, "call"), *page_spans]
    assert consents(desk, customer_id) == {}  # all of a form, or none of it
    before = desk.read(lambda s: len(events(s, customer_id=customer_id)))
    after(desk, path, "settings", **ALL, **{"from": "18:00", "to": "08:30", "days": "weekdays"})
    assert desk.read(lambda s: len(events(s, customer_id=customer_id))) == before  # nothing was changed
    after(desk, path, "settings", **ALL, **{"from": "12:00", "to": "13:00", "days": "every_day"})
    assert spans()[1:] == [(720, 780, "preferences page")]
    after(desk, path, "settings", **ALL, **{"from": "", "to": ""}, quiet_was="12:00-13:00 every_day")
    assert spans() == [(720, 1440, "call")]


def test_the_language_is_theirs_to_choose(desk: Desk) -> None:
    customer_id, path = link(desk)
    assert "Opgeslagen. Dit geldt vanaf nu." in after(desk, path, "settings", **ALL, language="nl")
    after(desk, path, "settings", **ALL, language="xx")
    customer = desk.read(lambda s: s.get_one(Customer, customer_id))
    assert (customer.language, customer.language_chosen) == ("nl", True)
    [told] = desk.read(lambda s: events(s, LanguageChanged.KIND))
    assert (told["from"], told["to"], told["by"]) == ("en", "nl", "customer")
    customer_id, path = link(desk, language="zh-TW")
    after(desk, path, "settings", **ALL, language="zh")
    assert desk.read(lambda s: s.get_one(Customer, customer_id).language) == "zh-TW"


@pytest.mark.parametrize(
    ("what", "intent", "hold"),
    [
        ("call", "call_me", None),
        ("dispute", "dispute", "dispute"),
        ("not_me", "wrong_number", None),
        ("paid", "paid", "payment_claimed"),
        ("cannot_pay", "hardship", "manual"),
        ("other", "", None),
    ],
)
def test_a_request_is_for_a_person_and_what_must_rest_rests(
    engine: Engine, what: str, intent: str, hold: str | None
) -> None:
    desk = Desk(engine)
    customer_id, path = link(desk)
    for _ in range(2):  # the same form sent twice
        page = after(desk, path, "ask", what=what, text="my card 4111 1111 1111 1111", ref="r1", sure="1")
        assert "Thank you" in page
        assert page.count("– a person will read it") == 1
        assert "1111" not in page  # another person may hold the link
    [message] = desk.read(lambda s: list(s.scalars(select(InboundMessage))))
    assert (message.intents, message.body) == (intent, "my card **** **** **** 1111")
    holds = desk.read(lambda s: [hold.kind.value for hold in s.scalars(select(CaseHold))])
    assert holds == ([hold] if hold else [])
    looked_for = desk.read(
        lambda s: [t.step for t in s.scalars(select(StrategyTask)) if t.step == DeskStep.CLAIM]
    )
    assert looked_for == ([DeskStep.CLAIM] if what == "paid" else []), "work to look for the payment, once"
    places = desk.read(lambda s: [row.address for row in open_preferences(s, customer_id)])
    assert bool(places) == (what == "not_me")
    for n in range(6):
        last = after(desk, path, "ask", what="call", ref=f"again{n}")
    assert "please try again tomorrow" in last
    assert desk.read(lambda s: len(s.scalars(select(InboundMessage)).all())) == 5


def test_not_me_is_asked_once_more_and_can_be_taken_back_through_a_person(desk: Desk) -> None:
    customer_id, path = link(desk)
    asked = desk.anonymous().post(f"{path}/ask", data={"what": "not_me", "ref": "r1"})
    assert asked.status_code == 200
    assert "Yes, you have the wrong person" in asked.text
    assert desk.read(lambda s: open_preferences(s, customer_id)) == []
    page = after(desk, path, "ask", what="not_me", ref="r1", sure="1")
    assert "was a mistake" in page
    page = after(desk, path, "ask", what="mistake", ref="r2")
    assert "A person will read it and put it right" in page
    [back] = desk.read(lambda s: list(s.scalars(select(InboundMessage).where(InboundMessage.intents == ""))))
    assert back.body.endswith("by mistake.")
    assert back.reviewed_at is None
    assert (
        len(desk.read(lambda s: open_preferences(s, customer_id))) == 1
    )  # until a person confirms the address


def test_the_page_says_how_to_reach_a_person_and_how_to_pay(desk: Desk) -> None:
    desk.write(
        lambda session: portfolio(
            session, contact_phone="+886 2 5550 0100", contact_email="help@bank.example"
        )
    )
    _, path = link(desk)
    page = desk.anonymous().get(path).text
    assert 'href="tel:+886255500100"' in page
    assert "help@bank.example" in page
    assert "How to pay" in page


def test_a_form_without_a_choice_asks_for_one(desk: Desk) -> None:
    _, path = link(desk)
    assert "Choose what it is about first." in after(desk, path, "ask", text="hello")
    assert desk.read(lambda s: s.scalars(select(InboundMessage)).all()) == []


def test_a_program_at_the_link_can_only_stop_messages(desk: Desk) -> None:
    customer_id, path = link(desk)
    for n in range(35):
        after(desk, path, "settings", **ALL, **{"from": f"{n % 20:02}:00", "to": "23:00"})
    assert "please try again" in after(desk, path, "settings", channel=["post"], language="nl")
    assert consents(desk, customer_id) == {Channel.SMS: False, Channel.EMAIL: False, Channel.CALL: False}


def test_every_language_has_every_word() -> None:
    def gaps(text: str) -> list[str]:
        return sorted(re.findall(r"\{\w+\}", text))

    english = catalogue()["en"]
    assert set(catalogue()) == set(LANGUAGES)
    for language, words in catalogue().items():
        assert {key: gaps(text) for key, text in words.items()} == {
            key: gaps(text) for key, text in english.items()
        }, language
        left = {key for key, text in words.items() if text == english[key]}
        assert language == "en" or left <= {"email", "stop", "sms"}, (language, left)


def test_the_link_needs_no_sign_in_and_shows_staff_nothing_more(desk: Desk) -> None:
    _, path = link(desk)
    once = re.compile(r'name="ref" value="[^"]*"')
    seen = [once.sub("", who.get(path).text) for who in (desk.sign_in(Role.MANAGER), desk.anonymous())]
    assert seen[0] == seen[1]


def test_the_portfolio_builder_names_the_sender(desk: Desk) -> None:
    """An agency writes under its own name, and that is whose messages stop."""
    desk.write(lambda session: portfolio(session, agency="North Agency"))
    _, path = link(desk)
    assert "from North Agency?" in desk.anonymous().get(path).text


@pytest.mark.parametrize(
    ("reads", "words", "tag"),
    [
        ("en-US", "This link does not work", "en"),
        ("zh-TW,zh;q=0.9", "此連結無法使用", "zh-Hant"),
        ("id", "Tautan ini tidak berfungsi", "id"),
        ("no", "Denne lenken virker ikke", "nb"),
        ("nl-NL", "Deze link werkt niet", "nl"),
        ("de", "This link does not work", "en"),
    ],
)
def test_a_broken_link_tells_a_stranger_nothing(sqlite_desk: Desk, reads: str, words: str, tag: str) -> None:
    for path in ("/u/437.email.BROKEN", "/u/437.email.BROKEN/ask", "/U/437", "/u/"):
        answer = sqlite_desk.anonymous().get(path, headers={"accept-language": reads})
        assert answer.status_code in (404, 405), path
        assert words in answer.text, path
        assert f'lang="{tag}"' in answer.text
        for word in ("arrears", "debt", "sign in", "/login", "favicon.svg"):
            assert word not in answer.text.lower(), (path, word)
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
