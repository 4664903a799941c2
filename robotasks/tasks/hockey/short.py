"""What the tasks of the short rink share: the scene, where pucks lie, the drag from above.

A puck at the boards has no room behind it for the blade. Pressed on its top the blade rubs harder
than the ice, and takes the puck along.
"""

from __future__ import annotations

import dataclasses

import mujoco

from robotasks.arrays import (
    clip,
    closeness,
    cross,
    distance,
    dot,
    excess,
    namespace,
    norm,
    stack,
    unit,
)
from robotasks.layout import Array, View
from robotasks.physics.objects import rink
from robotasks.physics.objects.stick import BLADE_HALF, CLEARANCE, TOOL_HEIGHT
from robotasks.physics.robots.panda import Control
from robotasks.tasks.hockey import play
from robotasks.tasks.planar import above, act
from robotasks.tasks.span import Span

RINK = rink.SHORT
ON_PUCK = TOOL_HEIGHT - CLEARANCE + 2 * rink.PUCK_HALF_HEIGHT
"""Tool height at which the blade touches the top of a puck (m)."""
OVER_PUCK = 0.145
"""Tool height at which the blade passes over pucks and boards (m)."""
PRESS = 0.004
"""How far below that the set-point is to press with 16 N (m)."""
CIRCLE = 0.04
"""Radius of a face-off circle (m)."""
AT_REST = 0.05
"""Below this speed a puck rests (m/s)."""
STRAIGHT = -0.6
"""Joint 4 in an arm that is almost straight (rad)."""
# Softer in height than for shots alone: a stick that comes down hard puts pucks on their edge.
SERVOS = {**play.SERVOS, "lift": (4000.0, 600.0, 60.0)}
# Half the pace of shots over the long rink, since PPO cannot dose a drag with more.
CONTROL = dataclasses.replace(
    play.CONTROL,
    step=0.03,
    lead=0.06,
    low=(0.34, -0.30, TOOL_HEIGHT),
    high=(0.735, 0.30, OVER_PUCK),
)

# Drawn over more than the ice and moved onto it, so that many pucks lie at a board.
START = Span(
    puck_xy=((0.32, -0.40), (0.80, 0.40)),
    tcp_xy=((0.42, -0.10), (0.52, 0.10)),
    tcp_yaw=(-0.3, 0.3),
)
CIRCLES = ((0.47, -0.10), (0.58, 0.10))
"""Where a face-off circle may be."""


def scene(ice: rink.Rink = RINK) -> mujoco.MjSpec:
    """Return a rink with a puck, and the arm with a stick that also presses and drags."""
    spec = play.scene(ice=ice, servos=SERVOS)
    rink.stop_stick(spec)
    # An elbow that a swing carries past the straight is not bent back by any pull.
    elbow = spec.joint("joint4")
    elbow.range = [elbow.range[0], STRAIGHT]
    return spec


def lying(xy: Array) -> Array:
    """Move points onto the ice, net included, a puck's radius away from the boards, (..., 2)."""
    xp, room = namespace(xy), rink.PUCK_RADIUS + 0.001
    x, y = xy[..., 0], xy[..., 1]
    y = clip(y, room - RINK.half_width, RINK.half_width - room)
    in_mouth = abs(y) < RINK.mouth - room
    far = xp.where(in_mouth, RINK.goal_line + RINK.net_depth, RINK.goal_line) - room
    return stack(clip(x, RINK.near_end + room, far), y)


def rests_at(achieved: Array, desired: Array) -> Array:
    """Whether a puck, its place and speed (..., 4), lies flat on a circle and rests, (...) bool."""
    gap = abs(achieved - desired)
    near = (norm(gap[..., :2]) < CIRCLE) & (gap[..., 2] < 0.005)
    return near & (gap[..., 3] < AT_REST)


def brought(now: View, target_xy: Array) -> Array:
    """Return how far a puck is brought to a point, 0 to 1: the stick at it, the puck near."""
    away = distance(now.tcp_pos, above(now.puck_pos[..., :2], ON_PUCK))
    # Within the slack the blade touches the puck: hovering over it has to pay less.
    ready = closeness(excess(away, 0.01), 0.1)
    left = distance(now.puck_pos[..., :2], target_xy)
    return 0.25 * ready + 0.5 * closeness(left, 0.25) + 0.25 * closeness(left, 0.05)


def is_stuck(now: View) -> Array:
    """Whether the puck stands on its edge, or lies where no stick comes down on it, (...) bool."""
    puck, (low_x, low_y, _), (high_x, high_y, _) = now.puck_pos, CONTROL.low, CONTROL.high
    near = stack(clip(puck[..., 0], low_x, high_x), clip(puck[..., 1], low_y, high_y))
    beyond = distance(near, puck[..., :2]) > rink.PUCK_RADIUS
    upright = abs(cross(now.puck_xaxis, now.puck_yaxis)[..., 2])
    return beyond | (upright < 0.9) | (abs(puck[..., 2] - rink.PUCK_HALF_HEIGHT) > 0.01)


def capped(move: Array, most: Array | float) -> Array:
    """Shorten moves (..., 2) to at most so many metres (...)."""
    return clip(most / (norm(move) + 1e-9), 0.0, 1.0)[..., None] * move


def drag(now: View, target_xy: Array, control: Control = CONTROL) -> Array:
    """Return an expert's action (..., 5): over the puck, down onto it, along with it to a point."""
    xp = namespace(now.puck_pos)
    puck, tcp, setpoint = now.puck_pos[..., :2], now.tcp_pos, now.setpoint
    # Over the puck's middle, but where the blade would stand on a board.
    in_net = puck[..., 0] > RINK.goal_line + 0.01
    wide = xp.where(in_net, RINK.mouth - BLADE_HALF[1] - 0.006, CONTROL.high[1])
    far = xp.where(in_net, CONTROL.high[0], RINK.goal_line - 0.015)
    x = clip(puck[..., 0], CONTROL.low[0], far)
    place = stack(x, clip(puck[..., 1], -wide, wide))
    on_it = tcp[..., 2] < ON_PUCK + 0.002
    over = distance(tcp[..., :2], place) < xp.where(on_it, 0.035, 0.010)
    left = distance(puck, target_xy)
    # Where the set-point has to be for the puck to be there; slowly, for the servos are soft.
    along = target_xy - puck + tcp[..., :2] - setpoint[..., :2]
    along = capped(along, clip(0.35 * left, 0.004, 0.022))
    reach = capped(place - setpoint[..., :2], 0.03)
    risen = (tcp[..., 2] > OVER_PUCK - 0.02)[..., None]
    sideways = xp.where((over & on_it)[..., None], along, xp.where(risen, reach, 0 * reach))
    down = clip(setpoint[..., 2] - 0.01, ON_PUCK - PRESS, OVER_PUCK)
    lift = xp.where(over, down, OVER_PUCK) - setpoint[..., 2]
    move = xp.concat([sideways, lift[..., None]], axis=-1)
    turn = xp.where(over, 0.0, -setpoint[..., 3])  # across the rink, as it fits into the net
    return act(control, move, turn, over & (left < 0.005))


def strike(
    now: View, target_xy: Array, memory: View, waits: Array, control: Control = CONTROL
) -> tuple[Array, dict[str, Array]]:
    """Return an expert's action (..., 5) and next memory: come down behind, swing, pull back.

    waits: (...) bool, whether to hold the swing back.
    """
    xp, puck, tcp = namespace(target_xy), now.puck_pos[..., :2], now.tcp_pos
    waits = waits | (tcp[..., 2] > TOOL_HEIGHT + 0.005)
    action, after = play.shoot(now, target_xy, memory, waits=waits)
    swings = memory.swing > 0
    behind = swings | (dot(puck - tcp[..., :2], unit(target_xy - puck)) > 0.06)
    # Else the stick would carry the puck: pull it back once the puck slides there by itself.
    way, slide = play.sliding(now)
    ahead = target_xy[..., 0] - puck[..., 0]
    sent = swings & ((slide * way[..., 0] > ahead + 0.03) | (ahead < 0.02))
    back = tcp[..., :2] - 0.06 * memory.way - now.setpoint[..., :2]
    back = play.stick_act(back, 0 * slide, distance(tcp[..., :2], puck) > 0.18)
    action = xp.where(sent[..., None], back, action)
    moves = behind | (tcp[..., 2] > OVER_PUCK - 0.02)
    setpoint = now.setpoint[..., 2]
    lift = xp.where(behind, TOOL_HEIGHT - setpoint, OVER_PUCK - setpoint)
    lift = clip(lift / control.step, -1.0, 1.0)
    sideways = capped(play.CONTROL.step * action[..., :2], control.step) / control.step
    sideways = xp.where(moves[..., None], sideways, 0 * sideways)
    return xp.concat([sideways, lift[..., None], action[..., 3:]], axis=-1), {**after}
