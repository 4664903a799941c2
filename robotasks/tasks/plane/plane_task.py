"""What the tasks of the airplane family share: where parts belong and whose turn it is."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from robotasks.arrays import distance, namespace, stack, yaw_quat
from robotasks.layout import Array, View
from robotasks.physics.engine import Placement
from robotasks.physics.objects.airframe import Mount, Seat, add_mount, mount_fields
from robotasks.physics.objects.airplane import Kind, add_part, part_fields
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.physics.scene import aim_camera
from robotasks.tasks.handling import (
    CONTROL,
    SEARCH,
    Job,
    choose,
    delivery,
    handle,
    released,
    upright,
    what_is_left,
    workbench,
    yaw_of,
)
from robotasks.tasks.planar import above, raised
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

SEATED = 0.0015
"""How far above its seat a part may be (m)."""
BESIDE = 0.004
"""How far beside it (m): more than the clearance leaves."""
UPRIGHT = math.cos(math.radians(5))
NEAR = 0.03
"""How far from a part the hand still is at it (m)."""


class Place(NamedTuple):
    """Where a part belongs: its foot, (..., 3) m, and its yaw, (...) rad."""

    pos: Array
    yaw: Array


def place_of(seat: Seat, mount_xy: Array, mount_yaw: Array) -> Place:
    """Return where a seat is whose mount stands at `mount_xy` (..., 2), turned (...)."""
    xp = namespace(mount_yaw)
    cos, sin = xp.cos(mount_yaw), xp.sin(mount_yaw)
    x, y = seat.x * cos - seat.y * sin, seat.x * sin + seat.y * cos
    return Place(above(mount_xy + stack(x, y), seat.z), mount_yaw + seat.yaw)


def sensed_place(now: View, mount: str, seat: Seat) -> Place:
    """Return where a seat is by the sensors of its mount."""
    pos = getattr(now, f"{mount}_pos")
    return place_of(seat, pos[..., :2], yaw_of(getattr(now, f"{mount}_xaxis")))


def job_of(now: View, name: str, kind: Kind, place: Place, depth: float) -> Job:
    """Return the job of bringing a part to a place, down from a height of `depth` (m)."""
    pos, yaw = getattr(now, f"{name}_pos"), yaw_of(getattr(now, f"{name}_xaxis"))
    return Job(
        part_pos=pos,
        part_yaw=yaw,
        period=2 * math.pi / kind.fold + 0 * yaw,
        grasp_pos=raised(pos, kind.grasp_up),
        seat_pos=raised(place.pos, kind.half[2]),
        seat_yaw=place.yaw,
        depth=depth,
        high=place.pos[..., 2],
    )


def seated(now: View, name: str, job: Job) -> Array:
    """Whether a part is all the way on its seat, (...) bool."""
    gap = job.gap
    tilt = upright(getattr(now, f"{name}_xaxis"), getattr(now, f"{name}_yaxis"))
    return (gap.up < SEATED) & (gap.aside < BESIDE) & (tilt > UPRIGHT)


def sits_on(now: View, name: str, mount: str, seat: Seat) -> Array:
    """Whether a part is all the way on a seat of a mount, (...) bool."""
    job = job_of(now, name, seat.kind, sensed_place(now, mount, seat), seat.kind.pins)
    return seated(now, name, job)


def place_in_hand(kind: Kind, start: View) -> Place:
    """Return where a part is that is held at `tcp_pos` and `tcp_yaw`, off along the fingers."""
    xp, yaw = namespace(start.tcp_yaw), start.tcp_yaw
    x, y = start.slip * xp.cos(yaw), start.slip * xp.sin(yaw)
    return Place(start.tcp_pos + stack(x, y, 0 * x - kind.grasp_up - kind.half[2]), yaw)


def put(name: str, kind: Kind, place: Place) -> Placement:
    """Put a part at a place."""
    return part_at(name, raised(place.pos, kind.half[2]), yaw_quat(place.yaw))


def on_seat(name: str, seat: Seat, mount_xy: Array, mount_yaw: Array) -> Placement:
    """Put a part on a seat of a mount that stands at `mount_xy` (..., 2), turned (...)."""
    return put(name, seat.kind, place_of(seat, mount_xy, mount_yaw))


def in_hand(name: str, kind: Kind, start: View) -> Placement:
    """Hold a part where `place_in_hand` says."""
    arm = arm_at(start.tcp_pos, start.tcp_yaw, kind.width + 0 * start.tcp_yaw)
    return arm | put(name, kind, place_in_hand(kind, start))


def in_turn(now: View, jobs: Sequence[tuple[Job, Array]]) -> tuple[Job, Array, Array]:
    """Return the first job that is not done or not let go, whether it is done, and how many are.

    jobs: each with a flag (...) that says whether it is done.
    """
    *earlier, (job, done) = jobs
    count = 1.0 * done
    for other, other_done in reversed(earlier):
        near = distance(now.tcp_pos, other.grasp_pos) < NEAR
        turn = ~other_done | (near & ~released(now))
        job, done = choose(turn, other, job), namespace(done).where(turn, other_done, done)
        count = count + 1.0 * other_done
    return job, done, count


class PlaneTask(Task):
    """Bring parts from one place to another, one after the other.

    A task of this kind gives its spans, its mounts and parts, where all is at a start, what is to
    be done with which part and what may not move.
    """

    family = "plane"
    dynamics = Span(mass=(0.02, 0.08), clearance=(0.0004, 0.0015))
    expert_memory = SEARCH
    control = CONTROL
    mounts: ClassVar[Mapping[str, Mount]]
    parts: ClassVar[Mapping[str, Kind]]

    @abstractmethod
    def jobs(self, now: View, goal: View) -> Sequence[tuple[Job, Array]]:
        """Return what is to be done, in order, each with whether it is done, (...) bool."""

    def untouched(self, now: View, goal: View) -> Array:
        """Return the share, (...) in [0, 1], of what has to stay where it is that does."""
        return 1 + 0 * now.grip_width

    def scene(self):
        spec = workbench()
        aim_camera(spec, "front", eye=(1.02, -0.40, 0.46), target=(0.50, -0.02, 0.05))
        for name, mount in self.mounts.items():
            add_mount(spec, name, mount)
        for name, kind in self.parts.items():
            add_part(spec, name, kind)
        return spec

    def fields(self, dynamics):
        fields = {}
        for name, mount in self.mounts.items():
            fields |= mount_fields(name, mount, dynamics.clearance)
        for name, kind in self.parts.items():
            fields |= part_fields(name, kind, dynamics.mass)
        return fields

    def furnish(self, where: View) -> Placement:
        """Stand the mounts where a goal or a start says."""
        placement = Placement()
        for name in self.mounts:
            xy, yaw = getattr(where, f"{name}_xy"), getattr(where, f"{name}_yaw")
            placement |= stands(name, xy, yaw)
        return placement

    def sensed_parts(self, now: View) -> dict[str, Array]:
        """Return the slots of the parts, each (..., 15)."""
        return {f"object{i}": part(now, name) for i, name in enumerate(self.parts)}

    def sensed_mounts(self, now: View) -> dict[str, Array]:
        """Return the slots of the mounts, each (..., 5)."""
        return {f"fixture{i}": fixture(now, name) for i, name in enumerate(self.mounts)}

    def to_go(self, now: View, goal: View) -> dict[str, Array]:
        """Return the slots of what is left for the part whose turn it is."""
        job, _, _ = in_turn(now, self.jobs(now, goal))
        return what_is_left(now, job)

    def stages(self, now, goal):
        jobs, untouched = self.jobs(now, goal), self.untouched(now, goal)
        job, done, count = in_turn(now, jobs)
        # What is done counts in full, but for the last part, until it is let go.
        progress = (count - 1.0 * done + delivery(now, job, done)) / len(jobs)
        success = (count == len(jobs)) & (untouched == 1) & released(now)
        return [Stage(0.99 * progress * (0.6 + 0.4 * untouched), success)]

    def success(self, now, goal):
        return self.stages(now, goal)[0].done

    def expert(self, now, goal, memory):
        job, done, _ = in_turn(now, self.jobs(now, goal))
        return handle(now, job, done, memory, self.control)
