"""The page that compares simulated with real fields."""
