"""The knowledge base: write and rate articles, and answer customers from them."""
