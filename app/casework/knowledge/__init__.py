"""The knowledge base: articles that answer customers' questions, the searches that found none, and what agents said."""
