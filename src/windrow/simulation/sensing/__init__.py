"""What the sensors see: atmosphere, clouds, acquisitions and their correction."""
