"""Push a T to a pose: place and yaw, as in Push-T."""

from __future__ import annotations

import math

from robotasks.arrays import distance, heading, namespace, norm
from robotasks.layout import Layout
from robotasks.physics.objects import tee
from robotasks.physics.objects.part import add_block, block_fields
from robotasks.tasks.planar import TOUCH_HEIGHT, nearness, place_and_speed, readiness, rests
from robotasks.tasks.push.contacts import RADIUS, Contact, Pose, beside, pose, push_to_pose
from robotasks.tasks.push.tabletop import CONTROL, TOOL, laid, local_xy, lying, tabletop, tool_at
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage, Task

AREA = ((0.45, -0.15), (0.60, 0.15))
"""Where the T starts and has to go (m)."""
APART = 0.06
"""Least way between a start and its goal, turns counted by RADIUS (m)."""
NEAR, NEAR_YAW = 0.015, math.radians(8)
"""How close to its pose the T has arrived (m, rad)."""
CONTACTS = (
    Contact(0.0, tee.FOOT, 0, 1),
    *(Contact(x, tee.TOP, 0, -1) for x in (-0.045, 0.0, 0.045)),
    *(Contact(x, tee.UNDER, 0, 1) for x in (-0.041, 0.041)),
    *(Contact(side * tee.HALF_LENGTH, tee.BAR, -side, 0) for side in (-1, 1)),
    *(
        Contact(side * tee.HALF_WIDTH, y, -side, 0)
        for side in (-1, 1)
        for y in (-0.011, -0.035, -0.066)
    ),
)
"""Where the expert pushes: with the middle behind the fingers, or with a lever."""


class PushPose(Task):
    """Push a T to a place and a yaw on the table.

    Randomised: goal place and yaw; mass and friction of the T; where T and tool start.
    Success: within 15 mm and 8 degrees of the goal, slower than 2 cm/s.
    """

    name = "push-pose"
    family = "push"
    # Not a whole turn: its two ends would be one goal.
    goals = Span(goal_xy=AREA, goal_yaw=(-2.8, 2.8))
    dynamics = Span(mass=(0.2, 0.6), friction=(0.2, 0.6))
    starts = {"default": Span(part_xy=AREA, part_yaw=(-math.pi, math.pi)) | TOOL}
    expert_memory = Layout({"contact": 1})
    horizon = 400
    control = CONTROL

    def scene(self):
        spec = tabletop()
        add_block(spec, "tee", tee.TEE)
        return spec

    def place(self, start, goal, dynamics):
        return tool_at(start) | laid("tee", start.part_xy, start.part_yaw, tee.HALF_HEIGHT)

    def admits(self, start, goal, dynamics):
        return norm(pose(start.part_xy, start.part_yaw).to_go(self.wanted(goal))) > APART

    def fields(self, dynamics):
        return block_fields(tee.TEE, dynamics.mass, dynamics.friction, "tee")

    def observe(self, now):
        return {"object0": part(now, "tee")}

    def cue(self, now, goal):
        turn = self.sensed(now).to_go(self.wanted(goal))[..., 2] / RADIUS
        return {"goal_pos": self.desired(goal)[..., :3] - now.tee_pos, "goal_yaw": heading(turn)}

    def stages(self, now, goal):
        # The ways of the T's three ends tell place and yaw at once. The tool is ready on any side:
        # where a push would help changes with every push, and who pushes must not lose by it.
        here, there = self.sensed(now), self.wanted(goal)
        ways = [distance(here.point(*end), there.point(*end)) for end in tee.ENDS]
        left = sum(ways) / len(ways)
        gap = beside(tee.TEE, *local_xy(now.tcp_pos[..., :2], here.xy, here.xaxis))
        ready = readiness(gap, now.tcp_pos[..., 2] - TOUCH_HEIGHT)
        return [Stage(0.99 * (0.2 * ready + 0.8 * nearness(left)), self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        middle = place_and_speed(now.tee_pos, now.tee_vel)
        return namespace(middle).concat([middle, now.tee_xaxis[..., :2]], axis=-1)

    def desired(self, goal):
        middle = lying(goal.goal_xy, tee.HALF_HEIGHT)
        return namespace(middle).concat([middle, self.wanted(goal).xaxis], axis=-1)

    def reached(self, achieved, desired):
        # Columns: x, y, z, speed, cosine and sine of the yaw.
        turned = distance(achieved[..., 4:], desired[..., 4:]) < 2 * math.sin(NEAR_YAW / 2)
        return rests(achieved[..., :4], desired[..., :4], NEAR) & turned

    def marks(self, goal):
        marks = []
        for box in tee.TEE.boxes:
            xy = self.wanted(goal).point(box.x, box.y)
            size = (box.half_x, box.half_y, 0.001)
            marks.append(Mark(pos=(*xy, 0.001), size=size, shape="box", yaw=float(goal.goal_yaw)))
        return marks

    def expert(self, now, goal, memory):
        action, contact = push_to_pose(
            now, self.sensed(now), self.wanted(goal), CONTACTS, memory.contact, self.control
        )
        return action, {"contact": contact}

    def sensed(self, now):
        """Return where the T is."""
        return Pose(now.tee_pos[..., :2], now.tee_xaxis[..., :2])

    def wanted(self, goal):
        """Return where the T has to go."""
        return pose(goal.goal_xy, goal.goal_yaw)
