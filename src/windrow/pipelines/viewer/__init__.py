"""What the viewer of a map shows: layers as tiles, and all that is known of a pixel."""
