"""Cohorts: the accounts of one month of placement, opening or charge-off, followed from month end to month end."""
