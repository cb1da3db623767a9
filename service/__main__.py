"""The command line `hylde`: a list of its commands, and nothing heavy.

Each command's module is imported when that command runs; web workers import this module again
(they are spawned), so it must stay light.
"""

import importlib
import sys

# name -> (module, what it does)
COMMANDS = {
    "demo": ("demo", "Show everything at work, on real sales."),
    "serve": ("serve", "The HTTP service with its scheduler beside it; migrates first."),
    "api": ("api", "Only the HTTP service, for more than one machine."),
    "worker": ("worker", "Only the scheduler, for more than one machine."),
    "migrate": ("migrate", "Bring the database up to date."),
    "check": ("check", "Run every invariant; exit 1 if one is broken."),
    "keys": ("keys", "Make, list and revoke the tokens of clients."),
    "import": ("import_", "Load items, locations or stock from a file."),
    "pos": ("pos", "Show what tills and places leave open on a day."),
    "replay": ("replay", "Play recorded sales into a running service, as tills would."),
    "state": ("state", "Print what a replay ended in, or compare it with another one's."),
    "bench": ("bench", "Measure this machine."),
    "openapi": ("openapi", "Print openapi.yaml."),
}


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(importlib.import_module("service.cli.group").run(COMMANDS))


if __name__ == "__main__":
    main()
