"""What a household can pay: statements and answers, in and out."""
