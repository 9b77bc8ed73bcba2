"""Bytes become the same records whatever is odd about them and wherever a block happens to end."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.book.feeds.reading import lines as reading
from app.book.feeds.reading.dialect import MAX_LINE
from app.book.feeds.reading.files import open_feed
from app.book.feeds.reading.lines import CutOff, Plain, Record, Unreadable
from app.core.errors import Invalid

HEADER = b"a,b,c\n"
Line = tuple[int, tuple[str, ...] | None]


def records(data: bytes, folder: Path, name: str = "feed.csv") -> list[Line]:
    """(line, cells) of every record, None in the place of cells that could not be read."""
    path = folder / name
    path.write_bytes(data)
    feed = open_feed(path, name, ["a", "b", "c"], None)
    assert feed.header == ["a", "b", "c"]
    found: list[Line] = []
    for block in feed.blocks:
        size = 0
        for item in block.items:
            match item:
                case Plain(first, cells):
                    found.extend(enumerate(cells.rows(), start=first))
                    size += cells.height
                case Record(line, cells):
                    found.append((line, tuple(cells)))
                    size += 1
                case Unreadable(line, _):
                    found.append((line, None))
                    size += 1
        assert size == len(block)
    return found


def by_the_book(body: bytes) -> list[Line]:
    """What a patient person would read: line by line, and on where a quoted cell is open if that gives a record."""
    lines = body.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1] + b"\n"] if lines[-1] else [])
    found: list[Line] = []
    at = 0
    while at < len(lines):
        used, cells = 1, _cells(lines[at])
        if cells is None and _is_open(lines[at]):
            for more in range(2, 21):
                joined = _cells(b"".join(lines[at : at + more])) if at + more <= len(lines) else None
                if joined is not None:
                    used, cells = (more, joined) if len(joined) == 3 else (1, None)
                    break
        if lines[at].strip(b"\r\n"):
            found.append((at + 2, tuple(cells) if cells is not None else None))
        at += used
    return found


def _cells(text: bytes) -> list[str] | None:
    try:
        lines = io.StringIO(text.decode("utf-8", "surrogateescape"), newline="\n")
        return next(csv.reader(lines, strict=True), [])
    except csv.Error:
        return None


def _is_open(text: bytes) -> bool:
    try:
        next(csv.reader([text.decode("utf-8", "surrogateescape")], strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


cells = st.one_of(
    st.sampled_from([b"", b"x", b"12.50", b" x ", "é".encode(), b"\xe9", b"\x00", b"\xef\xbb\xbf"]),
    st.sampled_from(
        [b'"quoted"', b'"a,b"', b'""', b'"say ""hi"""', b'"open', b'half"', b'"two\nlines"', b'"x"y', b"\r"]
    ),
)
lines = st.one_of(
    st.just(b"plain,row,here"),
    st.just(b'"all","quoted","row"'),
    st.lists(cells, min_size=3, max_size=3).map(b",".join),
    st.lists(cells, max_size=5).map(b",".join),
)
bodies = st.tuples(
    st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\n", b"\r\n"])), max_size=40), st.booleans()
)


@given(bodies, st.sampled_from([16, 64, 300, 1 << 20]), st.sampled_from([0, 3, 1000]))
def test_records_do_not_depend_on_where_blocks_end(
    tmp_path_factory: pytest.TempPathFactory,
    body: tuple[list[tuple[bytes, bytes]], bool],
    block: int,
    few: int,
) -> None:
    text = b"".join(line + end for line, end in body[0])
    if not body[1]:
        text = text.removesuffix(b"\n").removesuffix(b"\r")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK", block)
        patch.setattr(reading, "FEW", few)
        # Enough plain rows that the file is taken for what it is, and a quote that nothing closes ends there.
        text = b"plain,row,here\n" * 30 + text + b"\n" + b"plain,row,here\n" * 30
        found = records(HEADER + text, tmp_path_factory.mktemp("feed"))
    assert found == by_the_book(text)


def test_a_quote_that_is_never_closed_costs_its_own_line(tmp_path: Path) -> None:
    body = b'a1,"never closed,x\n' + b"plain,row,here\n" * 5000
    found = records(HEADER + body, tmp_path)
    assert found[0] == (2, None)
    assert len(found) == 5001
    assert found[1:] == [(n, ("plain", "row", "here")) for n in range(3, 5003)]


@pytest.mark.parametrize("size", [MAX_LINE - 5, MAX_LINE - 4, 3 * MAX_LINE, 25_000_000])
@pytest.mark.parametrize("where", ["middle", "end", "end without newline"])
def test_a_line_without_end_costs_its_own_row(tmp_path: Path, size: int, where: str) -> None:
    long = b"x," + b"9" * size + b",y"
    rest = b"plain,row,here\n" * 20 if where == "middle" else b""
    ending = b"" if where == "end without newline" else b"\n"
    found = records(HEADER + b"plain,row,here\n" * 20 + long + ending + rest, tmp_path)
    assert len(found) == 21 + len(rest) // 15
    line, cells_read = found[20]
    assert line == 22
    assert (cells_read is None) == (size + len(b"x,,y\n") > MAX_LINE)
    assert [line for line, _ in found] == list(range(2, 23 + len(rest) // 15))


def test_a_gzip_that_is_cut_off_gives_all_it_has_first(tmp_path: Path) -> None:
    body = b"".join(b"row%d,x,y\n" % n for n in range(200_000))
    path = tmp_path / "feed.csv.gz"
    packed = gzip.compress(HEADER + body)
    path.write_bytes(packed[: len(packed) * 3 // 4])
    feed = open_feed(path, path.name, ["a", "b", "c"], None)
    sizes: list[int] = []
    with pytest.raises(CutOff, match="could not be read to its end"):
        sizes.extend(map(len, feed.blocks))
    assert sum(sizes) > 100_000


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_how_the_file_is_written(tmp_path: Path, encoding: str) -> None:
    text = "a,b,c\nJosé,李,x\n" * 1
    assert records(text.encode(encoding), tmp_path) == [(2, ("José", "李", "x"))]


def test_old_line_ends_are_line_ends(tmp_path: Path) -> None:
    assert records(b"a,b,c\r1,2,3\r4,5,6\r", tmp_path) == [(2, ("1", "2", "3")), (3, ("4", "5", "6"))]


def test_what_is_no_file_is_refused_in_words(tmp_path: Path) -> None:
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "none.csv", "There is no file")):
        with pytest.raises(Invalid, match=says):
            open_feed(path, path.name, ["a"], None)
