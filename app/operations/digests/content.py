"""Gather what a digest says of a closed day: what the morning page says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from urllib.parse import urlencode

from babel import Locale
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.core.text import Say
from app.http.interface import ENGLISH, languages, translations
from app.operations.alerts.rules import ALERT_TITLES, AlertKind
from app.operations.alerts.service import open_alerts
from app.operations.digests.document import Voice
from app.operations.digests.rules import COMPARED, DigestCadence
from app.operations.digests.told import (
    VERSION,
    DigestContent,
    ToldCount,
    ToldFailure,
    ToldFigure,
    ToldReason,
    ToldThreshold,
)
from app.operations.thresholds.service import figure_words, thresholds_of, words_of
from app.reporting.changes.queries import changes
from app.reporting.changes.rules import Change, compared_day, most_moved, tone_of
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.queries import latest_versions
from app.reporting.kpis.rules import Figure, Scale
from app.worklist.waiting import waiting_cases, waiting_requests

MOST_CHANGES = 12
FAILURES = (AlertKind.INVARIANT, AlertKind.DAY_FAILED)


def gather(
    session: Session,
    portfolio: Portfolio,
    on: date,
    cadence: DigestCadence,
    *,
    pages_url: str,
    language: str = ENGLISH,
    now: datetime,
) -> DigestContent:
    """Read what a digest of the closed day `on` says, in one of `languages()`; links lead to `pages_url`."""
    say = voice_of(language).say
    figures = latest_versions(session, id_of(portfolio), on)
    days = {each: day for each in COMPARED[cadence] if (day := compared_day(each, on, None))}
    found = {
        each: changes(latest_versions(session, id_of(portfolio), day), figures) for each, day in days.items()
    }
    main = COMPARED[cadence][0]
    moved = most_moved(found[main].values(), DEFINITIONS)[:MOST_CHANGES]
    asked = urlencode({"portfolio": portfolio.code, "date": on})
    waiting = waiting_requests(session, portfolio) + waiting_cases(session, portfolio, now)
    return DigestContent(
        version=VERSION,
        portfolio=portfolio.code,
        creditor=portfolio.creditor,
        currency=portfolio.currency,
        business_date=str(on),
        cadence=cadence.value,
        compared={each.value: str(day) for each, day in days.items()},
        decisions=tuple(ToldCount(say(w.label), w.count, f"{pages_url}{w.href}") for w in waiting if w.count),
        thresholds=tuple(
            ToldThreshold(
                figure_words(row, say),
                words_of(row, portfolio, say),
                str(row.crossed_on),
                f"{pages_url}/thresholds?{urlencode({'portfolio': portfolio.code})}",
            )
            for row in thresholds_of(session, id_of(portfolio), crossed=True)
        ),
        failures=tuple(
            ToldFailure(say(ALERT_TITLES[alert.kind]), alert.detail, f"{alert.first_at:%Y-%m-%d}")
            for alert in open_alerts(session)
            if alert.kind in FAILURES and alert.subject == portfolio.code
        ),
        changed=tuple(
            _told(
                change,
                {each.value: of_day[change.kpi].amount for each, of_day in found.items()},
                asked,
                pages_url,
                say,
            )
            for change in moved
        ),
        href=f"{pages_url}/morning?{asked}",
        language=language,
    )


def voice_of(language: str) -> Voice:
    """How the reader of a language is spoken to; in English where its catalogue is gone."""
    known = language if language in languages() else ENGLISH
    return Voice(translations(known).ugettext, Locale.parse(known))


def _told(
    change: Change, amounts: Mapping[str, float | None], asked: str, pages_url: str, say: Say
) -> ToldFigure:
    definition, after = DEFINITIONS[change.kpi], change.after or Figure(change.kpi, 0, 0)
    return ToldFigure(
        figure=change.kpi,
        title=say(definition.title),
        unit=definition.unit.value,
        is_share=definition.scale is Scale.PERCENT,
        numerator=after.numerator,
        denominator=after.denominator,
        value=after.value,
        tone=tone_of(definition, change.amount),
        changes=amounts,
        why=tuple(ToldReason(why.dimension.value, why.member, why.amount) for why in change.why),
        href=f"{pages_url}/figures/{change.kpi}?{asked}",
        per=definition.scale.factor,
        scale=definition.scale.value,
    )
