"""Figures of people against the same mix of cases, and of customers with a support need against others."""
