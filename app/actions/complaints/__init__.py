"""What a person does with a complaint: open, change, answer, put right, reopen, find its cause."""
