"""The checkout's door to `robotasks record`."""

from robotasks.commands import run_command

run_command("record")
