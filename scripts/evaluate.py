"""The checkout's door to `robotasks evaluate`."""

from robotasks.commands import run_command

run_command("evaluate")
