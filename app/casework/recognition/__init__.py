"""Recognition of what words of a customer, or a note about them, may mean: cues by language, and a small model."""
