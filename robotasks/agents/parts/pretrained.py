"""Starting from what another run has learned."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.nets import DiagonalGaussian
from robotasks.agents.parts.run import CHECKPOINT
from robotasks.agents.parts.state import load_module


def adopt(policy: nn.Module, noise: DiagonalGaussian, folder: Path, agent: str) -> None:
    """Take over the weights and statistics of the policy in a run folder of the same agent.

    The spread of the actions, `noise` (a part of `policy`), stays what it was: a policy that has
    settled would hardly explore. Raises RunError if there is no such policy or it does not fit.
    """
    spread = noise.log_std.detach().clone()
    with checkpoint.opened(folder / CHECKPOINT, agent) as state:
        load_module(policy, "learner/policy", state)
    with torch.no_grad():
        noise.log_std.copy_(spread)
