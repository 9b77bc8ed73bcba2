"""Negotiation: the offers that a case can be made, and what becomes of them."""
