"""Days after which programmes are looked at, and what counts as having failed then. Pure."""

from __future__ import annotations

from app.book.ledger.rules import AccountStatus

HORIZONS = {91: "3 months", 182: "6 months", 365: "12 months"}
"""Days after which a programme is looked at, and their words."""
LOST = (AccountStatus.CHARGED_OFF, AccountStatus.SOLD)
RE_AGE_COHORT = 365
"""Days whose re-ages are looked at together: they are few."""
RE_DEFAULT_DAYS = 60
"""Days past due at which a re-aged account has defaulted again."""
CURE_FAILED_DAYS = 30
"""Days past due at which a cure did not last."""
CHARGE_OFF_WINDOW = 365
"""Days whose charge-offs and recoveries are set against each other; the last is the day of the figure."""
ROLL_FORWARD_PREFIX = "roll_forward_"
"""Of the names of the lines of the roll-forward by bucket."""
