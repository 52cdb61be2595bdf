"""File formats that several products share, read without trusting them."""
