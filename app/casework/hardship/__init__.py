"""Hardship: requests for help with payments, what was asked for, and the decision."""
