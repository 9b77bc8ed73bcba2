"""Pages of requests for help with payments."""
