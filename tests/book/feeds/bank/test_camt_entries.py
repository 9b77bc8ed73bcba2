"""What a booked entry is, judged without a database: the parts of its money and what is said of them."""

from __future__ import annotations

from datetime import date
from xml.etree.ElementTree import Element, fromstring

import pytest

from app.book.feeds.bank.camt_entry import Part, Refused, booked, credits, returns
from app.book.ledger.references import normal_reference, real_reference

TODAY = date(2026, 11, 28)


def entry(
    *details: str, amount: str = "300.00", direction: str = "CRDT", batch: str = "", more: str = ""
) -> Element:
    of = f"<Btch><NbOfTxs>{batch}</NbOfTxs></Btch>" if batch else ""
    return fromstring(  # noqa: S314 - text of this file
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts>{more}'
        f"<NtryDtls>{of}{''.join(details)}</NtryDtls></Ntry>"
    )


def amt(text: str, currency: str = "EUR") -> str:
    return f'<Amt Ccy="{currency}">{text}</Amt>'


def tx(amount: str = "", *, booked: str = "", instructed: str = "", charges: str = "", more: str = "") -> str:
    told = amt(amount) if amount else ""
    inner = f"<InstdAmt>{amt(instructed)}</InstdAmt>" if instructed else ""
    inner += f"<TxAmt>{amt(booked)}</TxAmt>" if booked else ""
    told += f"<AmtDtls>{inner}</AmtDtls>" if inner else ""
    told += f"<Chrgs><Rcrd>{amt(charges)}<CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>" if charges else ""
    return f"<TxDtls>{told}{more}</TxDtls>"


def foreign(sent: str, came_to: str) -> str:
    """A detail that tells its amount in dollars, and beside it what that came to."""
    inside = f"<InstdAmt>{amt(sent, 'USD')}</InstdAmt><CntrValAmt>{amt(came_to)}</CntrValAmt>"
    return tx(more=f"{amt(sent, 'USD')}<AmtDtls>{inside}</AmtDtls>")


def paid(parts: list[Part]) -> list[int]:
    return [part.amount_minor for part in parts if not part.obstacle]


def waiting(parts: list[Part]) -> list[tuple[int, str]]:
    return [(part.amount_minor, part.obstacle) for part in parts if part.obstacle]


REST = "the bank does not detail {} of a batch of {}"
WRONG = "the bank's details of a batch of {} do not add up to the 300.00 that was booked"


@pytest.mark.parametrize(
    ("what", "payments", "waits"),
    [
        (entry(), [30_000], []),
        (entry(tx()), [30_000], []),
        (entry(tx("300.00")), [30_000], []),
        (entry(batch="3"), [], [(30_000, "the bank tells only the sum of a batch of 3 payments")]),
        # All of it is detailed.
        (entry(tx("100.00"), tx("100.00"), tx("100.00"), batch="3"), [10_000] * 3, []),
        (entry(tx("100.00"), tx("200.00")), [10_000, 20_000], []),
        (entry(tx(booked="100.00"), tx(booked="200.00"), batch="2"), [10_000, 20_000], []),
        (entry(tx(instructed="100.00"), tx(instructed="200.00"), batch="2"), [10_000, 20_000], []),
        # Each detail repeats the sum; the amounts that add up are the payments.
        (
            entry(tx(booked="300.00", instructed="100.00"), tx(booked="300.00", instructed="200.00")),
            [10_000, 20_000],
            [],
        ),
        # Part of it is detailed: the rest waits.
        (entry(tx("100.00"), tx("100.00"), batch="3"), [10_000] * 2, [(10_000, REST.format("100.00", 3))]),
        (entry(tx("100.00"), batch="3"), [10_000], [(20_000, REST.format("200.00", 3))]),
        (entry(tx("100.00"), tx(), batch="2"), [10_000], [(20_000, REST.format("200.00", 2))]),
        (entry(tx("299.99"), tx("0.00")), [29_999], [(1, REST.format("0.01", 2))]),
        (entry(tx("100.00")), [10_000], [(20_000, "the bank does not detail 200.00 of an entry of 300.00")]),
        # A batch's sum is nobody's payment.
        (entry(tx("300.00"), batch="3"), [], [(30_000, WRONG.format(3))]),
        (entry(tx(), batch="3"), [], [(30_000, WRONG.format(3))]),
        (entry(tx("100.00"), tx("200.00"), batch="3"), [], [(30_000, WRONG.format(3))]),
        # Details that cannot be right.
        (entry(tx("300.00"), tx("300.00"), batch="2"), [], [(30_000, WRONG.format(2))]),
        (entry(tx(), tx(), batch="2"), [], [(30_000, WRONG.format(2))]),
        (entry(tx(instructed="100.00"), tx(instructed="100.00"), batch="2"), [], [(30_000, WRONG.format(2))]),
        (entry(tx(more=amt("100.00", "USD")), tx("100.00")), [10_000], [(20_000, REST.format("200.00", 2))]),
        (entry(tx("350.00"), tx("50.00", more="<CdtDbtInd>DBIT</CdtDbtInd>")), [], [(30_000, WRONG.format(2))]),
        (entry(tx("50.00"), tx("50.00", more="<CdtDbtInd>DBIT</CdtDbtInd>")), [], [(30_000, WRONG.format(2))]),
        # Of payments in another currency what they came to.
        (entry(foreign("13.00", "100.00"), foreign("26.00", "200.00"), batch="2"), [10_000, 20_000], []),
        (entry(foreign("13.00", "100.00"), foreign("26.00", "1.00"), batch="2"), [], [(30_000, WRONG.format(2))]),
        # Charges: what was booked is posted.
        (entry(tx("326.00", charges="26.00")), [30_000], []),
        (entry(tx(instructed="326.00")), [30_000], []),
        (entry(tx("101.00", charges="1.00"), tx("202.00", charges="2.00"), batch="2"), [10_000, 20_000], []),
    ],
)  # fmt: skip
def test_the_parts_of_a_credit_are_what_was_booked(
    what: Element, payments: list[int], waits: list[tuple[int, str]]
) -> None:
    parts = credits(what, 30_000, "EUR")
    assert (paid(parts), waiting(parts)) == (payments, waits)
    assert sum(part.amount_minor for part in parts) == 30_000


def test_charges_are_told() -> None:
    (one,) = credits(entry(tx("326.00", charges="26.00")), 30_000, "EUR")
    assert one.note == "326.00 was sent, 300.00 was booked; charges of 26.00"
    first, _ = credits(entry(tx("101.00", charges="1.00"), tx("200.00"), batch="2"), 30_000, "EUR")
    assert first.note == "101.00 was sent, 100.00 was booked; charges of 1.00"


OLD_CHARGES = f"<Chrgs>{amt('3.50')}<CdtDbtInd>DBIT</CdtDbtInd></Chrgs>"
TOTAL_CHARGES = "<Chrgs><TtlChrgsAndTaxAmt Ccy='EUR'>3.50</TtlChrgsAndTaxAmt></Chrgs>"


@pytest.mark.parametrize(
    ("details", "likeliest"),
    [
        (tx(), 10_350),
        (tx(instructed="100.00", booked="103.50", charges="3.50"), 10_000),
        (tx(instructed="100.00"), 10_000),
        (tx(charges="3.50"), 10_000),
        (tx("103.50", more=OLD_CHARGES), 10_000),
        (tx("103.50", more=TOTAL_CHARGES), 10_000),
        (tx("100.00"), 10_350),
    ],
)
def test_a_debit_takes_back_the_original_amount_first(details: str, likeliest: int) -> None:
    (back,) = returns(entry(details, amount="103.50", direction="DBIT"), 10_350, "EUR")
    assert back.originals[0] == likeliest
    assert 10_350 in back.originals


def test_a_batch_of_returns_adds_up_with_or_without_its_charges_or_is_for_a_person() -> None:
    two = entry(
        tx(instructed="100.00", charges="3.50"), tx(instructed="50.00", charges="3.50"), direction="DBIT"
    )
    assert [back.originals[0] for back in returns(two, 15_700, "EUR")] == [10_000, 5_000]
    assert [back.originals[0] for back in returns(entry(tx("100.00"), tx("50.00")), 15_000, "EUR")] == [
        10_000,
        5_000,
    ]
    with pytest.raises(Refused, match="do not add up"):
        returns(entry(tx("100.00"), tx("50.00")), 16_000, "EUR")
    with pytest.raises(Refused, match="more payments than the bank details"):
        returns(entry(tx("100.00"), batch="2"), 10_000, "EUR")


@pytest.mark.parametrize(
    ("value", "booking", "direction", "on"),
    [
        ("2026-11-20", "2026-11-21", "CRDT", "2026-11-20"),
        ("2026-11-23", "2026-11-20", "CRDT", "2026-11-20"),
        ("2062-11-20", "2026-11-20", "CRDT", "2026-11-20"),
        ("", "2026-11-20", "CRDT", "2026-11-20"),
        ("2026-11-20", "", "CRDT", "2026-11-20"),
        ("2026-11-28", "2026-11-28", "CRDT", "2026-11-28"),
        ("2026-11-29", "2026-11-29", "CRDT", "ValDt: 2026-11-29 is in the future: today is 2026-11-28"),
        ("1926-11-20", "2026-11-20", "CRDT", "ValDt: 1926-11-20 is implausibly early"),
        ("2026-11-25", "2026-11-20", "DBIT", "2026-11-25"),
        ("2026-11-30", "2026-11-20", "DBIT", "2026-11-20"),
    ],
)
def test_a_credit_counts_from_the_earlier_of_its_days_and_never_from_one_to_come(
    value: str, booking: str, direction: str, on: str
) -> None:
    days = f"<BookgDt><Dt>{booking}</Dt></BookgDt>" if booking else ""
    days += f"<ValDt><Dt>{value}</Dt></ValDt>" if value else ""
    what = entry(direction=direction, more=days)
    try:
        found = booked(what, "EUR", TODAY).on.isoformat()
    except Refused as refused:
        found = f"{refused.element}: {refused}"
    assert found.startswith(on)


# --- references -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "NONREF", "nonref", "NONREF.", "NOTPROVIDED", "NotProvided", "NOT PROVIDED", "NOT_PROVIDED...", "not-provided",
        "N/A", "n.a.", "NA", "0", "0000", "00-00", "UNKNOWN", "Unknown...", "NONE", "null", "-", "---", ".", "XXX", "",
        "  ", "ＮＯＮＲＥＦ", "NON\u200bREF", "NO REF", "No reference", "KEINE REFERENZ",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_reference(text: str) -> None:
    assert real_reference(text) == ""


@pytest.mark.parametrize(
    "text", ["NONREF//12345", "NOTPROVIDED1", "N1", "0001", "E2E-A", "UNKNOWN-7", "X1", "NAB"]
)
def test_a_reference_that_looks_like_a_placeholder_is_one(text: str) -> None:
    assert real_reference(text) == text


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("CARD-1001", "CARD-1001"),
        ("  CARD-1001\t", "CARD-1001"),
        ("CARD  1001", "CARD 1001"),
        ("CARD\u00a01001", "CARD 1001"),
        ("CARD\u30001001", "CARD 1001"),
        ("ＣＡＲＤ－１００１", "CARD-1001"),
        ("CARD\u200b-1001\ufeff", "CARD-1001"),
        ("CARD\u00ad-1001", "CARD-1001"),
        ("card-1001", "card-1001"),
        ("Ko\u0308ln-1", "K\u00f6ln-1"),
        ("\u200b \ufeff", ""),
    ],
)
def test_what_looks_alike_is_written_alike(written: str, normal: str) -> None:
    assert normal_reference(written) == normal
    assert normal_reference(normal) == normal
