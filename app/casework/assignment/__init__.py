"""Assignment: what people can do and how much, their absences, and who works which case."""
