"""The vocabulary of observation slots, shared by all tasks.

A slot is a named group of columns with a fixed width and fixed scales, so that one policy
can read every task. What the agent sees is `clip(value / scale, -LIMIT, LIMIT)` as float32:
never running statistics, which would make the same state look different later.
Positions are relative to the tool unless the slot says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from robotasks.arrays import namespace, stack
from robotasks.layout import Array, View

LIMIT = 10.0
"""Bound of every observed number."""


@dataclass(frozen=True)
class Slot:
    """Columns of an observation: what they mean and what they are divided by."""

    meaning: str
    scale: tuple[float, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.scale)


_POINT = (0.1,) * 3
_OBJECT = Slot(
    "part: position (m), first two columns of its rotation matrix, "
    "velocity (m/s), angular velocity (rad/s)",
    (0.1,) * 3 + (1.0,) * 6 + (0.5,) * 3 + (5.0,) * 3,
)
_FIXTURE = Slot("fixture: position (m), sine and cosine of its yaw", (0.1,) * 3 + (1.0,) * 2)

PROPRIOCEPTION: dict[str, Slot] = {
    "arm_pos": Slot("joint angles (rad)", (1.0,) * 7),
    "arm_vel": Slot("joint velocities (rad/s)", (1.0,) * 7),
    "grip_width": Slot("finger opening (m)", (0.08,)),
    "grip_speed": Slot("speed of the finger opening (m/s)", (0.2,)),
    "tcp_pos": Slot("tool position in the world (m)", (0.25,) * 3),
    "tcp_heading": Slot("cosine and sine of the tool's yaw", (1.0,) * 2),
    "tcp_vel": Slot("tool velocity (m/s)", (0.5,) * 3),
    "tcp_turn": Slot("tool's yaw rate (rad/s)", (3.0,)),
    "lead": Slot(
        "servo set-point minus tool: position (m), yaw (rad); the honest force signal",
        (0.025,) * 3 + (0.12,),
    ),
}
"""What the robot feels of itself: all that `observe="blind"` sees."""

SLOTS: dict[str, Slot] = {
    **PROPRIOCEPTION,
    **{f"object{i}": _OBJECT for i in range(4)},
    **{f"fixture{i}": _FIXTURE for i in range(4)},
    "goal_pos": Slot("goal minus what has to get there (m)", _POINT),
    "goal_pos1": Slot("the same for a second part, or for what comes next", _POINT),
    "goal_yaw": Slot("sine and cosine of the yaw still to turn", (1.0,) * 2),
    "goal_turn": Slot("turns of a screw cap still to go, as an angle (rad)", (3.0,)),
    "goal_speed": Slot("wanted speed (m/s)", (1.0,)),
    "goal_which": Slot("one bit per choice", (1.0,) * 6),
    "events": Slot("what the task remembers, in shares of what it asks for", (1.0,) * 4),
    "dynamics": Slot("the row's dynamics, each scaled to [-1, 1], padded with zeros", (1.0,) * 8),
    "last_action": Slot("the previous action", (1.0,) * 5),
    "last_reward": Slot("the previous reward", (1.0,)),
    "episode_start": Slot("1 at the first observation of an episode", (1.0,)),
    "time_left": Slot("remaining share of the episode", (1.0,)),
}
"""Every slot but `task`, the one-hot task code, whose width the set of tasks decides."""


def proprioception(now: View) -> dict[str, Array]:
    """Read the slots of `PROPRIOCEPTION` off the robot's sensors and set-point."""
    return {
        "arm_pos": now.joint_pos,
        "arm_vel": now.joint_vel,
        "grip_width": now.grip_width,
        "grip_speed": now.grip_speed,
        "tcp_pos": now.tcp_pos,
        "tcp_heading": now.tcp_xaxis[..., :2],
        "tcp_vel": now.tcp_vel,
        "tcp_turn": now.tcp_angvel[..., 2],
        "lead": now.setpoint[..., :4] - now.tool,
    }


def fixture(now: View, name: str) -> Array:
    """Fill a fixture slot from the sensors of the fixture called `name`, (..., 5)."""
    xaxis = getattr(now, f"{name}_xaxis")
    return namespace(xaxis).concat(
        [getattr(now, f"{name}_pos") - now.tcp_pos, xaxis[..., 1:2], xaxis[..., :1]], axis=-1
    )


def events(*shares: Array) -> Array:
    """Fill the slot of remembered events, up to four shares (...) -> (..., 4)."""
    return stack(*shares, *[0 * shares[0]] * (SLOTS["events"].width - len(shares)))


def part(now: View, name: str) -> Array:
    """Fill an object slot from the sensors of the part called `name`, (..., 15)."""
    xp = namespace(now.tcp_pos)
    return xp.concat(
        [
            getattr(now, f"{name}_pos") - now.tcp_pos,
            getattr(now, f"{name}_xaxis"),
            getattr(now, f"{name}_yaxis"),
            getattr(now, f"{name}_vel"),
            getattr(now, f"{name}_angvel"),
        ],
        axis=-1,
    )
