"""The page that managers open every morning."""
