"""The page of the question how satisfied customers are."""
