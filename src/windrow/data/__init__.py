"""Series, their store, legends, splits and batches."""
