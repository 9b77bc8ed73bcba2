"""Interest and late fees, where we are the ledger."""
