"""Values of an article's placeholders for a portfolio and a case."""

from __future__ import annotations

from collections.abc import Mapping

from app.book.portfolios.models import Portfolio


def values_for(portfolio: Portfolio, reference: str = "C-000000") -> Mapping[str, str]:
    """What stands in the place of each of `PLACEHOLDERS`; '' = the portfolio does not say."""
    contact = " / ".join(filter(None, (portfolio.contact_phone.strip(), portfolio.contact_email.strip())))
    return {
        "creditor": portfolio.creditor,
        "sender": portfolio.agency.strip() or portfolio.creditor,
        "contact": contact,
        "complaints": portfolio.creditor_complaints.strip() or contact,
        "reference": reference,
    }
