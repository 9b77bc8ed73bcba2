"""Digests and thresholds of a portfolio, for programs."""
