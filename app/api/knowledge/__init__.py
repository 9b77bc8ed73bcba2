"""The knowledge base by programs."""
