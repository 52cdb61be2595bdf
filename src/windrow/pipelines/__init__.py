"""What a command does from its inputs to the directory that it writes."""
