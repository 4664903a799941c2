"""Push one part to a spot: what the tasks share that differ in part, areas and obstacles."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from robotasks.arrays import norm
from robotasks.layout import Array, View
from robotasks.physics.engine import Placement
from robotasks.physics.objects.puck import DISC_RADIUS
from robotasks.tasks.planar import (
    FAR,
    Line,
    above,
    lies,
    line_up,
    place_and_speed,
    push,
    pushed,
    rests,
)
from robotasks.tasks.push.tabletop import CONTROL, laid, lying, tool_at
from robotasks.tasks.slots import part
from robotasks.tasks.task import Mark, Stage, Task


class PushPart(Task):
    """Push a part to a spot, where it has to rest.

    A task of this kind gives its spans (starts have `part_xy`, `part_yaw` and the fields of
    `TOOL`), its scene, the spot and these numbers; where the straight way will not do, `aim` too.
    """

    family = "push"
    control = CONTROL
    part: ClassVar[str] = "puck"
    """Name of the body."""
    half_height: ClassVar[float]
    """Of the part (m)."""
    near: ClassVar[float]
    """How close to its spot a part has arrived (m)."""
    behind: ClassVar[float] = 0.045
    """From the part's middle to the tool that is about to push it (m)."""
    far: ClassVar[float] = FAR
    """From how far the spot calls (m)."""
    retreat: ClassVar[float] = 0.065
    """The same for the expert, who comes down there (m)."""

    @abstractmethod
    def spot(self, goal: View) -> Array:
        """Return where the part has to go, (..., 2)."""

    def aim(self, now: View, goal: View) -> tuple[Array, Array | None]:
        """Return where to push the part next, (..., 2), and the metres to go from there, if any."""
        return self.spot(goal), None

    def furnish(self, goal: View, dynamics: View) -> Placement:
        """Place what stands around the part."""
        return Placement()

    def surroundings(self, now: View) -> Mapping[str, Array]:
        """Return the slots of what is around the part and seen whatever is revealed."""
        return {}

    def goal_surroundings(self, now: View) -> Mapping[str, Array]:
        """Return the slots of what stands where the goal says."""
        return {}

    def line(self, now: View, goal: View, gap: float) -> Line:
        """Return the part's way; the tool's place is `gap` metres behind it."""
        aim, rest = self.aim(now, goal)
        line = line_up(self.sensed(now, "pos")[..., :2], aim, gap)
        return line if rest is None else line._replace(left=line.left + rest)

    def progress(self, now: View, goal: View) -> Array:
        """How far the push is, (...) in [0, 1)."""
        return pushed(now.tcp_pos, self.line(now, goal, self.behind), self.far)

    def sensed(self, now: View, what: str) -> Array:
        """Return a reading of the part."""
        return getattr(now, f"{self.part}_{what}")

    def place(self, start, goal, dynamics):
        part_laid = laid(self.part, start.part_xy, start.part_yaw, self.half_height)
        return tool_at(start) | part_laid | self.furnish(goal, dynamics)

    def observe(self, now):
        return {"object0": part(now, self.part), **self.surroundings(now)}

    def cue(self, now, goal):
        to_go = above(self.spot(goal), self.half_height) - self.sensed(now, "pos")
        return {"goal_pos": to_go, **self.goal_surroundings(now)}

    def stages(self, now, goal):
        return [Stage(self.progress(now, goal), self.success(now, goal))]

    def success(self, now, goal):
        pos, speed = self.sensed(now, "pos"), norm(self.sensed(now, "vel"))
        return lies(pos, speed, self.spot(goal), self.half_height, self.near)

    def achieved(self, now):
        return place_and_speed(self.sensed(now, "pos"), self.sensed(now, "vel"))

    def desired(self, goal):
        return lying(self.spot(goal), self.half_height)

    def reached(self, achieved, desired):
        return rests(achieved, desired, self.near)

    def marks(self, goal):
        # A puck that has arrived does not cross the rim, nor hide it from who sees pictures alone.
        radius = DISC_RADIUS + self.near
        return [Mark(pos=(*self.spot(goal), 0.001), size=(radius, 0.001, 0.0))]

    def expert(self, now, goal, memory):
        line = self.line(now, goal, self.retreat)
        return push(now, self.sensed(now, "pos"), line, self.control, arrived=0.008), {}
