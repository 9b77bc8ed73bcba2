"""The language of staff's pages: catalogues of words, and the locale that goes with one.

English stands in the templates themselves. Another language is a catalogue, `app/web/locale/<language>.po`, made from
`app/web/locale/desk.pot` (docs/pages.md tells how). A page is in one language as a whole: its dates and amounts follow
the language of its words, not the one of the browser.
"""

from __future__ import annotations

import io
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.support import NullTranslations, Translations
from jinja2 import Environment, pass_context
from jinja2.runtime import Context

from app.http.static_files import PAGES

CATALOGUES = PAGES / "web" / "locale"
"""One .po file a language."""
ENGLISH = "en"


def marked(text: str) -> str:
    """Mark words in Python for the catalogues; a template translates them where it shows them."""
    return text


@lru_cache
def languages() -> frozenset[str]:
    """The languages that staff's pages can be in, some with a script: `nb`, `zh_Hant`."""
    return frozenset({ENGLISH, *(file.stem for file in CATALOGUES.glob("*.po"))})


def catalogue_of(locale: Locale) -> str:
    """The catalogue for a locale, the one of its script first; '' = there is none."""
    names = (f"{locale.language}_{locale.script}", locale.language)
    return next((name for name in names if name in languages()), "")


@lru_cache(maxsize=256)
def interface_locale(accept_language: str) -> Locale:
    """The locale of staff's pages for an Accept-Language header: the first wanted language that has a catalogue, in the
    reader's region; English in the reader's region where none has."""
    wanted = wanted_locales(accept_language)
    chosen = next((each for each in wanted if catalogue_of(each)), None)
    if chosen is not None and (chosen.language != ENGLISH or chosen.territory):
        return chosen
    return _english_of(next((each.territory for each in wanted if each.territory), ""))


def wanted_locales(accept_language: str) -> list[Locale]:
    """The locales of an Accept-Language header that CLDR knows, the most wanted first."""
    wanted: list[tuple[float, str]] = []
    for part in accept_language[:200].split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((float(quality or 1), tag.strip()))
        except ValueError:
            continue
    known = []
    for _quality, tag in sorted(wanted, key=lambda pair: -pair[0]):
        try:
            known.append(Locale.parse(tag, sep="-"))
        except (ValueError, UnknownLocaleError):
            continue
    return known


def _english_of(region: str) -> Locale:
    """English as it is written in a region, where CLDR tells: dates of the Netherlands for `nl-NL`."""
    try:
        return Locale.parse(f"{ENGLISH}_{region}") if region else Locale(ENGLISH)
    except (ValueError, UnknownLocaleError):
        return Locale(ENGLISH)


@lru_cache
def translations(language: str) -> NullTranslations:
    """The words of one of `languages`; English ones stand for themselves."""
    if language not in languages() - {ENGLISH}:
        return NullTranslations()
    from babel.messages.mofile import write_mo  # English needs none of them
    from babel.messages.pofile import read_po

    file = CATALOGUES / f"{language}.po"
    compiled = io.BytesIO()
    with file.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def add_translations(environment: Environment) -> None:
    """Give templates `_("words")` and `{% trans %}`, in the language of the page's `locale`. The old style of callables
    returns plain text, which is escaped like any other; the new one would trust it as HTML."""
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=False)  # type: ignore[attr-defined]


def _catalogue(context: Context) -> NullTranslations:
    locale = context.get("locale")
    return words_of(locale) if isinstance(locale, Locale) else translations(ENGLISH)


@lru_cache(maxsize=256)
def words_of(locale: Locale) -> NullTranslations:
    """The words of the catalogue for a locale: a page asks for hundreds."""
    return translations(catalogue_of(locale))


@pass_context
def _gettext(context: Context, text: str) -> str:
    return _catalogue(context).ugettext(text)


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return _catalogue(context).ungettext(one, many, number)
