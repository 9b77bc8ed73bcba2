"""The index of names for the new customers of a batch, a column at a time. Gives what `names.rules.terms_of` gives."""

from __future__ import annotations

import polars as pl
from sqlmodel import Session

from app.book.feeds.storing.tables import write
from app.book.names.models import CustomerName
from app.book.names.rules import LONGEST_RUN, LONGEST_TERM, MOST_WORDS, terms_of
from app.core.kit.folding import DROPPED, LETTERS, MARK, RUN


def index_new(session: Session, customers: pl.DataFrame) -> None:
    """Index customers (`id`, `full_name`) who were not known."""
    write(session, CustomerName, terms(customers))


def terms(customers: pl.DataFrame) -> pl.DataFrame:
    """Terms of these customers, sorted as the index is: sorted rows cost half as much to insert."""
    folded = _folded(pl.col("full_name"))
    rows = customers.select(customer_id="id", name="full_name", folded=folded).with_columns(
        words=pl.col("folded").str.split(" ").list.head(MOST_WORDS),
        run=pl.col("folded").str.contains(RUN),
    )
    spaced = rows.filter(~pl.col("run") & (pl.col("folded") != ""))
    alone = rows.filter(pl.col("run") & (pl.col("words").list.len() == 1))
    mixed = rows.filter(pl.col("run") & (pl.col("words").list.len() > 1))
    parts = [_from_each_word(spaced), _from_each_character(alone), _one_by_one(mixed)]
    found = pl.concat(parts).with_columns(pl.col("term").str.slice(0, LONGEST_TERM))
    return found.unique().sort("term", "customer_id")


def _folded(name: pl.Expr) -> pl.Expr:
    apart = name.str.normalize("NFKD").str.to_lowercase().str.replace_many(LETTERS)
    whole = apart.str.replace_all(r"\p{M}", "").str.normalize("NFC")
    return whole.str.replace_all(DROPPED, "").str.replace_all(MARK, " ").str.strip_chars(" ")


def _from_each_word(rows: pl.DataFrame) -> pl.DataFrame:
    words = pl.col("words")
    parts = [
        rows.filter(words.list.len() > n).select(
            pl.concat_list(words.list.slice(n), words.list.head(n)).list.join(" ").alias("term"),
            "customer_id",
        )
        for n in range(int(rows.select(words.list.len().max()).item() or 0))
    ]
    return pl.concat(parts) if parts else _none()


def _from_each_character(rows: pl.DataFrame) -> pl.DataFrame:
    word = pl.col("folded")
    longest = min(int(rows.select(word.str.len_chars().max()).item() or 0), LONGEST_RUN)
    parts = [
        rows.filter(word.str.len_chars() > n).select(word.str.slice(n).alias("term"), "customer_id")
        for n in range(longest)
    ]
    return pl.concat(parts) if parts else _none()


def _one_by_one(rows: pl.DataFrame) -> pl.DataFrame:
    """Names in both kinds of script, which are few."""
    named = rows.select("customer_id", "name").iter_rows()
    found = [(term, customer_id) for customer_id, name in named for term in terms_of(name)]
    return pl.DataFrame(found, _none().schema, orient="row")


def _none() -> pl.DataFrame:
    return pl.DataFrame(schema={"term": pl.String, "customer_id": pl.Int64})
