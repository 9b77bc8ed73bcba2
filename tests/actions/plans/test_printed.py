"""The printable agreement: in five languages, whole, the same bytes each time, and payable by its codes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.plans.printed import agreement_pdf
from app.book.ledger.balances import balance_of
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.corrections.terms import change_terms
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.rules import CollectorKind
from app.casework.cases.models import CollectionsCase
from app.casework.plans.concessions import pass_on_waivers, waive_fees
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.changes import move_instalment, skip_instalment
from app.casework.plans.tracking.references import reference_of
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.programs.ports import make_paper
from tests import builders
from tests.outreach.agreements.made import agreement

ON = date(2026, 3, 16)
PARTS = [(date(2026, 4, 1), 2_500), (date(2026, 5, 1), 2_550)]
WORDS = {
    "en": (
        "What is owed",
        "You pay every month",
        "Rights, and what happens",
        "You agreed by telephone",
        "Signatures",
    ),
    "id": ("Utang", "Anda membayar setiap bulan", "Hak, dan akibat", "melalui telepon", "Tanda tangan"),
    "nb": ("Hva som skyldes", "Du betaler hver måned", "Rettigheter", "på telefon", "Underskrifter"),
    "nl": ("Wat u moet betalen", "U betaalt elke maand", "Uw rechten", "aan de telefoon", "Handtekeningen"),
    "zh": ("欠款", "每月繳納", "未繳款的後果", "以電話同意", "簽名"),
    "zh-Hans": ("欠款", "每月还款", "未还款的后果", "以电话同意", "签名"),
}


class Ports:
    catalog = builders.catalog()
    paper = make_paper()


def made(session: Session, language: str = "en", currency: str = "EUR", **changes: Any) -> Plan:
    book = builders.portfolio(
        session, currency=currency, pack="nl", timezone="Europe/Amsterdam", creditor="Havenbank N.V.",
        collector=CollectorKind.FIRST_PARTY, accrues=True, payee_iban="NL91ABNA0417164300", payee_bic="ABNANL2A",
    )  # fmt: skip
    assert book.code == builders.BOOK
    case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
    session.get_one(Customer, case.customer_id).sqlmodel_update({"language": language, "country": "NL"})
    return agreement(session, case, changes.pop("parts", PARTS), accepted_on=ON, **changes)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def codes_of(pdf: bytes) -> list[str]:
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        image = page.render(scale=3).to_pil()
        found += [each.text for each in zxingcpp.read_barcodes(image)]
    return found


@pytest.mark.parametrize("language", WORDS)
def test_it_says_everything_in_the_customers_language(sqlite_engine: Engine, language: str) -> None:
    with transaction(sqlite_engine) as session:
        plan = made(session, language, skips_allowed=1)
        pdf = agreement_pdf(session, plan, Ports())
        text = "".join(text_of(pdf).split())
        for words in (*WORDS[language], plan.reference, reference_of(id_of(plan), 2), "read back"):
            assert "".join(words.split()) in text, words
        assert pdf == agreement_pdf(session, plan, Ports()), "the same agreement is the same bytes"


def test_it_is_an_archive_format_with_tags(sqlite_engine: Engine, tmp_path: Any) -> None:
    with transaction(sqlite_engine) as session:
        pdf = agreement_pdf(session, made(session), Ports())
    path = tmp_path / "agreement.pdf"
    path.write_bytes(pdf)
    with pikepdf.open(path) as document:
        meta = str(document.Root.Metadata.read_bytes())
        assert "pdfaid:part>2<" in meta.replace(" ", "")
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "en"


def test_each_code_pays_its_own_instalment_line_by_line(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = made(session)
        plan_id = id_of(plan)
        codes = codes_of(agreement_pdf(session, plan, Ports()))
    assert sorted(code.split("\n") for code in codes) == sorted(
        ["BCD", "002", "1", "SCT", "ABNANL2A", "Havenbank N.V.", "NL91ABNA0417164300", amount, "", reference]
        for amount, reference in (
            ("EUR25.00", reference_of(plan_id, 1)), ("EUR25.50", reference_of(plan_id, 2)),
        )
    )  # fmt: skip


def test_a_currency_without_a_code_prints_none(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = made(session, currency="GBP")
        assert codes_of(agreement_pdf(session, plan, Ports())) == []


def test_an_offer_says_that_nothing_is_agreed_and_an_ended_one_that_it_ended(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = made(session)
        plan.status, plan.accepted_on, plan.acceptance = PlanStatus.OFFERED, None, None
        offered = text_of(agreement_pdf(session, plan, Ports()))
        assert "Nothing is agreed until it is accepted." in offered
        assert "You agreed" not in offered
        plan.status, plan.accepted_on, plan.ended_on = PlanStatus.BROKEN, ON, date(2026, 4, 5)
        ended = text_of(agreement_pdf(session, plan, Ports()))
        assert "This agreement ended on 5 April 2026." in ended
        assert "Nothing is agreed until" not in ended


def test_a_hardship_plan_tells_the_lower_rate_until_when_and_the_rate_after_it(sqlite_engine: Engine) -> None:
    """12 CFR 1026.9(c)(2)(v)(D), 1026.55(b)(5)."""
    with transaction(sqlite_engine) as session:
        plan = made(session, kind=PlanKind.HARDSHIP, apr_millionths=59_900, waived_fees_minor=4_000)
        card = session.scalars(select(Account)).one()
        builders.entry(session, card, EntryKind.FEE, 3_500, ON)
        waive_fees(session, plan, by=Actor.user("ann"), now=builders.at(ON))
        text = " ".join(text_of(agreement_pdf(session, plan, Ports())).split())
    assert "until its last payment, due on 1 May 2026, interest is 5.99% a year instead of 18%." in text
    assert (
        "When it ends, interest runs again as without it: now 18% a year. This agreement never raises it."
        in text
    )
    assert "Fees of €35.00 are waived." in text, "those that were"


@pytest.mark.parametrize(
    ("status", "reversed_", "says", "not_"),
    [
        (PlanStatus.BROKEN, False, "Fees of €35.00 are waived.", "charged again as of"),
        (
            PlanStatus.BROKEN, True,
            "Fees of €35.00 are waived. They were charged again as of 5 April 2026.", "Nothing is waived",
        ),
        (
            PlanStatus.CANCELLED, True,
            "Fees of €35.00 are waived. They were charged again as of 5 April 2026.", "Nothing is waived",
        ),
        (PlanStatus.CANCELLED, False, "Fees of €35.00 are waived.", "charged again as of"),
    ],
    ids=["broken after a payment", "broken", "cancelled", "renegotiated"],
)  # fmt: skip
def test_one_that_ended_says_what_it_waived_and_whether_it_was_charged_again(
    engine: Engine, status: PlanStatus, reversed_: bool, says: str, not_: str
) -> None:
    with transaction(engine) as session:
        plan = made(session, kind=PlanKind.HARDSHIP, apr_millionths=59_900, waived_fees_minor=3_500)
        card = session.scalars(select(Account)).one()
        builders.entry(session, card, EntryKind.FEE, 3_500, ON)
        waive_fees(session, plan, by=Actor.user("ann"), now=builders.at(ON))
        plan.status, plan.ended_on = status, date(2026, 4, 5)
        if reversed_:
            credit = session.scalars(select(Entry).where(Entry.kind == EntryKind.CREDIT)).one()
            reverse_entry(
                session, credit, reason="nothing was paid", posted_on=date(2026, 4, 5), by=Actor.user("ann"),
                now=builders.at(date(2026, 4, 5)),
            )  # fmt: skip
        elif status is PlanStatus.CANCELLED:  # it was renegotiated
            case = session.get_one(CollectionsCase, plan.case_id)
            later = agreement(session, case, PARTS, accepted_on=ON, supersedes_id=plan.id)
            pass_on_waivers(session, plan, later, date(2026, 4, 5))
        text = " ".join(text_of(agreement_pdf(session, plan, Ports())).split())
    assert says in text
    assert not_ not in text
    assert "We waive fees of €35.00. They are charged again only if" in text


def test_rates_and_days_are_those_of_the_agreement_and_not_of_now(engine: Engine) -> None:
    """The creditor's file changed the rate, one date was moved and one payment skipped since."""
    days = [*PARTS, (date(2026, 6, 1), 2_600), (date(2026, 7, 1), 2_600)]
    later = {"by": Actor.user("ann"), "now": builders.at(date(2026, 3, 20))}
    with transaction(engine) as session:
        plan = made(session, parts=days, kind=PlanKind.HARDSHIP, apr_millionths=59_900, skips_allowed=2)
        before = " ".join(text_of(agreement_pdf(session, plan, Ports())).split())
        change_terms(
            session, session.scalars(select(Account)).one(), {"apr_millionths": 250_000}, "x", **later
        )
        today = date(2026, 3, 20)
        move_instalment(session, plan, 2, date(2026, 5, 8), "", today=today, **later)
        skip_instalment(session, plan, 3, "", authority=None, today=today, **later)
        session.flush()
        after = " ".join(text_of(agreement_pdf(session, plan, Ports())).split())
    assert "as they stand now" not in before
    changed = after[after.index("Since then it changed. The payments as they stand now:") :]
    assert "8 May 2026" in changed
    assert "3 skipped: due with the last payment - -" in changed
    assert "1 May 2026" not in changed[: changed.index("Interest and fees")]
    for said in (
        "interest is 5.99% a year instead of 18%.", "now 18% a year", "in 4 payments in EUR, the last on 1 July 2026",
        "You may skip 2 payments", "1 June 2026", "1 May 2026",
    ):  # fmt: skip
        assert said in before, said
        assert said in after, said


def test_an_account_that_has_ended_since_still_tells_its_rate(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = made(session)
        plan.status, plan.ended_on = PlanStatus.KEPT, date(2026, 5, 1)
        card = session.scalars(select(Account)).one()
        balance = balance_of(session, id_of(card), date(2026, 5, 1))
        builders.payment(session, card, balance, date(2026, 5, 1), now=builders.at(date(2026, 5, 1)))
        change_status(
            session, card, AccountStatus.PAID, date(2026, 5, 1), "paid", by=Actor.user("ann"),
            now=builders.at(date(2026, 5, 2)),
        )  # fmt: skip
        text = " ".join(text_of(agreement_pdf(session, plan, Ports())).split())
    assert "Interest is 18% a year." in text
    assert "No interest is charged" not in text
