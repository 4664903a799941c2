"""The checkout's door to `robotasks list`."""

from robotasks.commands import run_command

run_command("list")
