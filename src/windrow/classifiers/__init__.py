"""Features, and classifiers fitted on features and representations."""
