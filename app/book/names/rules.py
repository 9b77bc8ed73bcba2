"""Terms under which a name is found: the folded name from each of its words on, then the words before. Pure.

`Anna de Vries` has `anna de vries`, `de vries anna` and `vries anna de`, so that the beginning of any word, and any
other word beside it, is found in one sorted index. A name without blanks has a term from each of its characters on:
`陳志明`, `志明`, `明`.
"""

from __future__ import annotations

from app.core.kit.folding import fold, has_run, is_run

MOST_WORDS = 6
LONGEST_RUN = 12
LONGEST_TERM = 80


def terms_of(name: str) -> list[str]:
    """The terms of a name, without repetition."""
    words = fold(name).split()[:MOST_WORDS]
    terms: dict[str, None] = {}
    for n, word in enumerate(words):
        starts = range(min(len(word), LONGEST_RUN)) if has_run(word) else (0,)
        for start in starts:
            terms[" ".join([word[start:], *words[n + 1 :], *words[:n]])[:LONGEST_TERM]] = None
    return list(terms)


def searched_words(text: str) -> list[str]:
    """The words of a search for a name; none where it is too short: two letters, or one character of a script
    without blanks."""
    words = fold(text).split()[:MOST_WORDS]
    return words if any(len(word) > 1 or is_run(word) for word in words) else []
