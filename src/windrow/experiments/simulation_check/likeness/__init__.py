"""How alike simulated and real fields are, one measure a module."""
