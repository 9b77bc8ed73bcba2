"""Disputes: what a customer says is wrong of their debt, how much of it nobody asks for meanwhile, and the decision."""
