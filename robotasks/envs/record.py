"""Where every world stands: its random stream, its place in trial and episode, its successes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robotasks.tasks.task import HOLD

_COUNTERS = ("seed", "episode", "trial_episode", "first_success", "elapsed", "streak")
_FLAGS = ("over", "fresh", "trial_start")
_LAST = ("last_action", "last_reward")
_MASKS = ("_success", "_first_success", "_elapsed", "_trial_start", "_diverged")


class Record:
    """Arrays with one entry per world.

    seed, episode: name the random stream of the present episode. trial_episode: its number within
    the trial. elapsed: control steps taken. streak: successful ones in a row. first_success: the
    step at which success first held, or -1. over: at its end. fresh: just begun; trial_start: and
    the first of its trial.
    """

    seed: np.ndarray
    episode: np.ndarray
    trial_episode: np.ndarray
    elapsed: np.ndarray
    streak: np.ndarray
    first_success: np.ndarray
    over: np.ndarray
    fresh: np.ndarray
    trial_start: np.ndarray

    def __init__(self, worlds: int, horizon: int, episodes: int) -> None:
        """horizon: control steps of an episode; episodes: of a trial."""
        self.worlds, self.horizon, self.episodes = worlds, horizon, episodes
        self._counters = np.zeros((len(_COUNTERS), worlds), dtype=np.int64)
        self._flags = np.zeros((len(_FLAGS), worlds), dtype=bool)
        for names, rows in ((_COUNTERS, self._counters), (_FLAGS, self._flags)):
            for name, row in zip(names, rows, strict=True):
                setattr(self, name, row)
        self._ticking = self._counters[-2:]  # elapsed and streak
        self.last_action, self.last_reward = np.zeros((worlds, 5)), np.zeros(worlds)
        self._everywhere = np.ones((len(_MASKS), worlds), dtype=bool)

    def reseed(self, seeds: Sequence[int], mask: np.ndarray) -> None:
        """Give the worlds of `mask` new random streams; `seeds` has one per world."""
        self.seed[mask] = np.asarray(seeds)[mask]
        self.episode[mask] = -1

    def next_episodes(self, mask: np.ndarray, new_trial: bool) -> np.ndarray:
        """Move the worlds of `mask` to their next episode; return which begin a trial, (n,)."""
        self.episode[mask] += 1
        anew = (self.episode == 0) | (self.trial_episode + 1 >= self.episodes)
        anew = mask & (anew | new_trial)
        self.trial_episode[mask] += 1
        self.trial_episode[anew] = 0
        self.elapsed[mask], self.streak[mask], self.first_success[mask] = 0, 0, -1
        self.over[mask], self.fresh[mask], self.trial_start[mask] = False, True, anew[mask]
        self.last_action[anew], self.last_reward[anew] = 0.0, 0.0
        return anew

    def stagger(self) -> None:
        """Spread the clocks over the horizon, so that short rollouts see all of an episode."""
        self.elapsed[:] = np.arange(self.worlds) * self.horizon // self.worlds

    def tick(
        self,
        actions: np.ndarray,
        rewards: np.ndarray,
        success: np.ndarray,
        diverged: np.ndarray,
        idle: np.ndarray | None,
    ) -> np.ndarray:
        """Count a control step; return which episodes it ends, (n,) bool, a new array.

        idle: worlds that were at their end, so that this step is none of theirs; None if none.
        """
        self._ticking += 1
        self.streak *= success
        if np.count_nonzero(success):
            held = (self.streak == HOLD) & (self.first_success < 0)
            self.first_success[held] = self.elapsed[held]
        ended = self.elapsed >= self.horizon
        ended |= diverged
        if idle is None:
            self.last_action[:], self.last_reward[:] = actions, rewards
        else:
            ended &= ~idle
            self.last_action[~idle], self.last_reward[~idle] = actions[~idle], rewards[~idle]
        self._flags[1:] = False
        self.over[:] = ended
        return ended

    def infos(self, diverged: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `step` and `reset` tell of every world, as new arrays; takes `diverged`."""
        told = {
            "success": self.streak >= HOLD,
            "first_success": self.first_success.copy(),
            "elapsed": self.elapsed.copy(),
            "trial_start": self.trial_start.copy(),
            "diverged": diverged,
        }
        # Gymnasium's masks: all of it is told of every world.
        return told | dict(zip(_MASKS, self._everywhere.copy(), strict=True))

    def history(self, of: slice) -> dict[str, np.ndarray]:
        """Return the observation slots that tell some worlds' past."""
        return {
            "last_action": self.last_action[of],
            "last_reward": self.last_reward[of],
            "episode_start": self.fresh[of].astype(np.float64),
            "time_left": 1 - self.elapsed[of] / self.horizon,
        }

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of all arrays by name."""
        return {name: getattr(self, name).copy() for name in (*_COUNTERS, *_FLAGS, *_LAST)}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `get_state` returned."""
        for name in (*_COUNTERS, *_FLAGS, *_LAST):
            getattr(self, name)[...] = state[name]
