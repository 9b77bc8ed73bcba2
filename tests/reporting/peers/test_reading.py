"""Public files as they are published, and everything that can be wrong with one: a sentence with line and column."""

from __future__ import annotations

from datetime import date

import pytest

from app.core.errors import Invalid
from app.reporting.peers.reading import read_peers
from app.reporting.peers.rules import BandPoint, PeerPoint, PeerSource, band, place

PHILADELPHIA = (
    '\ufeff"YRQTR","Total Balances ($Billions)","30+ Days Past Due Rates: Accounts Based",'
    '"30+ Days Past Due Rates:  Balances Based"\r\n'
    '"2025Q3","$1,012.40","1.71 %","3.29 %"\r\n'
    '"2025Q4","$1,044.10","null","3.35 %"\r\n'
    "\r\n"
    '"Source: Federal Reserve Bank of Philadelphia","","",""\r\n'
    '"Website: www.philadelphiafed.org","","",""\r\n'
)
FRED = "observation_date,DRCCLACBS,DRCCLOBS\n2025-07-01,2.98,6.7\n2025-10-01,.,\n2026-01-01,3.01,100\n"


def test_the_file_of_philadelphia() -> None:
    found = read_peers(PHILADELPHIA.encode())
    assert (found.source, found.last_on) == (PeerSource.PHILADELPHIA, date(2025, 12, 31))
    assert found.left_out == ("Total Balances ($Billions)",)
    assert found.points == (
        PeerPoint("philadelphia_accounts_30", date(2025, 9, 30), 17_100),
        PeerPoint("philadelphia_balance_30", date(2025, 9, 30), 32_900),
        PeerPoint("philadelphia_balance_30", date(2025, 12, 31), 33_500),
    )


@pytest.mark.parametrize("head", ["observation_date", "DATE"])
def test_a_file_of_fred(head: str) -> None:
    found = read_peers(FRED.replace("observation_date", head).encode())
    assert found.source is PeerSource.FRED
    assert found.points == (
        PeerPoint("DRCCLACBS", date(2025, 9, 30), 29_800),
        PeerPoint("DRCCLOBS", date(2025, 9, 30), 67_000),
        PeerPoint("DRCCLACBS", date(2026, 3, 31), 30_100),
        PeerPoint("DRCCLOBS", date(2026, 3, 31), 1_000_000),
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty"),
        (b"<!DOCTYPE html><html>", "This is a web page"),
        (b"observation_date,DRCCLACBS\n2025-07-01,\xff", "Line 2 is not UTF-8"),
        (b"PK\x03\x04\xff", "Line 1 is not UTF-8"),
        (b"quarter,DRCCLACBS\n", "Line 1, column 1: the first column is YRQTR"),
        (b"observation_date,GDP\n2025-07-01,1\n", "Line 1 names no column that we know. Known are: DRCCLACBS"),
        (b"observation_date,DRCCLACBS,DRCCLACBS\n", "Line 1, column 3: each column stands once"),
        (b"observation_date,DRCCLACBS\n", "a header and no figures"),
        (b"observation_date,DRCCLACBS\n2025-07-01,.\n", "a header and no figures"),
        (b"observation_date,DRCCLACBS\n2025-07-01\n", "Line 2 has 1 columns, and the header has 2"),
        (b"observation_date,DRCCLACBS\n2025-08-01,1\n", "Line 2, column 1: a quarter is written by its first day"),
        (b"observation_date,DRCCLACBS\n2025Q3,1\n", "Line 2, column 1"),
        (b"observation_date,DRCCLACBS\n2025-07-01,1\n2025-07-01,2\n", "Line 3, column 1: each quarter stands once"),
        (b"observation_date,DRCCLACBS\n2025-07-01,1\n2025-10-01,2.x\n", "Line 3, column 2: DRCCLACBS is a percentage"),
        (b"observation_date,DRCCLACBS\n2025-07-01,100.1\n", "Line 2, column 2"),
        (b"observation_date,DRCCLACBS\n2025-07-01,-1\n", "from 0 to 100. Nothing was loaded."),
        (b"YRQTR,30+ Days Past Due Rates: Balances Based\n2025Q5,1 %\n", "a quarter is written as 2026Q1"),
        (b"YRQTR,30+ Days Past Due Rates: Balances Based\n2025Q1,1 %\n\n2025Q2,1 %\n", "Line 4, column 1: no figures"),
        (b"observation_date,DRCCLACBS\n" + b"2025-07-01,1\n" * 160_000, "larger than 2 MB"),
        (b'observation_date,DRCCLACBS\n"' + b"x" * 140_000, "Line 2 is not CSV"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_by_line_and_column(data: bytes, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_peers(data)
    assert says in refused.value.message
    assert refused.value.field == "file"


def test_the_band_is_from_the_lowest_to_the_highest_of_a_quarter() -> None:
    on = date(2025, 9, 30)
    found = band(
        [PeerPoint("a", on, 29_800), PeerPoint("b", on, 67_000), PeerPoint("a", date(2025, 6, 30), 30_000)]
    )
    assert found == [BandPoint(date(2025, 6, 30), 0.03, 0.03), BandPoint(on, 0.0298, 0.067)]
    assert [place(own, found[1]) for own in (0.01, 0.0298, 0.05, 0.07, None)] == [
        "below the peers", "within the peers", "within the peers", "above the peers", "",
    ]  # fmt: skip
    assert place(0.01, None) == ""
