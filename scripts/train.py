"""The checkout's door to `robotasks train`."""

from robotasks.commands import run_command

run_command("train")
