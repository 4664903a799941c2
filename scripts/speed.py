"""The checkout's door to `robotasks speed`."""

from robotasks.commands import run_command

run_command("speed")
