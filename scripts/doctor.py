"""The checkout's door to `robotasks doctor`."""

from robotasks.commands import run_command

run_command("doctor")
