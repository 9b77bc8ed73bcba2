"""Returns to supervisors: their cells of a frozen date, each with the things that it counts."""
