"""Starting from what another run has learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.nets import Activation
from robotasks.agents.parts.run import CHECKPOINT, RunError, read_config
from robotasks.agents.parts.state import load_module, module_state

if TYPE_CHECKING:
    from robotasks.agents.ppo import ActorCritic

TEACHERS = {"ppo": ("ppo", "bc"), "mtppo": ("mtppo",)}
"""Agents that may start from a run, and the agents from whose runs."""
NAME = "learner/policy"


def adopt(policy: ActorCritic, folder: Path, agent: str, activation: Activation) -> None:
    """Take over the weights and statistics of the policy in a run folder of the same agent.

    The spread of the actions stays what it was: a policy that has settled would hardly explore. A
    clone (bc) gives its actor alone, and its statistics stay: they are of so few steps that new
    ones would change what the actor sees. Raises RunError if there is no such policy or it does
    not fit.
    """
    spread = policy.noise.log_std.detach().clone()
    stored = read_config(folder)
    teacher = stored["agent"] if stored["agent"] in TEACHERS[agent] else agent
    with checkpoint.opened(folder / CHECKPOINT, teacher) as state:
        own = module_state(policy, NAME) if teacher == "bc" else {}
        load_module(policy, NAME, own | state)
    if stored["config"]["activation"] != activation:
        raise RunError(
            folder,
            f"its networks have the activation {stored['config']['activation']}, not {activation}",
            f"Add --set activation={stored['config']['activation']}.",
        )
    if teacher == "bc":
        policy.normalise.freeze()
    with torch.no_grad():
        policy.noise.log_std.copy_(spread)
