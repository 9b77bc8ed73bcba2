"""Requests for help with payments by API."""
