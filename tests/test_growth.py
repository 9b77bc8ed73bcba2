"""No input from outside costs more than its size: each kind grows, and the time grows with it and no faster.

The one place where time is asserted: the ratio of the best of several runs, with a factor that a busy machine keeps and
quadratic work does not.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest

from app.book.feeds.bank.camt054 import read as read_camt
from app.book.feeds.bank.rules import blotted, keys_in
from app.book.feeds.reading import workbook
from app.book.feeds.reading.files import open_feed
from app.book.feeds.reading.mapping_file import parse_mapping
from app.book.feeds.reading.parsing import check_header
from app.book.feeds.service import LAYOUTS
from app.book.ledger.rules import FeedKind
from app.core.card_numbers import holds_card_number, mask_card_numbers
from app.core.errors import DeskError, Invalid
from app.core.kit.toml_text import parse_toml
from app.inbound.bounces.reading import understood
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.rules import read

TIMES = 8
ALLOWED = 28.0
"""Of TIMES times as much, at most this many times as long; the square would take 64."""
SHORT = 0.5
"""Seconds below which growth is not measured: what a small bound of its own cuts off takes no longer."""
CEILING = 6.0
ATTEMPTS = 3
"""A measurement that is wrong is taken again: the machine may have been at something else."""


def best(work: Callable[[], object], runs: int = 2) -> float:
    found = []
    for _ in range(runs):
        started = time.process_time()
        with suppress(DeskError, ValueError):  # refused: that is cheap too
            work()
        found.append(time.process_time() - started)
    return min(found)


def grows_with_its_size(work: Callable[[int], Callable[[], object]], size: int) -> None:
    small = large = 0.0
    for _ in range(ATTEMPTS):
        large = best(work(size * TIMES), runs=1)
        if large <= SHORT:  # as almost always: nothing else has to be measured
            return
        small, large = best(work(size)), min(large, best(work(size * TIMES), runs=1))
        if large <= SHORT or (large <= ALLOWED * small and large < CEILING):
            return
    raise AssertionError(f"{small:.3f} s, then {large:.3f} s for {TIMES} times as much")


# --- text -----------------------------------------------------------------------------------------------------

UNITS = (
    "5.1.", "1 ", "4 ", "4111 ", "4111", "4111 1111 1111 1111 ", "41111111111111111226", "DE89 ", "RF18 ", "+1 ", "0.",
    "1a", " ", ".", "-", "4/", "４", "\u00a0", "&nbsp;", "%20", "4111-", "٤", "+4", "1,", "22 ", "333 ",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_searching_for_card_numbers(unit: str) -> None:
    def work(size: int) -> Callable[[], object]:
        text = (unit * size)[:size]
        return lambda: (holds_card_number(text), mask_card_numbers(text), blotted(text))

    grows_with_its_size(work, 10_000)


@pytest.mark.parametrize("unit", [*UNITS, "stop ", "STOP", "“", "dispute ", "é", "please ", "Liked “"])
def test_reading_what_customers_write(unit: str) -> None:
    book = shipped_phrases()
    grows_with_its_size(lambda size: lambda: read((unit * size)[:size], book), 1000)


@pytest.mark.parametrize("unit", ["A1 ", "RF18 ", "RF18", "1/", "A+", "1 2", "(", "ABC-123-"])
def test_looking_for_references(unit: str) -> None:
    grows_with_its_size(lambda size: lambda: keys_in((unit * size)[:size]), 20_000)


@pytest.mark.parametrize(
    "unit",
    [
        "a.", '"a".', "[", "{a=", "x = [", "9", '"""\\', "'", '"', "#", "\n[a]\n", "\n[[steps]]\n", "a=1\n", "\\", "_",
        "'''", "=", "[a.b]\n",
    ],
)  # fmt: skip
def test_reading_toml(unit: str) -> None:
    def work(size: int) -> Callable[[], object]:
        return lambda: parse_toml("x = 1\n" + (unit * size)[:size])

    grows_with_its_size(work, 15_000)
    with pytest.raises(Invalid):
        parse_mapping((unit * 60_000)[:60_000], "hostile.toml")


# --- e-mail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [b"5.1.", b"1 ", b"a: b\n", b"Received: x\n", b"\n", b"<", b"550 5.1.1 no such user\n", b"@", b"<a@b>: "],
)
def test_reading_what_comes_back_by_email(unit: bytes) -> None:
    """What the library cannot bound is bounded from without: see tests/inbound/bounces/test_hostile.py."""
    head = b"From: mailer-daemon@mail.example\nTo: b+1-aaaaaaaa@desk.example\n\n"
    grows_with_its_size(lambda size: lambda: understood(head + (unit * size)[:size]), 15_000)


# --- files ----------------------------------------------------------------------------------------------------


def test_a_header_of_commas(tmp_path: Path) -> None:
    def work(size: int) -> Callable[[], object]:
        path = tmp_path / f"{size}.csv"
        path.write_bytes(b"," * size + b"\n")

        def load() -> None:
            feed = open_feed(path, path.name, [], None)
            check_header(feed.header, LAYOUTS[FeedKind.ACCOUNTS])

        return load

    grows_with_its_size(work, 30_000)
    grows_with_its_size(work, 2_000_000)


def test_a_header_of_many_names() -> None:
    layout = LAYOUTS[FeedKind.ACCOUNTS]
    grows_with_its_size(
        lambda size: lambda: check_header([f"c{n % 999}" for n in range(size)], layout), 20_000
    )


SHEET = b'<worksheet xmlns="http://x/main"><sheetData>%s</sheetData></worksheet>'
BOOK = b'<workbook xmlns:r="r"><sheets><sheet name="A" r:id="r1"/></sheets></workbook>'
LINKS = b'<R><Relationship Id="r1" Type="x/worksheet" Target="s.xml"/></R>'


def a_workbook(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", BOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", LINKS)
        archive.writestr("xl/s.xml", parts.pop("sheet", SHEET % b'<row r="1"><c r="A1"><v>1</v></c></row>'))
        for name, content in parts.items():
            archive.writestr(f"xl/{name}.xml", content)
    return path


STYLE = b'<styleSheet><numFmts><numFmt numFmtId="200" formatCode="%s"/></numFmts><cellXfs>%s</cellXfs></styleSheet>'
WORKBOOKS: dict[str, Callable[[int], dict[str, bytes]]] = {
    "a format of brackets": lambda n: {"styles": STYLE % (b"[" * n, b'<xf numFmtId="200"/>' * 200)},
    "many styles": lambda n: {"styles": STYLE % (b"[" * 255, b'<xf numFmtId="200"/>' * n)},
    "one tag": lambda n: {"sheet": SHEET % (b'<row r="' + b"1" * 40 * n + b'">')},
    "one text": lambda n: {
        "sheet": SHEET % (b'<row r="1"><c t="str"><v>' + b"x" * 20 * n + b"</v></c></row>")
    },
    "blanks": lambda n: {"sheet": SHEET % (b" " * 50 * n)},
    "shared texts": lambda n: {"sharedStrings": b"<sst>" + b"<si/>" * n + b"</sst>"},
    "deep": lambda n: {"sheet": SHEET % (b"<a>" * n)},
    "far rows": lambda n: {"sheet": SHEET % (b'<row r="%d"><c><v>1</v></c></row>' % n)},
}


@pytest.mark.parametrize("name", WORKBOOKS)
def test_reading_a_workbook(tmp_path: Path, name: str) -> None:
    def work(size: int) -> Callable[[], object]:
        path = a_workbook(tmp_path / f"{size}.xlsx", **WORKBOOKS[name](size))

        def load() -> None:
            for _ in workbook.rows(path):
                pass

        return load

    grows_with_its_size(work, 20_000)


def test_a_workbook_that_is_next_to_nothing_many_times_over_is_refused(tmp_path: Path) -> None:
    path = a_workbook(tmp_path / "bomb.xlsx", sheet=SHEET % (b" " * 20_000_000))
    with pytest.raises(Invalid, match="next to nothing"):
        list(workbook.rows(path))
    path = a_workbook(
        tmp_path / "tag.xlsx", sheet=SHEET % (b'<row r="' + bytes(range(48, 58)) * 300_000 + b'">')
    )
    with pytest.raises(Invalid, match="longer than any"):
        list(workbook.rows(path))


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5000])
def test_odd_numbers_of_formats_are_no_dates(tmp_path: Path, number: str) -> None:
    styles = f'<styleSheet><cellXfs><xf numFmtId="{number}"/></cellXfs></styleSheet>'.encode()
    assert list(workbook.rows(a_workbook(tmp_path / "odd.xlsx", styles=styles))) == [["1"]]


def test_an_encoding_that_nobody_has_is_refused_in_words(tmp_path: Path) -> None:
    for name in (b"utf-7", b"no-such", b"idna", b"shift_jis"):
        sheet = b'<?xml version="1.0" encoding="' + name + b'"?>' + SHEET % b""
        with pytest.raises(Invalid):
            list(workbook.rows(a_workbook(tmp_path / "odd.xlsx", sheet=sheet)))


CAMT = (
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn><Ntfctn><Ntry>'
    b'<Sts>BOOK</Sts><Amt Ccy="EUR">9999.99</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-01-02</Dt></BookgDt>'
    b"%s</Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
)
REMITTANCE = b"<NtryDtls><TxDtls><RmtInf><Ustrd>%s</Ustrd></RmtInf></TxDtls></NtryDtls>"
PAYMENT = b'<TxDtls><Refs><AcctSvcrRef>BANK-%d</AcctSvcrRef></Refs><Amt Ccy="EUR">0.01</Amt></TxDtls>'
NOTIFICATIONS: dict[str, Callable[[int], bytes]] = {
    "remittance of digits": lambda n: REMITTANCE % (b"1 " * n),
    "a card number and digits": lambda n: REMITTANCE % (b"4111111111111111 " + b"1 1 1 " * n),
    "one text": lambda n: b"<A>" + b"x" * 40 * n + b"</A>",
    "one tag": lambda n: b'<A b="' + b"x" * 40 * n + b'"/>',
    "deep": lambda n: b"<A>" * n,
    "many parts": lambda n: b"<A/>" * n,
    "many payments": lambda n: b"<NtryDtls>%s</NtryDtls>" % b"".join(PAYMENT % at for at in range(n // 5)),
}


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_reading_a_bank_s_notification(name: str) -> None:
    def work(size: int) -> Callable[[], object]:
        data = CAMT % NOTIFICATIONS[name](size)
        return lambda: list(read_camt(BytesIO(data), "bank.xml", "EUR", "secret"))

    grows_with_its_size(work, 10_000)
