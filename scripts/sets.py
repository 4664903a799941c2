"""The checkout's door to `robotasks sets`."""

from robotasks.commands import run_command

run_command("sets")
