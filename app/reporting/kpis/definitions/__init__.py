"""The key figures, one file a family; `catalog.py` lists the families."""
