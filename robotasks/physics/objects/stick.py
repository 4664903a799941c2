"""A hockey stick in the hand: a shaft and a flat blade, rigid with the tool."""

from __future__ import annotations

import mujoco

from robotasks.physics.robots import panda_facts as facts
from robotasks.physics.scene import LOOK, SEEN

BLADE = "blade"
TOOL_HEIGHT = 0.08
"""Height of the tool above the ice at which the blade clears it by 6 mm (m)."""
BLADE_HALF = (0.006, 0.05, 0.016)
"""Half the blade's thickness, length and height (m)."""
CLEARANCE = 0.006  # a hard swing dips 4 mm
_MASS = 0.08
_WOOD, _TAPE = (0.83, 0.66, 0.42, 1.0), (0.12, 0.12, 0.14, 1.0)


def add_stick(spec: mujoco.MjSpec) -> None:
    """Fix a stick to the hand; its face looks along the tool's x axis."""
    down = facts.TCP_IN_HAND + TOOL_HEIGHT - CLEARANCE - BLADE_HALF[2]
    body = spec.body("hand").add_body(name="stick", pos=[0, 0, down], gravcomp=1)
    body.explicitinertial = True
    body.mass, body.ipos, body.iquat = _MASS, [0, 0, -0.02], [1, 0, 0, 0]
    body.inertia = [1e-4] * 3
    look = {"mass": 0, "group": SEEN, **LOOK}  # touches by pairs alone
    shaft = mujoco.mjtGeom.mjGEOM_CAPSULE
    top = -down + facts.TCP_IN_HAND - 0.02
    for start, end, colour in ((0, top, _WOOD), (top, top - 0.04, _TAPE)):
        grip = body.add_geom(type=shaft, fromto=[-0.008, 0, start, 0, 0, end], rgba=colour, **look)
        grip.size[0] = 0.008
    # Flat: a hollow face would send a puck that it meets off-centre astray.
    body.add_geom(name=BLADE, type=mujoco.mjtGeom.mjGEOM_BOX, size=BLADE_HALF, rgba=_TAPE, **look)
