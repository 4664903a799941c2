"""Entrants from what others trained: a plain policy, a torch module, a Stable-Baselines3 model.

Each function returns an entrant for `evaluate` and `examine`. None of these learns at test time;
for what does, implement `robotasks.benchmark.agent.Adapter`. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from robotasks.benchmark.agent import Forgetful, TrialSpec
from robotasks.benchmark.evaluate import Entrant


def from_policy(policy: Callable[[np.ndarray], np.ndarray]) -> Entrant:
    """Return the entrant of a plain policy: observation (o,) -> action (5,), one world at a time.

    The policy must not remember anything, since it serves many worlds by turns. It is not told
    whether to explore.
    """
    return lambda env: _Policy(lambda obs: np.stack([policy(each) for each in obs]))


def from_torch(module: Any) -> Entrant:
    """Return the entrant of a torch module: observations (n, o) -> actions (n, 5), both tensors.

    It is put into evaluation mode and serves where its parameters lie. It remembers nothing and is
    not told whether to explore. Raises ValueError if it has no parameters.
    """
    like = next(iter(module.parameters()), None)
    if like is None:
        raise ValueError(f"{type(module).__name__} has no parameters: use from_policy")

    def policy(obs: np.ndarray) -> np.ndarray:
        module.eval()
        return module(like.new_tensor(obs)).detach().cpu().numpy()

    return lambda env: _Policy(policy)


def from_sb3(model: Any, normalize: Any = None) -> Entrant:
    """Return the entrant of a Stable-Baselines3 or sb3-contrib model; recurrent ones work, too.

    normalize: the `VecNormalize` that it was trained under, if any; by default the one that the
    model still holds (a loaded model holds none). A recurrent state is kept within an episode.
    With `explore` actions are sampled, from torch's global random stream.
    """
    kept = model.get_vec_normalize_env() if normalize is None else normalize
    return lambda env: _Sb3(model, kept)


class _Policy(Forgetful):
    """Acts by a function of the observations (n, o)."""

    def __init__(self, policy: Callable[[np.ndarray], np.ndarray]) -> None:
        self._policy = policy

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return the policy's actions."""
        return self._policy(obs)


class _Sb3(Forgetful):
    """Acts by a model's `predict`."""

    def __init__(self, model: Any, normalize: Any) -> None:
        self._model, self._normalize = model, normalize
        self._state: Any = None
        self._begins = np.empty(0, dtype=bool)

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Begin with no state; ValueError if the model was trained on other observations."""
        space = self._model.observation_space
        shape = (space["observation"] if hasattr(space, "spaces") else space).shape
        if shape != (spec.observation_size,):
            raise ValueError(
                f"the worlds have observations of shape {(spec.observation_size,)}, this model was "
                f"trained on {shape}: evaluate it with the options that it knows"
            )
        self._state, self._begins = None, np.ones(n, dtype=bool)

    def act(self, obs: Any, explore: bool) -> np.ndarray:
        """Return the model's actions."""
        if self._normalize is not None:
            obs = self._normalize.normalize_obs(obs)
        actions, self._state = self._model.predict(
            obs, self._state, self._begins, deterministic=not explore
        )
        self._begins = np.zeros_like(self._begins)
        return actions

    def end_episode(self, mask: np.ndarray) -> None:
        """Note where the recurrent state begins anew."""
        self._begins = self._begins | mask
