"""The work of each command, from its inputs to the directory that it writes."""
