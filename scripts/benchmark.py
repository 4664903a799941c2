"""The checkout's door to `robotasks benchmark`."""

from robotasks.commands import run_command

if __name__ == "__main__":  # the processes that play cells import this file
    run_command("benchmark")
