"""Field and pixel tables: CSV and Parquet with one row a series and date."""
