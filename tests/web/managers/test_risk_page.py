"""The page of break risk: before a training, with a model, with too little history; by API the same figures."""

from __future__ import annotations

from sqlmodel import select

from app.book.portfolios.models import Portfolio
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.reporting.risk.service import train_risk_model
from tests import builders
from tests.reporting.risk.test_service import BY, NOW, a_year
from tests.web.desk import Desk


def test_before_a_training_it_says_what_is_shown_and_how_to_train(sqlite_desk: Desk) -> None:
    sqlite_desk.write(builders.portfolio)
    page = sqlite_desk.sign_in(Role.MANAGER).get("/risk").text
    assert "In use now: too little history" in page
    assert "desk risk train --portfolio" in page
    assert sqlite_desk.sign_in(Role.AGENT).get("/risk").status_code == 403


def test_a_model_shows_its_test_its_weights_and_its_proxies(sqlite_desk: Desk) -> None:
    a_year(sqlite_desk.engine, 400)
    with transaction(sqlite_desk.engine) as session:
        version = train_risk_model(session, session.scalars(select(Portfolio)).one(), by=BY, now=NOW)
        why = version.why
    mei = sqlite_desk.sign_in(Role.MANAGER)
    page = mei.get("/risk").text
    assert why.replace("'", "&#39;") in page
    assert '<div class="grid-4">' in page, "its figures stand side by side"
    for words in (
        "Calibration slope",
        "Monthly payment beside what was paid lately",
        "Language explains",
        "Trainings",
    ):
        assert words in page, words
    assert mei.get("/risk?version=9").status_code == 404
