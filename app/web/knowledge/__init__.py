"""The knowledge base: search and read articles, write them, and the backlog of searches."""
