"""`docs/key-figures.md`, written from the definitions.

python -m app.reporting.kpis.definitions.document > docs/key-figures.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from app.reporting.kpis.definitions.catalog import FAMILIES, ON_DEMAND
from app.reporting.kpis.definitions.outcomes.schemes import schemes
from app.reporting.kpis.rules import SEED_TITLES, Dimension, Seed
from app.reporting.kpis.slices import KEPT

_HEAD = """# Key figures

Written from the definitions in `app/reporting/kpis/definitions`; a test holds it fresh. To write it again:
`python -m app.reporting.kpis.definitions.document > docs/key-figures.md`.

Every night stores each figure of each portfolio with its numerator and its denominator, for the whole portfolio and for
every slice. "On D" is the end of day D. A figure without a denominator has no value: it is "nothing yet", never zero.

- **The list is the figure.** `/figures/NAME?portfolio=P&date=D` and the API verb of the same name list the things that
  either side counts; their sum is the side. With `dimension` and `member` they list one slice.
- **Slices.** By {dimensions}. An account has one member of
  each dimension on each day, kept as history, so that a slice of a past day never moves. A customer with several
  accounts is sliced by the first of them where a thing is theirs and not an account's.
- **Versions.** The meaning of a figure changes only with its version. A day that late, back-dated or reversed entries
  change gets a new row beside the old one.
- **Schemes.** A figure by supervisory classes names its scheme and the text that the scheme is from. The schemes are
  data: `app/reporting/kpis/definitions/outcomes/schemes.toml`.
"""

_TITLES = {
    Dimension.BUCKET: "days past due",
    Dimension.AGENT: "person who works the case",
    Dimension.STRATEGY: "version of the strategy",
    Dimension.ARM: "arm of the experiment",
    Dimension.PLACEMENT: "month of placement",
    Dimension.SEGMENT: "segment of the strategy",
    Dimension.RULE: "contact rule that refused",
    Dimension.CHARGE_OFF: "month of the charge-off",
    Dimension.MOVE: "from one bucket to another",
}


def write_document() -> str:
    """The page as Markdown."""
    dimensions = ", ".join(map(_named, Dimension))
    return "\n".join([_HEAD.format(dimensions=dimensions), *_sections()]) + "\n"


def _named(dimension: Dimension) -> str:
    """The dimension with its words; a supervisory scheme with its title."""
    scheme = schemes().get(dimension)
    words = scheme.title if scheme else _TITLES.get(dimension, "")
    return f"`{dimension.value}` ({words})" if words else f"`{dimension.value}`"


def _sections() -> Iterator[str]:
    for seed in Seed:
        families = [
            family
            for family in (*FAMILIES, *ON_DEMAND)
            if any(each.seed is seed for each in family.definitions)
        ]
        if not families:
            continue
        yield f"## {SEED_TITLES[seed]}\n"
        for family in families:
            dimensions = dict.fromkeys((*KEPT, Dimension.BUCKET, *family.own))
            yield f"### {family.title}\n"
            yield f"{family.about} Sliced by {', '.join(sorted(f'`{each.value}`' for each in dimensions))}.\n"
            yield "| figure | title | counted | out of | unit | version |"
            yield "|---|---|---|---|---|---|"
            for each in family.definitions:
                if each.seed is seed:
                    yield (
                        f"| `{each.name}` | {each.title} | {each.counted} | {each.out_of} | {each.unit.value} | "
                        f"{each.version} |"
                    )
            yield ""
            if schemes := dict.fromkeys(each.scheme for each in family.definitions if each.scheme):
                yield from (f"- Scheme: {each}." for each in dict.fromkeys("\n".join(schemes).split("\n")))
                yield ""


if __name__ == "__main__":
    sys.stdout.write(write_document())
