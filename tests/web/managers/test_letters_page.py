"""The template desk: every letter can be looked at, with a sample or a case, and nothing can be sent from it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pypdfium2
import pytest
from PIL import Image
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.core.clock import FixedClock
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.programs.ports import make_paper
from tests import builders
from tests.web.accounts.test_account_corrections import words
from tests.web.desk import NOW, Browser, Desk, letters, make_ports

ON = date(2026, 3, 1)


@pytest.fixture
def desk(sqlite_engine: Engine) -> Desk:
    plain = Desk(sqlite_engine)
    priced = plain.settings.model_copy(
        update={"price_currency": "USD", "price_sms_segment": Decimal("0.0079")}
    )
    ports = make_ports(FixedClock(NOW), priced)
    return Desk(sqlite_engine, settings=priced, ports=replace(ports, paper=make_paper()))


@pytest.fixture
def mei(desk: Desk) -> Browser:
    return desk.sign_in(Role.MANAGER)


def a_case(desk: Desk) -> CollectionsCase:
    def write(session: Session) -> CollectionsCase:
        return builders.delinquent_case(session, due_on=date(2026, 2, 20), on=ON)

    return desk.write(write)


def test_every_letter_is_shown_in_every_channel_and_language(desk: Desk, mei: Browser) -> None:
    listed = mei.get("/letters").text
    for name, letter in letters().items():
        assert f'href="/letters/{name}"' in listed
        assert letter.version in listed
        for channel in letter.channels - {Channel.POST}:
            first, *others = letter.languages
            for beside in others or [""]:
                page = mei.get(f"/letters/{name}?channel={channel.value}&language={first}&beside={beside}")
                assert page.status_code == 200
                assert "cannot be worded" not in page.text, f"{name} {channel} {beside}"


def test_an_sms_tells_its_segments_alphabet_and_cost(mei: Browser) -> None:
    page = words(mei.get("/letters/first_reminder?channel=sms&language=en&beside=zh"))
    assert re.search(r"2 segments, GSM-7 · costs 0\.0158 USD", page)
    assert re.search(r"\d segments?, UCS-2", page)
    assert "English" in page
    assert "Chinese" in page


def test_a_letter_is_shown_as_it_is_printed(mei: Browser) -> None:
    page = mei.get("/letters/first_reminder?channel=post&language=nl").text
    [source] = re.findall(r'<img class="letter-page" src="([^"]+)"', page)
    picture = mei.get(source.replace("&amp;", "&"))
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).width > 700
    pdf = mei.get("/letters/first_reminder/letter.pdf?language=nl")
    text = pypdfium2.PdfDocument(pdf.content)[0].get_textpage().get_text_range()
    assert "Jan de Vries" in text
    assert "Pagina 1 van 1" in text
    assert mei.get("/letters/first_reminder/page-9.png").status_code == 404


def test_a_real_case_fills_it_and_what_is_not_known_is_named(desk: Desk, mei: Browser) -> None:
    case = a_case(desk)
    page = words(mei.get(f"/letters/first_reminder?channel=email&case=C-{case.id:06}"))
    assert f"C-{case.id:06}" in page
    assert "50.00" in page
    assert "/u/specimen" in page, "looking at a letter opens nobody's own page"
    lacking = words(mei.get(f"/letters/promise_confirmation?channel=sms&case={case.id}"))
    assert re.search(r"Nothing is known here for: .*amount", lacking)
    assert "There is no case C-000999" in words(mei.get("/letters/first_reminder?case=C-000999"))
    assert mei.get(f"/letters/first_reminder/letter.pdf?case={case.id}&language=nb").status_code == 200


def test_who_sees_what(desk: Desk) -> None:
    case = a_case(desk)
    assert desk.sign_in(Role.AGENT).get(f"/letters/first_reminder?case={case.id}").status_code == 200
    alma = desk.sign_in(Role.ADMIN)
    assert alma.get("/letters/first_reminder").status_code == 200
    assert "Case, instead" not in alma.get("/letters/first_reminder").text
    for path in ("", "/letter.pdf", "/page-1.png"):
        assert alma.get(f"/letters/first_reminder{path}?case={case.id}").status_code == 403
    assert desk.sign_in(Role.LEGAL).get("/letters").status_code == 403
    assert alma.get("/letters/no_such_letter").status_code == 404


def test_nothing_is_sent_from_it(desk: Desk, mei: Browser) -> None:
    a_case(desk)
    page = mei.get("/letters/first_reminder?case=1").text
    assert 'method="post"' not in page.replace('action="/logout"', "").partition("<main")[2]
    assert builders.messages(desk.engine) == []
