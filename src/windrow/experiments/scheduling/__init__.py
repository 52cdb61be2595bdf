"""The processes, time and disk of a study."""
