"""Maps: what is asked for, block by block, and the folder that comes of it."""
