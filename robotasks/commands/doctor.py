"""Tell what works on this machine and the one command that mends what does not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robotasks.commands.output import show

PACKAGES = (
    "robotasks",
    "mujoco",
    "gymnasium",
    "numpy",
    "torch",
    "stable-baselines3",
    "sb3-contrib",
    "av",
    "mujoco-warp",
)
MEND_PICTURES = (
    "apt-get install -y --no-install-recommends libegl1 libgl1 libgl1-mesa-dri  "
    "# then set MUJOCO_GL=egl"
)
MEND_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
_PROBE = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><light pos='0 0 3'/>"
    "<geom size='1'/></worldbody></mujoco>")
renderer = mujoco.Renderer(model, 16, 16)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer.update_scene(data)
assert renderer.render().shape == (16, 16, 3)
renderer.close()
"""


@dataclass(frozen=True)
class Options:
    """Options of `doctor`."""

    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Print one row per finding."""
    show(diagnose(), options.json, "robotasks doctor")


def renders(backend: str) -> bool:
    """Whether pictures work with this value of MUJOCO_GL.

    Tried in a process of its own, since a broken OpenGL may abort the whole process.
    """
    if backend == "glfw" and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return False
    environment = os.environ | {"MUJOCO_GL": backend}
    command = [sys.executable, "-c", _PROBE]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def working_renderer(probe: Callable[[str], bool] = renders) -> str | None:
    """Return the first value of MUJOCO_GL with which pictures work, or None."""
    wanted = os.environ.get("MUJOCO_GL")
    backends = [wanted] if wanted else ["egl", "osmesa", "glfw"]
    return next((backend for backend in backends if probe(backend)), None)


def diagnose(
    probe: Callable[[str], bool] = renders,
    version: Callable[[str], str] = importlib.metadata.version,
) -> list[dict[str, Any]]:
    """Return the findings: what, found, and the command that mends it ("" if nothing is amiss)."""
    findings: list[dict[str, Any]] = [
        {"what": "python", "found": platform.python_version(), "mend": ""},
        {"what": "cores", "found": str(os.cpu_count()), "mend": ""},
    ]
    for package in PACKAGES:
        try:
            found, mend = version(package), ""
        except importlib.metadata.PackageNotFoundError:
            found, mend = "not installed", MEND_TORCH if package == "torch" else ""
        findings.append({"what": package, "found": found, "mend": mend})
    backend = working_renderer(probe)
    found = f"work with MUJOCO_GL={backend}" if backend else "do not work"
    findings.append({"what": "pictures", "found": found, "mend": "" if backend else MEND_PICTURES})
    return findings
