"""Shoot off a board: a screen stands in the way of the straight shot."""

from __future__ import annotations

from robotasks.arrays import clip, namespace, stack
from robotasks.layout import Layout
from robotasks.physics.objects import rink
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import part
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark, Stage, Task

CLOSE = 0.08
"""How far from the spot a puck may cross the line (m)."""
SCREEN_X, SCREEN_HALF = 0.95, 0.10
TIMESTEP = 0.0025
"""The place of a bounce is known to a tick's way: 4 mm at 5 ms, twice off the spot."""
RETURN = 0.85
"""Way from the board over way to it, as the puck comes back: restitution, and rubbing along it."""
WALL = rink.HALF_WIDTH - rink.PUCK_RADIUS
"""Where the middle of a bouncing puck is (m)."""


class Bank(Task):
    """Shoot a puck off the named side board through a spot of the goal, past a screen.

    Randomised: the spot and the side; the puck's mass and friction, the restitution of blade and
    boards; where puck and stick start. Success: the puck bounced off that side, then crossed the
    goal line within 80 mm of the spot.
    """

    name = "hockey-bank"
    family = "hockey"
    goals = Span(spot_y=(-0.06, 0.06), side=Choice(2))
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.03), blade=(0.1, 0.5), boards=(0.55, 0.65))
    starts = {
        "default": Span(
            puck_xy=((0.50, -0.06), (0.56, 0.06)),
            tcp_xy=((0.36, -0.10), (0.40, 0.10)),
            tcp_yaw=(-0.3, 0.3),
        )
    }
    memory = play.CROSSING | Layout({"vel_y": 1, "left": 1, "right": 1})
    expert_memory = play.SWING
    horizon = 100
    control = play.CONTROL

    def scene(self):
        spec = play.scene(TIMESTEP)
        rink.add_screen(spec, SCREEN_X, SCREEN_HALF)
        return spec

    def place(self, start, goal, dynamics):
        return play.placed(start)

    def fields(self, dynamics):
        puck = rink.puck_fields(dynamics.mass, dynamics.friction, dynamics.blade, TIMESTEP)
        return puck | rink.board_fields(dynamics.boards, TIMESTEP)

    def remember(self, memory, now, goal):
        xp, vel, y = namespace(now.puck_pos), now.puck_vel[..., 1], now.puck_pos[..., 1]
        open_play = memory.crossed == 0
        left = (memory.vel_y > 0.05) & (vel < 0) & (y > WALL - 0.1) & open_play
        right = (memory.vel_y < -0.05) & (vel > 0) & (y < 0.1 - WALL) & open_play
        return {
            **play.watch_line(memory, now),
            "vel_y": vel,
            "left": xp.where(left, 1.0, memory.left),
            "right": xp.where(right, 1.0, memory.right),
        }

    def observe(self, now):
        return {"object0": part(now, "puck")}

    def cue(self, now, goal):
        sides = [goal.side == 0, goal.side == 1, *[goal.side < 0] * 4]
        which = 1.0 * stack(*sides)
        return {"goal_pos": play.to_go(now, play.on_goal_line(goal.spot_y)), "goal_which": which}

    def stages(self, now, goal):
        xp = namespace(now.puck_pos)
        target = self.aim(now, goal)
        coming = play.predicted_miss(now, target)
        crossed = abs(now.crossed_y - goal.spot_y) + xp.where(self.banked(now, goal), 0.0, 0.5)
        miss = xp.where(now.crossed > 0, crossed, coming)
        return [Stage(play.aimed_shot(now, target, miss), self.success(now, goal))]

    def success(self, now, goal):
        return play.through(now, goal.spot_y, CLOSE) & self.banked(now, goal)

    def marks(self, goal):
        side = 1 if goal.side == 0 else -1
        board = Mark((1.0, side * (rink.HALF_WIDTH + 0.03), 0.063), (0.35, 0.028, 0.001), "box")
        return [*play.spot_mark(goal.spot_y, CLOSE), board]

    def expert(self, now, goal, memory):
        return play.shoot(now, self.aim(now, goal), memory)

    def banked(self, now, goal):
        """Whether the puck bounced off the board that the goal names, (...) bool."""
        return namespace(now.left).where(goal.side == 0, now.left, now.right) > 0

    def aim(self, now, goal):
        """Return where the puck has to head, (..., 2): the spot's image behind the board.

        A board gives back only a share of the speed towards it, so the image lies further off.
        """
        xp = namespace(goal.spot_y)
        side = xp.where(goal.side == 0, 1.0, -1.0)
        back = (WALL - side * goal.spot_y) / RETURN
        image = side * (WALL + clip(back, 0.0, 2.0))
        return play.on_goal_line(xp.where(self.banked(now, goal), goal.spot_y, image))
