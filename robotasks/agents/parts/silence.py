"""Worlds that tell no rewards at the end of a trial, so that what was found out has to be used."""

from __future__ import annotations

from typing import Any

from robotasks.agents.parts.checks import check_tells_rewards


class Silent:
    """Worlds of which a share tell no rewards in the last episode of each trial, as tests may.

    The rewards themselves go on. A policy that is always told them follows them like a scent, and
    is lost without.
    """

    def __init__(self, env: Any, share: float) -> None:
        """env: vectorised worlds with `layout`; ValueError if they do not tell the last reward."""
        check_tells_rewards(env.layout, f"silent={share} hides rewards")
        self.env, self.column = env, env.layout.slices["last_reward"]
        self.silent = round(share * env.num_envs)
        self.told, self.steps = (env.episodes - 1) * env.horizon, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def reset(self, **options: Any) -> Any:
        """Begin a trial in every world."""
        self.steps = 0
        return self.env.reset(**options)

    def step(self, actions: Any) -> Any:
        """Take a control step."""
        obs, *rest = self.env.step(actions)
        self.steps += 1
        if self.steps > self.told:
            obs[: self.silent, self.column] = 0.0
        return obs, *rest


def silenced(env: Any, share: float) -> Any:
    """`env`, a share of whose worlds is silent; ValueError if they do not tell rewards anyway."""
    return Silent(env, share) if share else env
