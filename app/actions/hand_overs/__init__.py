"""Offers, hand-overs to other desks and abusive contact: the same by page and by API."""
