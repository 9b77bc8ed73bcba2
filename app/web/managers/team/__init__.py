"""The team: its people, what they can do, and who covers for whom."""
