"""A U-shaped slot that a disc fits into; its clearance is a number of each world."""

from __future__ import annotations

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.fixture import add_fixture
from robotasks.physics.objects.part import Box
from robotasks.physics.objects.puck import DISC_RADIUS

HEIGHT = 0.03
MOUTH = 0.06
"""From the middle of a parked disc to the mouth, along the slot's x axis (m)."""
_HALF = 0.006  # half the thickness of the walls
_LENGTH = (MOUTH + DISC_RADIUS) / 2
_MIDDLE = (MOUTH - DISC_RADIUS) / 2


def add_slot(spec: mujoco.MjSpec, name: str = "slot") -> None:
    """Add a slot that opens along its x axis; its origin is the middle of a parked disc."""
    wide = DISC_RADIUS + 0.02
    boxes = [
        Box(-DISC_RADIUS - _HALF, 0, _HALF, wide),
        Box(_MIDDLE, wide, _LENGTH, _HALF),
        Box(_MIDDLE, -wide, _LENGTH, _HALF),
    ]
    add_fixture(spec, name, boxes, HEIGHT, friction=0.2)


def slot_fields(clearance: Array, name: str = "slot") -> dict[tuple[str, str], Array]:
    """Return the model fields of slots with this `clearance` on either side of the disc, (...)."""
    off = DISC_RADIUS + clearance + _HALF
    middle, level = _MIDDLE + 0 * off, HEIGHT / 2 + 0 * off
    return {
        ("geom_pos", f"{name}_1"): stack(middle, off, level),
        ("geom_pos", f"{name}_2"): stack(middle, -off, level),
    }
