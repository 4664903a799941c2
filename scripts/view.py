"""The checkout's door to `robotasks view`."""

from robotasks.commands import run_command

run_command("view")
