"""Tell what works on this machine and the one command that mends what does not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from robotasks.commands.output import show

MEND_PICTURES = (
    "apt-get install -y --no-install-recommends libegl1 libgl1 libgl1-mesa-dri  "
    "# then set MUJOCO_GL=egl"
)
MEND_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
MEND_AGENTS = "pip install 'robotasks[agents]'  # torch first, else this brings CUDA"
# The packages that matter, and the command that brings each; "" where to lack it is no fault.
PACKAGES = {
    "robotasks": "pip install --editable .",
    "mujoco": "pip install mujoco",
    "gymnasium": "pip install gymnasium",
    "numpy": "pip install numpy",
    "torch": MEND_TORCH,
    "stable-baselines3": MEND_AGENTS,
    "sb3-contrib": MEND_AGENTS,
    "av": MEND_AGENTS,
    "mujoco-warp": "",
}
SWITCHED_OFF = ("disable", "disabled", "off", "false", "0")  # MuJoCo's own list
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
    environment = os.environ | {"MUJOCO_GL": backend}
    command = [sys.executable, "-c", _PROBE]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def backends(environment: Mapping[str, str], system: str) -> list[str]:
    """Return the values of MUJOCO_GL to try, best first: what the user chose, then the rest."""
    if system == "linux":
        screen = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
        known = ["egl", "osmesa", *(["glfw"] if screen else [])]
    else:
        known = ["cgl", "glfw"] if system == "darwin" else ["glfw"]
    chosen = environment.get("MUJOCO_GL", "").lower()
    if chosen in SWITCHED_OFF:
        return []
    return [chosen] * (chosen in known) + [name for name in known if name != chosen]


def working_renderer(
    probe: Callable[[str], bool] = renders,
    environment: Mapping[str, str] = os.environ,
    system: str = sys.platform,
) -> str | None:
    """Return the first value of MUJOCO_GL with which pictures work, or None."""
    return next((name for name in backends(environment, system) if probe(name)), None)


def diagnose(
    probe: Callable[[str], bool] = renders,
    version: Callable[[str], str] = importlib.metadata.version,
    environment: Mapping[str, str] = os.environ,
    system: str = sys.platform,
) -> list[dict[str, Any]]:
    """Return the findings: what, found, and the command that mends it ("" if nothing is amiss)."""
    findings: list[dict[str, Any]] = [
        {"what": "python", "found": platform.python_version(), "mend": ""},
        {"what": "cores", "found": str(os.cpu_count()), "mend": ""},
    ]
    for package, mend in PACKAGES.items():
        try:
            findings.append({"what": package, "found": version(package), "mend": ""})
        except importlib.metadata.PackageNotFoundError:
            findings.append({"what": package, "found": "not installed", "mend": mend})
    return [*findings, _pictures(probe, environment, system)]


def _pictures(
    probe: Callable[[str], bool], environment: Mapping[str, str], system: str
) -> dict[str, Any]:
    chosen = environment.get("MUJOCO_GL", "").lower()
    if chosen in SWITCHED_OFF:
        found = f"switched off by MUJOCO_GL={chosen}"
        return {"what": "pictures", "found": found, "mend": "unset MUJOCO_GL"}
    backend = working_renderer(probe, environment, system)
    if backend is None:
        return {"what": "pictures", "found": "do not work", "mend": MEND_PICTURES}
    # With nothing chosen, MuJoCo takes a window system on Linux, and that may not be there.
    default = {"linux": "glfw", "darwin": "cgl"}.get(system, "glfw")
    mend = "" if backend == (chosen or default) else f"export MUJOCO_GL={backend}"
    return {"what": "pictures", "found": f"work with MUJOCO_GL={backend}", "mend": mend}
