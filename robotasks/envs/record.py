"""Where every world stands: its random stream, its place in trial and episode, its successes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robotasks.arrays import copied, namespace, on_host
from robotasks.layout import Array
from robotasks.physics.engine import Engine
from robotasks.tasks.task import HOLD

_COUNTERS = ("seed", "episode", "trial_episode", "elapsed")
_FLAGS = ("over", "fresh", "trial_start")
_JUDGED = ("first_success", "streak", "last_action", "last_reward")
_MASKS = ("_success", "_first_success", "_elapsed", "_trial_start", "_diverged")


class Record:
    """Arrays with one entry per world.

    seed, episode: name the random stream of the present episode. trial_episode: its number within
    the trial. elapsed: control steps taken. streak: successful ones in a row. first_success: the
    step at which success first held, or -1. over: at its end. fresh: just begun; trial_start: and
    the first of its trial.

    Clocks and flags are the host's; what judging a step tells is where the engine has its arrays.
    """

    seed: np.ndarray
    episode: np.ndarray
    trial_episode: np.ndarray
    elapsed: np.ndarray
    over: np.ndarray
    fresh: np.ndarray
    trial_start: np.ndarray
    streak: Array
    first_success: Array
    last_action: Array
    last_reward: Array

    def __init__(self, worlds: int, horizon: int, episodes: int, engine: Engine) -> None:
        """horizon: control steps of an episode; episodes: of a trial; engine: one of theirs."""
        self.worlds, self.horizon, self.episodes = worlds, horizon, episodes
        self._host, self._asarray = engine.host, engine.asarray
        self._counters = np.zeros((len(_COUNTERS), worlds), dtype=np.int64)
        self._flags = np.zeros((len(_FLAGS), worlds), dtype=bool)
        for names, rows in ((_COUNTERS, self._counters), (_FLAGS, self._flags)):
            for name, row in zip(names, rows, strict=True):
                setattr(self, name, row)
        self.streak = self._asarray(np.zeros(worlds, dtype=np.int64))
        self.first_success = self._asarray(np.zeros(worlds, dtype=np.int64))
        self.last_action = self._asarray(np.zeros((worlds, 5)))
        self.last_reward = self._asarray(np.zeros(worlds))

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
        self.elapsed[mask] = 0
        self.over[mask], self.fresh[mask], self.trial_start[mask] = False, True, anew[mask]
        begun, forgets = self._asarray(mask), self._asarray(anew)
        self.streak[begun], self.first_success[begun] = 0, -1
        self.last_action[forgets], self.last_reward[forgets] = 0.0, 0.0
        return anew

    def stagger(self, moments: int) -> None:
        """Spread the clocks over the horizon, so that short rollouts see all of an episode.

        moments: how many times of an episode there are among them, at most.
        """
        moments = min(moments, self.worlds)
        group = np.arange(self.worlds) * moments // self.worlds
        self.elapsed[:] = group * self.horizon // moments

    def tick(
        self,
        actions: Array,
        rewards: Array,
        success: Array,
        diverged: Array,
        idle: np.ndarray | None,
    ) -> np.ndarray:
        """Count a control step; return which episodes it ends, (n,) bool, a new array.

        idle: worlds that were at their end, so that this step is none of theirs; None if none.
        Where the host cannot see who diverged, their episodes last as long as any.
        """
        self.elapsed += 1
        self.streak += 1
        self.streak *= success
        if not self._host or np.count_nonzero(success):
            held = (self.streak == HOLD) & (self.first_success < 0)
            now = self._asarray(self.elapsed)
            self.first_success[...] = namespace(held).where(held, now, self.first_success)
        ended = self.elapsed >= self.horizon
        if self._host:
            ended |= diverged
        if idle is None:
            self.last_action[...], self.last_reward[...] = actions, rewards
        else:
            ended &= ~idle
            acted = self._asarray(~idle)
            where = namespace(actions).where
            self.last_action[...] = where(acted[:, None], actions, self.last_action)
            self.last_reward[...] = where(acted, rewards, self.last_reward)
        self._flags[1:] = False
        self.over[:] = ended
        return ended

    def infos(self, diverged: Array) -> dict[str, Array]:
        """Return what `step` and `reset` tell of every world, as new arrays; takes `diverged`."""
        told = {
            "success": self.streak >= HOLD,
            "first_success": copied(self.first_success),
            "elapsed": self._asarray(self.elapsed.copy()),
            "trial_start": self._asarray(self.trial_start.copy()),
            "diverged": diverged,
        }
        # Gymnasium's masks: all of it is told of every world.
        everywhere = self._asarray(np.ones((len(_MASKS), self.worlds), dtype=bool))
        return told | dict(zip(_MASKS, everywhere, strict=True))

    def history(self, of: slice) -> dict[str, Array]:
        """Return the observation slots that tell some worlds' past."""
        return {
            "last_action": self.last_action[of],
            "last_reward": self.last_reward[of],
            "episode_start": self._asarray(self.fresh[of].astype(np.float64)),
            "time_left": self._asarray(1 - self.elapsed[of] / self.horizon),
        }

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of all arrays by name."""
        names = (*_COUNTERS, *_FLAGS, *_JUDGED)
        return {name: on_host(getattr(self, name)).copy() for name in names}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `get_state` returned."""
        for name in (*_COUNTERS, *_FLAGS):
            getattr(self, name)[...] = state[name]
        for name in _JUDGED:
            getattr(self, name)[...] = self._asarray(np.asarray(state[name]))
