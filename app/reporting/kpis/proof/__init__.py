"""Proof that figures are right: a recount from the ledger compared with them, and the causes of each restatement."""
