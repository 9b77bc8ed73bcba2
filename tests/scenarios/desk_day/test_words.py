"""One language a page, words in place of codes, the place whose law counts."""

from __future__ import annotations

import re

import pytest
from sqlmodel import Session, select

from app.actions.preferences import choose_language
from app.book.ledger.models import Customer
from app.core.vocabulary import Channel
from app.inbound.reception import receive_from_page
from app.inbound.rules import Intent
from tests import builders
from tests.scenarios.desk_day.formosa import HUANG, LAI, LU, NOW, Formosa
from tests.web.desk import seen_in

PAGES = ["/worklist?owner=all", "/cases/{case}", "/cases/{case}/contacts", "/accounts/{account}", "/replies"]
CJK = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff]+")


@pytest.mark.parametrize("reads", ["zh-TW", "zh-CN", "ja", "nl", "nb", "de"])
def test_a_page_is_in_one_language_with_the_currency_of_its_portfolio(day: Formosa, reads: str) -> None:
    """Bug 28: a zh-TW browser got "until 晚上10:00", "週日 11:20 there" and "$1,151" in an English page."""
    for path in PAGES:
        page = day.text(
            path.format(case=day.case(LAI), account=day.account(LAI)), **{"accept-language": reads}
        )
        for name in (LAI, HUANG, LU):
            page = page.replace(name, "")
        # The call script is the customer's language; it is English here.
        assert not CJK.search(page), (path, CJK.search(page))
        assert not re.search(r"(?<!NT)\$\d", page), path


def test_no_code_stands_on_the_pages_of_a_case(day: Formosa) -> None:
    """Bug 29: `cn.hours_gbt`, `user:mei`, `system`, "second reminder reminder", "zh to en", a hash as a version."""
    wanted = {"letter": "hardship_form:email"}
    shown = day.ben.submit(f"/cases/{day.case(LAI)}/letter", **wanted)
    day.send(LAI, "letter", seen=seen_in(shown.text), **wanted)
    day.send(LAI, "assign", owner="ben")
    day.write_in("STOP", LAI)
    for tab in ("timeline", "accounts", "messages", "plans", "holds"):
        page = day.case_text(LAI, f"?tab={tab}")
        for code in ("user:", "house.", "tw.", "reminder reminder", "@shipped"):
            assert code not in page, (tab, code)
        assert not re.search(r"\bsystem\b", page), tab
        assert not re.search(r"\b(?=[0-9]*[a-f])[0-9a-f]{8,}\b", page), tab


def test_a_case_names_the_law_of_its_own_place(day: Formosa) -> None:
    """Contradiction: Taiwan, Formosa Card Bank, "under Mainland China (cn@2026.2)"."""
    page = day.case_text(LAI)
    assert "under Taiwan" in page
    assert "China" not in page
    assert "@2026" not in page


def test_the_worklist_says_the_order_it_has(day: Formosa) -> None:
    """Contradiction: "whoever needs a person most" over a list in the order of a hidden score."""
    day.write_in("who is this?", LAI)
    day.send(LU, "call", result="call_back", callback_at="2026-03-02T18:00")
    day.later(hours=2)
    page = day.text("/worklist?owner=all")
    assert "needs a person most" not in page
    assert page.index("Callback") < page.index(LU) < page.index(LAI), "a callback that is due, then a reply"


def test_what_the_customer_chose_on_their_page_is_told_in_words(day: Formosa) -> None:
    """Bug 29: "zh to en", "waits for a person: preferences page: wrong_number"."""

    def chosen(session: Session) -> None:
        customer = session.scalars(select(Customer).where(Customer.full_name == LAI)).one()
        choose_language(session, customer, "nl", now=NOW)
        asked = (Channel.SMS, Intent.WRONG_NUMBER, "not me", "r1", builders.catalog())
        receive_from_page(session, customer, *asked, now=NOW)

    day.desk.write(chosen)
    page = day.case_text(LAI, "?tab=timeline")
    assert "English to Dutch" in page
    assert "preferences page: not the right person" in page
    assert "wrong_number" not in page
