"""The solver's parts: figures of a debt and a household, one file a group of kinds, and the price of a finalist."""
