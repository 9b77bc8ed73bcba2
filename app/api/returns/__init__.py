"""Returns to supervisors."""
