"""Turning flat parts with the closed fingers: where to push, and what each push does.

Friction with the table gives way to a force as an ellipsoid says (Goyal, Ruina, Papadopoulos 1991):
a push moves the part's middle along its direction and turns it by lever / GYRATION^2 per metre.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from robotasks.arrays import clip, namespace, norm, stack
from robotasks.layout import Array, View
from robotasks.physics.objects.part import Block
from robotasks.physics.robots.panda import Control
from robotasks.tasks.planar import BEYOND, CLEAR, TOUCH_HEIGHT, above, act, approach, face
from robotasks.tasks.push.tabletop import local_xy, table_xy

GYRATION = 0.06
"""Largest moment over largest force of the T's friction with the table (m, measured)."""
FLAT = 0.015
"""Half the width of the fingers: with less lever than this a flat push does not turn (m)."""
RADIUS = 0.08
"""How far a turn by 1 rad counts as (m): the middle of the T to its far end."""
RETREAT = 0.03
"""From the outline to the middle of the fingers where they come down (m)."""
ARRIVED, ASTRAY = 0.008, 0.011
"""Errors at which the expert stops, and at which it goes on again (m)."""
SPENT = 0.002
"""What a push has to take off the error to be worth it (m)."""


class Pose(NamedTuple):
    """Where a part is on the table."""

    xy: Array
    """(..., 2)."""
    xaxis: Array
    """Cosine and sine of its yaw, (..., 2)."""

    def point(self, x: Array | float, y: Array | float) -> Array:
        """Return the point of the table at x and y of the part's frame, (..., 2)."""
        return table_xy(x, y, self.xy, self.xaxis)

    def to_go(self, goal: Pose) -> Array:
        """Return the way to another pose, in this one's frame, (..., 3): x, y, RADIUS * turn."""
        xp = namespace(self.xy)
        cos, sin = local_xy(goal.xaxis, 0 * self.xy, self.xaxis)
        return stack(*local_xy(goal.xy, self.xy, self.xaxis), RADIUS * xp.atan2(sin, cos))


def pose(xy: Array, yaw: Array) -> Pose:
    """Return the pose at `xy` (..., 2), turned by `yaw` (...)."""
    xp = namespace(yaw)
    return Pose(xy, stack(xp.cos(yaw), xp.sin(yaw)))


class Contact(NamedTuple):
    """A point on a part's outline and the direction of a push there, in the part's frame (m)."""

    x: float
    y: float
    along_x: float
    along_y: float

    @property
    def lever(self) -> float:
        """Distance at which the push passes the middle, positive where it turns to the left (m)."""
        lever = self.x * self.along_y - self.y * self.along_x
        return lever if abs(lever) > FLAT else 0.0

    @property
    def effect(self) -> tuple[float, float, float]:
        """What a push does to the pose per metre of the middle: x, y, and turn times RADIUS."""
        return self.along_x, self.along_y, RADIUS * self.lever / GYRATION**2

    def gain(self, to_go: Array) -> Array:
        """Return how much of the error a push can take off (m), (...); negative if it adds."""
        x, y, turn = self.effect
        dot = x * to_go[..., 0] + y * to_go[..., 1] + turn * to_go[..., 2]
        return dot / (x * x + y * y + turn * turn) ** 0.5

    def way(self, to_go: Array) -> Array:
        """Return how far the fingers push for that gain (m), (...)."""
        stretch = 1 + (self.lever / GYRATION) ** 2  # the point of contact goes ahead of the middle
        return self.gain(to_go) * stretch / (1 + self.effect[2] ** 2) ** 0.5


def beside(block: Block, x: Array, y: Array) -> Array:
    """Return how far a point in a block's frame is from the block, (...) m; 0 within it."""
    xp = namespace(x)
    gap = 1.0 + 0 * x
    for box in block.boxes:
        off_x = clip(abs(x - box.x) - box.half_x, 0.0, 1.0)
        off_y = clip(abs(y - box.y) - box.half_y, 0.0, 1.0)
        gap = xp.minimum(gap, norm(stack(off_x, off_y)))
    return gap


def push_to_pose(
    now: View, part: Pose, goal: Pose, contacts: Sequence[Contact], number: Array, control: Control
) -> tuple[Array, Array]:
    """Return the action (..., 5) of an expert who pushes a part to a pose, and its memory.

    It pushes where one push takes most off the error, until that push gains no more, and chooses
    again. Its memory is the number (...) of the contact: 1, 2, ..., and 0 once the part is there.
    """
    xp = namespace(number)
    to_go = part.to_go(goal)
    number = _choose(part, to_go, contacts, number, control)
    chosen = Contact(*(_pick(number, values) for values in zip(*contacts, strict=True)))
    way = _pick(number, [contact.way(to_go) for contact in contacts])
    # The fingers, seen from the contact: how far back, and how far to the left of the push.
    x, y = local_xy(now.tcp_pos[..., :2], part.xy, part.xaxis)
    back = (chosen.x - x) * chosen.along_x + (chosen.y - y) * chosen.along_y
    aside = (y - chosen.y) * chosen.along_x - (x - chosen.x) * chosen.along_y
    low = now.tcp_pos[..., 2] < TOUCH_HEIGHT + 0.01
    pushing = low & (back > 0) & (back < RETREAT + 0.015) & (abs(aside) < 0.01)
    along = table_xy(chosen.along_x, chosen.along_y, 0 * part.xy, part.xaxis)
    turn = face(now.setpoint[..., 3], along, control, xp.where(pushing, BEYOND, 0.0))
    across = stack(-along[..., 1], along[..., 0])
    pace = xp.where(back < 0.014, clip(0.35 * way, 0.003, 0.015), 0.008)
    shove = pace[..., None] * along - 0.6 * aside[..., None] * across
    level = (TOUCH_HEIGHT - now.setpoint[..., 2])[..., None]
    place = above(_place(part, chosen), TOUCH_HEIGHT)
    move = xp.where(
        pushing[..., None],
        xp.concat([shove, level], axis=-1),
        approach(now, place, turn, near=0.006, straight=0.1),
    )
    # On arrival the fingers leave, so that they do not go on pushing.
    leave = above(now.tcp_pos[..., :2], CLEAR) - now.setpoint[..., :3]
    move = xp.where((number < 1)[..., None], leave, move)
    return act(control, move, turn, still=number < 0), number


def _choose(
    part: Pose, to_go: Array, contacts: Sequence[Contact], number: Array, control: Control
) -> Array:
    """Return the next number, (...): the same until its push is spent, 0 on arrival."""
    xp = namespace(number)
    gains = [contact.gain(to_go) for contact in contacts]
    scores = []
    for contact, gain in zip(contacts, gains, strict=True):
        place = _place(part, contact)
        x, y = place[..., 0], place[..., 1]
        inside = (x > control.low[0]) & (x < control.high[0])
        inside = inside & (y > control.low[1]) & (y < control.high[1])
        scores.append(xp.where(inside, gain, gain - 1.0))  # out of reach: less than any in reach
    best = xp.astype(xp.argmax(stack(*scores), axis=-1), number.dtype) + 1
    spent = (number < 1) | (_pick(number, gains) < SPENT)
    arrived = norm(to_go) < xp.where(number < 1, ASTRAY, ARRIVED)
    return xp.where(arrived, 0.0, xp.where(spent, best, number))


def _place(part: Pose, contact: Contact) -> Array:
    """Return where the fingers come down before a push, (..., 2)."""
    return part.point(contact.x - RETREAT * contact.along_x, contact.y - RETREAT * contact.along_y)


def _pick(number: Array, values: Sequence[Array | float]) -> Array:
    """Return the value of that number, counted from 1, (...); 0 for the number 0."""
    picked = 0 * number
    for i, value in enumerate(values, start=1):
        picked = namespace(number).where(number == i, value, picked)
    return picked
