"""The settings of a page that lay open while its reader refused something elsewhere, and of a form that was refused."""

from __future__ import annotations

import re

import pytest
from sqlmodel import Session

from app.actions.preferences import choose_quiet_time, lapsed_channels
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.vocabulary import Channel
from app.outreach.gate.consent import set_consent
from app.outreach.gate.preferences import open_preferences
from tests.portal.test_preferences import ALL, consents, desk, link
from tests.web.desk import NOW, Desk

__all__ = ["desk"]
BEN = Actor.user("ben")


def settings_of(page: str) -> dict[str, object]:
    """The fields of the settings form as a browser sends them back untouched."""
    form = page[page.index("/settings") :]
    form = form[: form.index("</form>")]
    fields: dict[str, object] = dict(
        re.findall(r'<input type="(?:time|hidden)"[^>]* name="([\w]+)" value="([^"]*)"', form)
    )
    fields.update(re.findall(r'<input type="hidden" name="([\w]+)" value="([^"]*)"', form))
    fields["refused"] = re.findall(r'name="refused" value="(\w+)"', form)
    fields["channel"] = re.findall(r'name="channel" value="(\w+)" checked', form)
    fields["days"] = "every_day"
    return fields


def refuse_by_telephone(desk: Desk, customer_id: int, channel: Channel) -> None:
    desk.write(
        lambda s: set_consent(
            s, s.get_one(Customer, customer_id), channel, allowed=False, source="call", by=BEN, now=NOW
        )
    )


def test_a_page_that_lay_open_takes_no_refusal_back(desk: Desk) -> None:
    customer_id, path = link(desk)
    stale = settings_of(desk.anonymous().get(path).text)
    assert stale["channel"] == ALL["channel"]
    refuse_by_telephone(desk, customer_id, Channel.SMS)
    assert desk.anonymous().post(f"{path}/settings", data=stale | {"language": "nl"}).status_code == 303
    assert consents(desk, customer_id) == {Channel.SMS: False}
    fresh = settings_of(desk.anonymous().get(path).text)
    assert fresh["refused"] == ["sms"]
    desk.anonymous().post(f"{path}/settings", data=fresh | ALL)
    assert consents(desk, customer_id) == {Channel.SMS: True}, "ticked on a page that showed it as refused"


def test_a_page_that_lay_open_clears_no_quiet_time_and_changes_no_language_back(desk: Desk) -> None:
    customer_id, path = link(desk)
    stale = settings_of(desk.anonymous().get(path).text) | {"language": "en"}

    def choose(session: object) -> None:
        customer = session.get_one(Customer, customer_id)  # type: ignore[attr-defined]
        choose_quiet_time(session, customer, 600, 720, (), now=NOW)  # type: ignore[arg-type]
        customer.language = "nl"

    desk.write(choose)
    desk.anonymous().post(f"{path}/settings", data=stale)
    [quiet] = desk.read(lambda s: open_preferences(s, customer_id))
    assert (quiet.start_minute, quiet.end_minute) == (600, 720)
    assert desk.read(lambda s: s.get_one(Customer, customer_id).language) == "nl"
    fresh = settings_of(desk.anonymous().get(path).text)
    desk.anonymous().post(f"{path}/settings", data=fresh | {"from": "", "to": ""})
    assert desk.read(lambda s: open_preferences(s, customer_id)) == []


def test_a_form_that_is_refused_keeps_its_ticks_and_its_language(desk: Desk) -> None:
    _, path = link(desk)
    typed = {"channel": ["email"], "from": "18:00", "to": "25:00", "language": "nl"}
    refused = desk.anonymous().post(f"{path}/settings", data=typed)
    assert refused.status_code == 422
    assert settings_of(refused.text)["channel"] == ["email"]
    assert '<option value="nl" lang="nl" selected>' in refused.text


@pytest.mark.parametrize("ticked", [True, False])
def test_a_yes_for_another_number_is_shown_unticked_and_asked_anew(desk: Desk, ticked: bool) -> None:
    customer_id, path = link(desk, Channel.SMS)

    def allow(session: Session) -> None:
        customer = session.get_one(Customer, customer_id)
        set_consent(session, customer, Channel.SMS, allowed=True, source="call", by=BEN, now=NOW)

    def change_number(session: Session) -> None:
        session.get_one(Customer, customer_id).mobile = "+31687654321"

    desk.write(allow)
    before = settings_of(desk.anonymous().get(path).text)
    assert before["refused"] == []
    desk.write(change_number)
    desk.anonymous().post(f"{path}/settings", data=before)
    page = desk.anonymous().get(path).text
    assert "One-Click" in page, "messages can be stopped all the same"
    fresh = settings_of(page)
    assert fresh["refused"] == ["sms"], "a page that lay open says nothing about the new number"
    assert "sms" not in fresh["channel"]  # type: ignore[operator]
    desk.anonymous().post(f"{path}/settings", data=fresh | (ALL if ticked else {}))
    assert consents(desk, customer_id) == {Channel.SMS: ticked}
    assert desk.read(lambda s: lapsed_channels(s, s.get_one(Customer, customer_id), now=NOW)) == []
