"""Negotiate a case, and take an offer of the negotiation."""
