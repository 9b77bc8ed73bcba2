"""Acts about debt advisers: their customers, the plans they propose, the payments they send."""
