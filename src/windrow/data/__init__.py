"""Series, store, legend, pairing, splits: what is known of a pixel, and how it is kept."""
