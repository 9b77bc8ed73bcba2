"""Returns to supervisors: what they are now, and what was frozen."""
