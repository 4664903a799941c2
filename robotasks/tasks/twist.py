"""Twisting: what the tasks share that lock a lug cap onto a neck, or unlock it.

Angles are those of `physics.objects.lug_cap`: clockwise, from where a ramp starts. Points are
(..., 3) in metres, angles (...) in radians, flags (...) bool.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from robotasks.arrays import clip, closeness, distance, excess, namespace, stack
from robotasks.layout import Array, View
from robotasks.physics.objects.lug_cap import ENTERS, ENTRY, LOCKED, PERIOD, STOP
from robotasks.physics.robots.panda import Control
from robotasks.tasks.handling import PRESS, Gap, insertion, steer, upright, wrap, yaw_of

SEATED = 0.001
"""How far above its seat a cap is on (m)."""
UPRIGHT = math.cos(math.radians(3))
DEPTH = 0.0125
"""From where a cap's skirt is around the neck, down to its seat (m)."""
CLOSED = STOP - math.radians(1)
"""Where to leave a cap (rad)."""


class Lock(NamedTuple):
    """How a cap is on its neck."""

    aside: Array
    """From the neck's axis (m)."""
    up: Array
    """Above its seat (m)."""
    angle: Array
    """Of the lugs, from -60 to 60 degrees (rad)."""
    upright: Array
    """Cosine of the tilt."""


def lock_of(now: View, name: str, seat_pos: Array, neck_yaw: Array) -> Lock:
    """Return how the cap called `name` is on a neck on which it sits at `seat_pos`."""
    pos, xaxis = getattr(now, f"{name}_pos"), getattr(now, f"{name}_xaxis")
    return Lock(
        distance(pos[..., :2], seat_pos[..., :2]),
        pos[..., 2] - seat_pos[..., 2],
        wrap(neck_yaw - yaw_of(xaxis), PERIOD),
        upright(xaxis, getattr(now, f"{name}_yaxis")),
    )


def entry_gap(lock: Lock) -> Gap:
    """Return what is left until the cap is seated; once its lugs are in, any yaw will do."""
    off = abs(wrap(lock.angle - ENTRY, PERIOD))
    return Gap(lock.aside, namespace(off).where(lock.up < ENTERS, 0 * off, off), lock.up)


def locked(lock: Lock) -> Array:
    """Whether the cap is seated and its lugs are under the ramps."""
    seated = (lock.up < SEATED) & (lock.aside < 0.004) & (lock.upright > UPRIGHT)
    return seated & (lock.angle > LOCKED)


def closing(lock: Lock) -> Array:
    """How far a cap is that is put on and twisted, 0 to 1, smoothly."""
    on = closeness(excess(lock.up, SEATED / 2), 0.004) * closeness(excess(lock.aside, 0.003), 0.01)
    turned = clip((lock.angle - ENTRY) / (CLOSED - ENTRY), 0.0, 1.0)
    return 0.5 * insertion(entry_gap(lock), DEPTH) + 0.5 * on * turned


def wring(now: View, lock: Lock, end: float, control: Control) -> Array:
    """Return the action (..., 5) of an expert who turns the cap in its hand to the angle `end`.

    It presses the cap onto the rim by 4 N.
    """
    tool = now.tool[..., :3]
    x, y, z = tool[..., 0], tool[..., 1], tool[..., 2] - 0.5 * PRESS
    turn = now.tool[..., 3] - (end - lock.angle) - now.setpoint[..., 3]
    return steer(now, control, stack(x, y, z), turn, 0 * turn)
