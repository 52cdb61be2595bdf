"""One reader per product; each turns files into series."""
