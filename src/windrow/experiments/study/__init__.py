"""Studies: arms, tasks and cells, and the results that they are compared with."""
