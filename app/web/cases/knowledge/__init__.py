"""Answer a question on the case: find an article, read it out, send it in writing."""
