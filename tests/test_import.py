"""Importing the package is light: what is heavy loads when it is used."""

import subprocess
import sys

HEAVY = ("torch", "stable_baselines3", "sb3_contrib", "matplotlib", "rich", "tyro", "av", "warp")
# A process of its own, since pytest has loaded much already; a warning there is an error.
CODE = """
import sys
import robotasks
print(*(name for name in {heavy} if name in sys.modules))
"""


def test_importing_robotasks_loads_nothing_heavy():
    command = [sys.executable, "-W", "error", "-c", CODE.format(heavy=HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
