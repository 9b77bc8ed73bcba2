"""Result codes of calls: what each asks for, counts as and does, as versioned data of a portfolio."""
