"""Seconds until ``import windrow`` and ``windrow --help`` are done, in fresh processes.

Wall clock and processor seconds, the best of several; the bounds are 0.5 and 0.7 seconds. The bare
interpreter is told beside them. One line of JSON::

    python benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from measuring import setting

COMMANDS = {
    "interpreter": ["-c", "pass"],
    "import_windrow": ["-c", "import windrow"],
    "windrow_help": ["-m", "windrow", "--help"],
    "windrow_embed_help": ["-m", "windrow", "embed", "--help"],
}
BOUNDS = {"import_windrow": 0.5, "windrow_help": 0.7}


def main() -> None:
    """Starts each command several times and prints the best times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-rounds", type=int, default=7)
    options = parser.parse_args()
    wall = dict.fromkeys(COMMANDS, float("inf"))
    processor = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(options.num_rounds):
        for name, words in COMMANDS.items():
            before, started = os.times(), time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            wall[name] = min(wall[name], time.perf_counter() - started)
            after = os.times()
            spent = after.children_user + after.children_system
            spent -= before.children_user + before.children_system
            processor[name] = min(processor[name], spent)
    result = {
        "benchmark": "startup",
        **setting("torch", **vars(options)),
        "wall_seconds": {name: round(value, 3) for name, value in wall.items()},
        "processor_seconds": {name: round(value, 3) for name, value in processor.items()},
        "ratio_of_bound_to_wall": {
            name: round(bound / wall[name], 1) for name, bound in BOUNDS.items()
        },
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
