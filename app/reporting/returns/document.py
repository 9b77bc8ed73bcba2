"""`docs/returns.md`, written from the definitions.

python -m app.reporting.returns.document > docs/returns.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from app.reporting.returns.definitions.catalog import known_returns
from app.reporting.returns.rules import ReturnDefinition, Row, Section

_HEAD = """# Regulatory returns

Written from the definitions in `app/reporting/returns/definitions`; a test holds it fresh. To write it again:
`python -m app.reporting.returns.document > docs/returns.md`.

A return is drawn up for the end of a closed day, and for the months up to it where it is about a period: page
`/returns`, API `/api/v1/portfolios/{code}/returns/{kind}`.

- **The list is the cell.** Each cell opens the accounts, complaints or entries that it counts; their sum is the cell. A
  cell that is the sum of rows lists them together; a ratio has no list of its own.
- **Not recorded is not zero.** A row that the product does not record says so with its reason, in the file too.
- **Frozen.** A manager freezes a return when it is sent: its cells, every line behind them, who, when, and the version
  of the definition are kept; UPDATE and DELETE are refused by triggers on both databases, and the figures stand in the
  hash-chained timeline. Late entries change the return as it is known now, never the frozen one; its page shows both,
  the difference, and what caused it. What is frozen again is a further version.
- **Files.** The return and every list as CSV and XLSX; the lists hold references and amounts, no names.
"""


def write_document() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    for known in known_returns().values():
        yield from _of(known.definition)


def _of(definition: ReturnDefinition) -> Iterator[str]:
    yield f"## {definition.title}\n"
    period = " or ".join(f"{n} months" for n in definition.months if n) or "the end of a day"
    yield f"`{definition.kind.value}`, version {definition.version}, of {period}. {definition.supervisor}:\n"
    for source in definition.sources:
        read = "" if source.read else " (as others quote it; the text itself was not read)"
        yield f"- {source.citation}{read}: <{source.url}>"
    yield ""
    yield from (f"{sentence}\n" for sentence in definition.about)
    for section in definition.sections:
        yield f"### {section.title}\n"
        yield "| row | title | counted |"
        yield "|---|---|---|"
        yield from (f"| `{row.name}` | {row.title} | {_counted(section, row)} |" for row in section.rows)
        yield ""


def _counted(section: Section, row: Row) -> str:
    if row.missing:
        return f"not recorded: {row.missing}"
    if row.ratio is not None:
        per = "%" if row.ratio.per == 100 else f"per {row.ratio.per:,}"
        return f"`{row.ratio.counted}` of `{row.ratio.out_of}`, {per}"
    columns = ", ".join(heading.lower() for heading in section.columns.values())
    return f"{columns} of {' + '.join(f'`{each}`' for each in row.sum_of)}" if row.sum_of else columns


if __name__ == "__main__":
    sys.stdout.write(write_document())
