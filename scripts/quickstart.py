"""The checkout's door to `robotasks quickstart`."""

from robotasks.commands import run_command

run_command("quickstart")
