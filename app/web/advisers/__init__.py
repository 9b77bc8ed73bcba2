"""Pages of debt advisers: customers, files of proposals, lump payments."""
