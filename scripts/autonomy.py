"""The checkout's door to `robotasks autonomy`."""

from robotasks.commands import run_command

run_command("autonomy")
