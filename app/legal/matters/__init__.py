"""What becomes of a case with the lawyers: their reports, and questions and answers between them and collections."""
