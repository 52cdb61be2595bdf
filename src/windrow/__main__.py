"""``python -m windrow`` is the command line."""

from windrow.cli import main

main()
