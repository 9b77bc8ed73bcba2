"""Change the result codes of a portfolio, or return to an earlier version: by page and by API."""

from __future__ import annotations

from app.casework.results.service import revert_codes, save_codes

__all__ = ["revert_codes", "save_codes"]
