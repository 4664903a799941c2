"""OpenGL is optional: tests that draw ask for the `gl` fixture and are skipped without it."""

import ctypes
import os
import sys

import pytest
from hypothesis import settings

# A busy machine is no failure, and the same tree has the same result twice.
settings.register_profile("robotasks", deadline=None, derandomize=True)
settings.load_profile("robotasks")


def has_egl() -> bool:
    """Whether MUJOCO_GL=egl can be imported at all; whether it draws is another question."""
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        return False
    return True


# MuJoCo reads this when it is imported; with "egl" and no EGL library the import itself fails.
if sys.platform == "linux" and not os.environ.get("DISPLAY") and has_egl():
    os.environ.setdefault("MUJOCO_GL", "egl")


@pytest.fixture(scope="session")
def gl() -> None:
    """Skip the test where pictures do not work with the OpenGL that this process has."""
    from robotasks.commands.doctor import MEND_PICTURES, renders

    if not renders(os.environ.get("MUJOCO_GL", "")):
        pytest.skip(f"no OpenGL; this mends it: {MEND_PICTURES}")
