"""Letters about a dispute: its acknowledgement, and how it was decided."""
