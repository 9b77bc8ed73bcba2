"""The page of a case's matter with the lawyers: their reports, and questions and answers."""
