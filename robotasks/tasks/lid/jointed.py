"""Lids on joints: what the tasks share that take a lid by its handle and bring it somewhere."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from robotasks.arrays import clip, closeness, namespace, stack
from robotasks.layout import Array, View
from robotasks.tasks.handling import (
    CONTROL,
    LOOSE,
    SEARCH,
    Job,
    fetching,
    handle,
    holds,
    reaching,
    released,
    steer,
)
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

STAND = Span(stand_xy=((0.47, -0.04), (0.55, 0.04)), stand_yaw=(-0.6, 0.6))
"""Where the thing stands that the lid belongs to."""
ABOVE = Span(tcp_pos=((0.45, -0.10, 0.22), (0.55, 0.10, 0.28)), tcp_yaw=(-0.3, 0.3))
"""Where an open hand starts: above what stands in the middle of the table."""
LEAD = 0.015
"""How far along its way the expert pulls a handle ahead of where it is (m)."""


class JointedTask(Task):
    """Bring a lid on a joint to where the goal says by its handle; let go.

    A task of this kind gives its spans and scene, the name of what the lid belongs to (`stand`),
    where the handle is and would be, and how near is enough.
    """

    family = "lid"
    expert_memory = SEARCH
    control = CONTROL
    stand: ClassVar[str]
    """Name of what the lid belongs to; the lid and its joint are called `<stand>_lid`."""
    near: ClassVar[float]
    """How near its goal the joint has to be (rad or m)."""
    travel: ClassVar[float]
    """All of the joint's way (rad or m)."""
    reach: ClassVar[float]
    """Metres that the handle moves, per unit of the joint's way."""

    @abstractmethod
    def handle_at(self, now: View, angle: Array) -> Array:
        """Return where the handle is when the joint is at `angle`, (..., 3)."""

    @abstractmethod
    def target(self, goal: View) -> Array:
        """Return where the joint has to be, (...)."""

    @abstractmethod
    def fingers(self, now: View) -> tuple[Array, float]:
        """Return a yaw at which fingers hold the handle and the least turn to the next."""

    def angle(self, now: View) -> Array:
        """Return where the joint is, (...)."""
        return getattr(now, f"{self.stand}_lid_angle")

    def left(self, now: View, goal: View) -> Array:
        """Return how far the joint has to go, (...)."""
        return self.target(goal) - self.angle(now)

    def there(self, now: View, goal: View) -> Array:
        """Whether the lid is where the goal says, held or not."""
        return abs(self.left(now, goal)) < self.near

    def observe(self, now):
        lid = part(now, f"{self.stand}_lid")
        return {"object0": lid, "fixture0": fixture(now, self.stand)}

    def cue(self, now, goal):
        here = self.handle_at(now, self.angle(now))
        return {"goal_pos": self.handle_at(now, self.target(goal)) - here}

    def stages(self, now, goal):
        here, there = self.handle_at(now, self.angle(now)), self.there(now, goal)
        xp = namespace(there)
        left = abs(self.left(now, goal))
        fetched = fetching(now, here, reaching(now, here), 1 + 0 * left, there)
        near = 0.5 * (1 - clip(left / self.travel, 0.0, 1.0))
        near = near + 0.5 * closeness(left, 0.2 * self.travel)
        opened = clip((now.grip_width - 0.015) / (LOOSE - 0.015), 0.0, 1.0)
        let_go = xp.where(there, opened, 0 * opened)
        level = 0.3 * fetched + 0.55 * near + 0.15 * let_go
        return [Stage(0.99 * level, there & released(now))]

    def success(self, now, goal):
        return self.there(now, goal) & released(now)

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        angle, left = self.angle(now), self.left(now, goal)
        here = self.handle_at(now, angle)
        yaw, period = self.fingers(now)
        yaw = yaw + 0 * angle
        done = abs(left) < 0.4 * self.near
        # The part of the job that puts it somewhere is not used: a joint leads the way.
        job = Job(here, yaw, period + 0 * yaw, here, here, yaw, 0.0)
        action, memory = handle(now, job, done, memory, self.control)
        ahead = angle + clip(left, -LEAD / self.reach, LEAD / self.reach)
        pulled = now.tool[..., :3] + self.handle_at(now, ahead) - here
        action_held = steer(now, self.control, pulled, 0 * yaw, 0 * yaw)
        pulls = holds(now, here) & ~done
        return xp.where(pulls[..., None], action_held, action), memory


def along(now: View, name: str, x: Array, z: Array) -> Array:
    """Return points given in the x-z plane of a fixture's frame, (...) each -> (..., 3)."""
    pos, xaxis = getattr(now, f"{name}_pos"), getattr(now, f"{name}_xaxis")
    return stack(pos[..., 0] + x * xaxis[..., 0], pos[..., 1] + x * xaxis[..., 1], pos[..., 2] + z)
