"""OpenGL is optional: tests that draw ask for the `gl` fixture and are skipped without it."""

import os
import sys

import pytest

if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is imported


@pytest.fixture(scope="session")
def gl():
    """Skip the test where pictures do not work."""
    from robotasks.commands.doctor import MEND_PICTURES, working_renderer

    if working_renderer() is None:
        pytest.skip(f"no OpenGL; this mends it: {MEND_PICTURES}")
