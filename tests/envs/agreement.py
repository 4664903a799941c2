"""How closely two engines agree on a task, as far as the task lets any two calculations agree.

Contacts can be a coin's toss: a disc on a plane rests on three points that its tilt of 1e-7 rad
chooses, and a part that exactly touches another does so in one precision and not in the other. So
each world has twins on the CPU engine, nudged at the start by what float32 cannot tell; while they
stay together, the other engine has to be there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from robotasks.arrays import on_host
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.task import Task

WORLDS, TWINS, STEPS = 4, 6, 30
SETTLE = 5
"""Control steps of rest before the comparison: parts start exactly touching what they lie on."""
NUDGE, LEAN, STRAY = 1e-7, 2e-6, 5e-5
"""Of positions and of quaternions; how far apart observations of twins may come. Below a lean of
1e-6 Warp takes a cylinder for upright."""
SENSES = {"reveal": ["goal", "dynamics"], "autoreset_mode": "SameStep"}


@dataclass(frozen=True)
class Agreement:
    """What was found: differences between engines, over steps at which twins were together."""

    reset: float
    """Largest difference of an observation after a reset."""
    observation: float
    """Largest difference of an observation."""
    slot: str
    """Where it was."""
    success: int
    """How often one engine saw success and the other did not."""
    steady: float
    """Share of worlds and steps at which twins were together."""


def agreement(task: Task) -> Agreement:
    """Play the expert on both engines, from a reset and from the state it had settled to."""
    one = TaskVectorEnv(task, WORLDS, threads=1, **SENSES)
    twins = TaskVectorEnv(task, WORLDS * (1 + TWINS), threads=1, **SENSES)
    other = TaskVectorEnv(task, WORLDS, engine="gpu", device="cpu", **SENSES)
    first, second = (env.reset(seed=3)[0] for env in (one, other))
    reset = abs(first - on_host(second)).max()
    for _ in range(SETTLE):
        one.step(np.zeros((WORLDS, 5)))
    state = one.get_state()
    other.set_state(state)
    twins.set_state(_nudged(state, one.engines[0].model))
    together = np.ones(WORLDS, dtype=bool)
    worst, differ, steady = np.zeros(one.layout.size), 0, 0
    for _ in range(STEPS):
        actions = twins.expert_actions()[:: 1 + TWINS]
        # A turn at full speed asks for exactly the largest torque: whether it is clipped is chance.
        actions[:, 3] *= 0.5
        seen = twins.step(np.repeat(actions, 1 + TWINS, axis=0))
        told = other.step(actions)
        obs = seen[0].reshape(WORLDS, 1 + TWINS, -1)
        success = seen[4]["success"].reshape(WORLDS, 1 + TWINS)
        together &= abs(obs - obs[:, :1]).max(axis=(1, 2)) < STRAY
        gap = abs(obs[:, 0] - on_host(told[0]))[together]
        worst = np.maximum(worst, gap.max(axis=0, initial=0))
        differ += np.count_nonzero((success[:, 0] != on_host(told[4]["success"]))[together])
        steady += np.count_nonzero(together)
    names = {name: worst[one.layout.columns(name)].max() for name in one.layout}
    for env in (one, twins, other):
        env.close()
    slot = max(names, key=lambda name: names[name])
    return Agreement(reset, worst.max(), slot, differ, steady / (WORLDS * STEPS))


def _nudged(state: dict[str, np.ndarray], model: mujoco.MjModel) -> dict[str, np.ndarray]:
    """Return the state of `TWINS` more worlds beside each, whose positions differ a little."""
    many = {
        name: np.repeat(values, 1 + TWINS, axis=0) if values.ndim else values
        for name, values in state.items()
    }
    sizes = np.full(model.nq, NUDGE)
    for start in model.jnt_qposadr[model.jnt_type == int(mujoco.mjtJoint.mjJNT_FREE)]:
        sizes[start + 3 : start + 7] = LEAN
    nudges = sizes * np.random.default_rng(0).normal(size=(WORLDS, 1 + TWINS, model.nq))
    nudges[:, 0] = 0
    many["crew0.physics"][:, 1 : 1 + model.nq] += nudges.reshape(-1, model.nq)
    return many
