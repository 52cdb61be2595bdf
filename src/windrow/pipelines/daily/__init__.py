"""Daily reflectance and the check of dates, both from a pre-trained bi-modal BERT."""
