"""The checkout's door to `robotasks report`."""

from robotasks.commands import run_command

run_command("report")
