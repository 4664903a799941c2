"""Push a puck around a post that stands in the way and must stay."""

from __future__ import annotations

import math

from robotasks.arrays import closeness, distance
from robotasks.physics.objects import post, puck
from robotasks.tasks.planar import detour
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.tabletop import TOOL, laid, stands, tabletop
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span

BERTH = puck.DISC_RADIUS + post.RADIUS + 0.035
"""From the post's middle to the puck that passes it (m)."""
STAYS = 0.01
"""How far the post may be from where it stood (m)."""


class PushAround(PushPart):
    """Push a disc around a light post to a point behind it.

    Randomised: goal; mass and friction of the disc; where post, disc and tool start. Success:
    within 25 mm of the goal, slower than 2 cm/s, the post within 10 mm of where it stood.
    """

    name = "push-around"
    goals = Span(goal_xy=((0.46, 0.14), (0.60, 0.20)))
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6), post_xy=((0.50, -0.03), (0.56, 0.01)))
    starts = {
        "default": Span(part_xy=((0.48, -0.20), (0.58, -0.15)), part_yaw=(-math.pi, math.pi)) | TOOL
    }
    horizon = 250
    half_height = puck.HALF_HEIGHT
    near = 0.025
    far = 0.3

    def scene(self):
        spec = tabletop()
        puck.add_puck(spec)
        post.add_post(spec)
        return spec

    def furnish(self, goal, dynamics):
        xy = dynamics.post_xy
        straight = 0 * xy[..., 0]
        return laid("post", xy, straight, post.HALF_HEIGHT) | stands(post.HOME, xy, straight)

    def fields(self, dynamics):
        return puck.puck_fields(0 * dynamics.mass, dynamics.mass, dynamics.friction)

    def surroundings(self, now):
        return {"object1": part(now, "post"), "fixture0": fixture(now, post.HOME)}

    def spot(self, goal):
        return goal.goal_xy

    def aim(self, now, goal):
        return detour(now.puck_pos[..., :2], goal.goal_xy, now.home_pos[..., :2], BERTH)

    def progress(self, now, goal):
        return super().progress(now, goal) * (0.3 + 0.7 * closeness(self.moved(now), 0.03))

    def success(self, now, goal):
        return super().success(now, goal) & (self.moved(now) < STAYS)

    def moved(self, now):
        """Return how far the post is from where it stood, (...) m."""
        return distance(now.post_pos[..., :2], now.home_pos[..., :2])
