"""Negotiation: what a household can pay, which agreements are possible, and why others are not."""
