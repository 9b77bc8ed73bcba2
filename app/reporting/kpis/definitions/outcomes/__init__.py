"""Outcomes of programmes: re-ages, workouts, settlements, cures, charge-offs and supervisory classes."""
