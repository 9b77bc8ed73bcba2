"""Analytics: facts and figures as Parquet files, in a published schema, for tools that never touch the database."""
