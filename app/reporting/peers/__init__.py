"""Rates of other banks, from public files, beside our own of the same definition."""
