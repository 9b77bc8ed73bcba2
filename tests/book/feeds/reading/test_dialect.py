"""How a file is written is found out, told, or refused; a name is never garbled by a guess."""

from __future__ import annotations

import codecs

import pytest

from app.book.feeds.reading.dialect import Dialect, detect
from app.core.errors import Invalid

COLUMNS = ("account_ref", "as_of", "balance")


@pytest.mark.parametrize(
    ("sample", "encoding", "delimiter"),
    [
        (b"account_ref,as_of\nA1,2026-01-31\n", "utf-8", ","),
        (b"account_ref;as_of\nA1;2026-01-31\n", "utf-8", ";"),
        (b"account_ref\tas_of\nA1\t2026-01-31\n", "utf-8", "\t"),
        (b"account_ref|as_of\nA1|2026-01-31\n", "utf-8", "|"),
        (b'"account_ref";"as_of"\n"A;1";"2026"\n', "utf-8", ";"),
        (b"account_ref\nA1\n", "utf-8", ","),
        (b"", "utf-8", ","),
        (codecs.BOM_UTF8 + b"account_ref,as_of\n", "utf-8-sig", ","),
        ("account_ref;as_of\nA1;2026\n".encode("utf-16"), "utf-16", ";"),
        (codecs.BOM_UTF16_BE + "account_ref,as_of\n".encode("utf-16-be"), "utf-16", ","),
        ("account_ref,as_of\n".encode("utf-32"), "utf-32", ","),
        ("account_ref,as_of\nÄrger,2026\n".encode()[:-7], "utf-8", ","),
    ],
)
def test_a_file_that_says_how_it_is_written(sample: bytes, encoding: str, delimiter: str) -> None:
    assert detect(sample, columns=COLUMNS) == Dialect(encoding, delimiter)


def test_columns_that_are_known_decide_between_delimiters() -> None:
    sample = b"balance, in EUR;as_of, ISO;account_ref\n1;2026-01-31;A1\n"
    assert detect(sample, columns=["balance, in EUR", "as_of, ISO", "account_ref"]).delimiter == ";"
    assert detect(b"a,b;c\n1,2;3\n4,5\n") == Dialect("utf-8", ",")


def test_a_delimiter_that_cannot_be_told_is_asked_for() -> None:
    with pytest.raises(Invalid, match=r"may be separated by commas or semicolons. Say which .* delimiter"):
        detect(b"a,b;c\n1,2;3\n4,5;6\n")


@pytest.mark.parametrize(
    ("header", "encoding"),
    [("Konto,Straße,Überzug", "cp1252"), ("账号,余额", "gb18030"), ("帳號,餘額", "big5")],
)
def test_an_older_encoding_is_taken_only_where_the_header_comes_out_right(header: str, encoding: str) -> None:
    sample = f"{header}\n1,2\n".encode(encoding)
    assert detect(sample, columns=header.split(",")).encoding == encoding
    assert detect(sample, columns=["account_ref", "balance"]).encoding == "utf-8"


def test_where_the_header_does_not_tell_names_are_rejected_and_not_garbled() -> None:
    sample = "account_ref,full_name\nA1,Jürgen\n".encode("cp1252")
    found = detect(sample, columns=["account_ref", "full_name"])
    assert found == Dialect("utf-8", ",")
    with pytest.raises(UnicodeDecodeError):
        sample.decode(found.encoding)


def test_utf16_without_a_mark_is_refused_with_the_way_out() -> None:
    with pytest.raises(Invalid, match='encoding = "utf-16-le"'):
        detect("account_ref,as_of\nA1,2026\n".encode("utf-16-le"))


def test_what_is_told_is_taken() -> None:
    sample = "x\ny\na;b,c\n1;2,3\n".encode("utf-16-le")
    told = detect(sample, encoding="utf-16-le", delimiter=",", skip_rows=2)
    assert told == Dialect("utf-16-le", ",")
    assert detect(b"one; title\na,b\n1,2\n", skip_rows=1).delimiter == ","
    with pytest.raises(Invalid, match="Encoding 'klingon' is unknown"):
        detect(b"a", encoding="klingon")


def test_what_was_assumed_is_said_in_words() -> None:
    assert Dialect("cp1252", ";").in_words() == "CP1252, separated by semicolons"
