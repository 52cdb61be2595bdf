"""One reader a product: files in, series out."""
