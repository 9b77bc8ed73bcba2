"""What a person answers where words may be a complaint, or of another room."""
