"""`docs/analytics.md`, written from the schema.

python -m app.reporting.analytics.document > docs/analytics.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from app.reporting.analytics.schema import TABLES

_HEAD = """# Analytics files

Written from `app/reporting/analytics/schema.py`; a test holds it fresh. To write it again:
`python -m app.reporting.analytics.document > docs/analytics.md`.

`desk export analytics --to DIR` writes facts and figures as Parquet, for DuckDB, pandas, Spark or a warehouse. With
`DESK_ANALYTICS_DIR` the worker does it after every night. It needs pyarrow: `pip install 'arrears-desk[analytics]'`.

    DIR/schema.json                          this schema, for programs
    DIR/through.json                         the last closed day that the files of each portfolio hold; written last
    DIR/TABLE/PORTFOLIO/all.parquet          a table that is replaced every night
    DIR/TABLE/PORTFOLIO/2026-03-31.parquet   a day of a table by day

    SELECT figure, numerator, denominator FROM 'DIR/figures/*/*.parquet'
    WHERE dimension = '' AND business_date = DATE '2026-03-31'
    QUALIFY row_number() OVER (PARTITION BY portfolio, figure ORDER BY version DESC) = 1;

- **Versions.** `schema.json` tells the version. Within one a column is only ever added, at the end of its table.
  Another version goes to another folder.
- **Read only.** The product never reads these files. Delete the folder and export again, and they are the same but for
  tables that say "as known when the files were written".
- **No personal data but numbers.** No column holds a name, an address, a telephone number, an e-mail address or words
  that a person wrote. Numbers of customers and references of accounts still stand for people: protect the folder.
- **Amounts** are whole minor units; `portfolios` has the currency and its decimals.
"""


def write_document() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    for table in TABLES:
        form = f"One file for each `{table.by_day}`." if table.by_day else "One file, replaced every night."
        yield f"## {table.name}\n\n{table.about} {form}\n"
        yield "| column | type | meaning |\n|---|---|---|"
        for each in table.columns:
            yield f"| `{each.name}` | {each.kind.value}{', may be empty' if each.optional else ''} | {each.about} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(write_document())
