"""The few-label protocol: repeated draws of k labelled fields per class."""
