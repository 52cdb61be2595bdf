"""Where on the Earth a simulated place lies: its calendar and climate."""
