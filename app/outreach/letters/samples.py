"""Sample data: a made-up customer for showing letters, in each language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from app.book.portfolios.rules import CollectorKind
from app.casework.knowledge.rules import ArticleLine
from app.core.vocabulary import Channel
from app.outreach.letters.letter import (
    AccountLine,
    DebtLine,
    InstalmentLine,
    LetterContext,
    PaidLine,
)
from app.outreach.letters.locales import format_amount, format_date, format_rate
from app.outreach.letters.statutory import ClaimLine, DefaultSumLine, ItemLine
from app.outreach.outbox.dispatch import Dispatch

NAMES = {
    "en": "Alex Rivera",
    "zh": "王小明",
    "zh-Hans": "王小明",
    "id": "Siti Rahayu",
    "nb": "Kari Nordmann",
    "nl": "Jan de Vries",
    "de": "Erika Mustermann",
    "fr": "Marie Tremblay",
}
ADDRESSES = {
    "en": "14 Elm Street\nSpringfield IL 62701\nUS",
    "zh": "信義路五段 7 號\n110 台北市\nTW",
    "zh-Hans": "人民路 100 号\n200000 上海\nCN",
    "id": "Jalan Merdeka 17\n10110 Jakarta\nID",
    "nb": "Storgata 1\n0155 Oslo\nNO",
    "nl": "Keizersgracht 100\n1015 CV Amsterdam\nNL",
    "de": "Lindenstraße 12\n10969 Berlin\nDE",
    "fr": "350, rue Saint-Paul Est\nMontréal QC H2Y 1H2\nCA",
}
CREDITOR, AGENCY = "First Harbor Bank", "Northgate Recoveries"


def sample_context(
    language: str, collector: CollectorKind, preferences_url: str, *, currency: str = "USD", today: date
) -> LetterContext:
    """Figures of a made-up case of two accounts and a plan of two instalments."""

    def money(units: int) -> str:
        return format_amount(units * 100, currency, language)

    def day(days: int) -> str:
        return format_date(today + timedelta(days=days), language)

    return LetterContext(
        customer_name=NAMES.get(language, NAMES["en"]),
        creditor=CREDITOR,
        collector_kind=collector.value,
        reference="C-000041",
        accounts=(
            AccountLine("Gold Card", "4321", money(120), money(1_840), 12, currency, day(-12)),
            AccountLine("Store Card", "8765", money(45), money(310), 12, currency, day(-12)),
        ),
        past_due_total=money(165),
        oldest_due_on=day(-12),
        today=day(0),
        contact_phone="+1 212 555 0100",
        contact_email="help@firstharbor.example",
        preferences_url=preferences_url,
        amount=money(165),
        promise_on=day(40),
        instalments=(
            InstalmentLine(1, day(10), money(85), "P-000007/1"),
            InstalmentLine(2, day(40), money(80), "P-000007/2"),
        ),
        due_on=day(-12),
        answer_by=day(35),
        balance_total=money(2_150),
        missed_on=day(-3),
        missed_amount=money(85),
        settlement_amount=money(1_500),
        settle_by=day(21),
        received_on=day(-1),
        answer="Thank you for your message. We will call you tomorrow.",
        article_title="How can I pay?",
        article=(
            ArticleLine(
                "paragraph", "Pay to the account, and with the reference, that your statement names."
            ),
            ArticleLine("item", "Pay a little before the day.", "yes"),
            ArticleLine("item", "We never ask for a PIN or a password.", "", "yes"),
        ),
        review_on=day(30),
        collection_costs=money(40),
        total_with_costs=money(205),
        itemization=(
            ItemLine(
                "Gold Card", "4321", day(-60), money(1_700), money(90), money(50), "", money(0), money(1_840)
            ),
        ),
        paid=(PaidLine("Gold Card", "4321", money(1_840), day(-2)),),
        register_number="12345",
        sender_address="1 Harbour Square, Boston MA 02110",
        country=ADDRESSES.get(language, ADDRESSES["en"])[-2:],
        creditor_address="100 Main Street, Boston MA 02108",
        payment_term="clause 4 (Payments)",
        original_creditor="Old Quay Bank",
        assigned_on=day(-40),
        customer_address=", ".join(ADDRESSES.get(language, ADDRESSES["en"]).split("\n")[:-1]),
        sender=AGENCY if collector is CollectorKind.THIRD_PARTY else "",
        **(_of_some_letters(language, currency, money, day) | _of_disputes_and_conduct(money, day)),
    )


def _of_disputes_and_conduct(money: Callable[[int], str], day: Callable[[int], str]) -> dict[str, str]:
    return {
        "reminders_rest": "yes",
        "dispute_reference": "D-000012",
        "disputed_amount": money(80),
        "conceded_amount": money(50),
        "remaining_amount": money(30),
        "charges_credited": money(6),
        "charges_made": money(4),
        "pay_by": day(10),
        "explanation": "The shop sent us the receipt with the card's number.",
        "conduct_on": day(-3),
        "conduct_words": "You told our colleague that you would come to our office and hurt her.",
    }


def _of_some_letters(
    language: str, currency: str, money: Callable[[int], str], day: Callable[[int], str]
) -> dict[str, Any]:
    """An agreement of two instalments at a lower rate, and what the notices of some places name."""
    return {
        "plan_kind": "hardship",
        "plan_reference": "P-000007",
        "cadence": "monthly",
        "currency": currency,
        "debt": (
            DebtLine("Gold Card", "4321", money(2_100), money(90), money(50), money(400), money(1_840)),
        ),
        "payments": "2",
        "last_due_on": day(40),
        "last_amount": money(80),
        "new_last_amount": money(80),
        "interest": "lower",
        "rate": format_rate(59_000, language),
        "rate_before": format_rate(219_000, language),
        "late_fees": "none",
        "waived": money(650),
        "waived_fees": money(50),
        "charged_on": day(0),
        "skips": "1",
        "grace_days": "3",
        "re_age": "yes",
        "agreed_on": day(-1),
        "acceptance": "phone",
        "words": "On the 25th, by bank transfer.",
        "payment_reference": "P-000007/1",
        "when": "ahead",
        "missing": money(85),
        "came": money(20),
        "moved_from": day(5),
        "grace_until": day(13),
        "ended_on": day(-2),
        "why_ended": "missed",
        "wrote_on": day(-2),
        "paid_on": day(-4),
        "paid_amount": money(85),
        "restored": "runs",
        "extended_to": day(14),
        "complaint_reference": "K-000012",
        "complaint_form": "accept",
        "complaint_outcome": "upheld",
        "reasons": "Our agent called you at work after you had asked us not to.",
        "redress": money(25),
        "apology": "yes",
        "correction": "Your work number was taken off our records.",
        "expected_on": day(28),
        "body_name": "Financial Ombudsman Service",
        "body_website": "www.financial-ombudsman.org.uk",
        "body_months": "6",
        "body_late": "no",
        "adviser_name": "Harbour Debt Advice",
        "adviser_reference": "HDA-2041",
        "question_url": "https://desk.example/u/41.ask.1w0.bW9ja3VwLWxpbmstb25seQ/score",
        "client_hears": "yes",
        "creditor_complaints": "+1 212 555 0199",
        "supervisory_authority": "Office of Supervision, 2 State Street, Boston MA 02109, post@supervision.example",
        "claims": (
            ClaimLine(
                "Gold Card", "4321", day(-900), money(1_840), money(2_100), money(90), money(50), money(400),
                format_rate(149_000, language), day(-120), day(-30), money(1_700), money(1_750),
            ),
        ),
        "address_found": "yes",
        "default_sums": (DefaultSumLine("Gold Card", "4321", money(12), day(-3)),),
        "default_sums_total": money(12),
    }  # fmt: skip


def sample_dispatch(
    letter: str, language: str, context: LetterContext, subject: str, text: str, *, today: date
) -> Dispatch:
    """A letter to the sample customer, as the printer would get it."""
    return Dispatch(
        key="specimen",
        attempt_id="specimen",
        channel=Channel.POST,
        to=ADDRESSES.get(language, ADDRESSES["en"]),
        recipient_name=context.customer_name,
        language=language,
        letter=letter,
        text=text,
        business_date=today,
        sender_name=context.sender or context.creditor,
        subject=subject,
        reference=context.reference,
        context={
            "contact_phone": context.contact_phone,
            "contact_email": context.contact_email,
            "preferences_url": context.preferences_url,
        },
    )
