"""What the tasks with bottles and loose lids share: the scene, where lids are and where they go."""

from __future__ import annotations

import math

import mujoco

from robotasks.arrays import distance, namespace, stack, yaw_quat
from robotasks.layout import Array, View
from robotasks.physics.engine import Placement
from robotasks.physics.objects import bottle, lid, lug_cap
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.physics.scene import aim_camera
from robotasks.tasks.handling import Job, upright, workbench, yaw_of
from robotasks.tasks.planar import above, raised

SEAT = bottle.RIM - lid.UNDERSIDE
"""Height of a lid that rests on the rim (m)."""
GRASP_UP = 0.004
"""From a lid's middle up to where the fingers hold it; they stay clear of the table (m)."""
UPRIGHT = math.cos(math.radians(3))
_WIDTH = 2 * lid.RADIUS
_ROUND = math.pi / 180  # a period so short that any yaw will do


def lid_workbench() -> mujoco.MjSpec:
    """Return a workbench seen from near by: lids are small."""
    spec = workbench()
    aim_camera(spec, "front", eye=(1.05, -0.46, 0.46), target=(0.49, 0.0, 0.07))
    return spec


def add_lugs(neck: mujoco.MjsBody, cap: mujoco.MjsBody) -> None:
    """Make a bottle and a lid those of a lug cap."""
    lug_cap.add_ramps(neck, "bottle", bottle.NECK, bottle.RIM)
    lug_cap.add_lugs(cap, "lid", bottle.NECK, lid.UNDERSIDE)


def lug_fields(dynamics: View) -> dict[tuple[str, str], Array]:
    """Return the model fields of a lug cap with the dynamics `clearance` and `friction`."""
    lugs = [f"lid_lug{i}" for i in range(3)]
    return lid.rub_fields(dynamics.friction, "lid_top", *lugs) | lug_cap.lug_fields(
        dynamics.clearance, bottle.NECK, lid.UNDERSIDE, "lid"
    )


def seat(bottle_xy: Array) -> Array:
    """Where the lid of a bottle there sits, (..., 2) -> (..., 3)."""
    return above(bottle_xy, SEAT)


def seated(now: View, seat_pos: Array, name: str = "lid") -> Array:
    """Whether a lid lies flat on its rim, within 1 mm, (...) bool."""
    pos = getattr(now, f"{name}_pos")
    tilt = upright(getattr(now, f"{name}_xaxis"), getattr(now, f"{name}_yaxis"))
    beside = distance(pos[..., :2], seat_pos[..., :2])
    return (pos[..., 2] - seat_pos[..., 2] < 0.001) & (beside < 0.004) & (tilt > UPRIGHT)


def lid_job(
    now: View,
    seat_pos: Array,
    depth: float,
    seat_yaw: Array | float = 0.0,
    period: float = _ROUND,
    name: str = "lid",
) -> Job:
    """Return the job of bringing a lid to `seat_pos`, which it goes down to by `depth` (m)."""
    pos, yaw = getattr(now, f"{name}_pos"), yaw_of(getattr(now, f"{name}_xaxis"))
    grasp = raised(pos, GRASP_UP)
    high = seat_pos[..., 2] - lid.HALF_HEIGHT
    return Job(pos, yaw, 0 * yaw + period, grasp, seat_pos, seat_yaw + 0 * yaw, depth, high)


def lid_in_hand(start: View) -> Placement:
    """Hold the lid at the tool; `slip` is how far along the fingers, up and turned it is off."""
    xp = namespace(start.tcp_yaw)
    yaw, slip = start.tcp_yaw, start.slip
    x = slip[..., 0]
    offset = stack(x * xp.cos(yaw), x * xp.sin(yaw), slip[..., 1] - GRASP_UP)
    held = part_at("lid", start.tcp_pos + offset, yaw_quat(yaw + slip[..., 2]))
    return arm_at(start.tcp_pos, yaw, 0 * yaw + _WIDTH) | held
