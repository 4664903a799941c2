"""Few-shot imitation without training: act as the nearest moments of the demonstrations suggest.

Locally weighted regression (Atkeson, Moore and Schaal 1997, "Locally Weighted Learning for
Control") on demonstrated steps, weighted as in VINN (Pari et al. 2021, arXiv 2112.01511). VINN
takes the neighbours' mean action, which never mends a distance kept from all demonstrations:
beside a goal at which the expert rests, the mean rests, too. Hence a slope is fitted among them.
Nearness is measured in the observation itself, a short vector in fixed units, not in a learned
embedding.
"""

from __future__ import annotations

import numpy as np

from robotasks.benchmark.agent import Demos, Forgetful, TrialSpec, UnsupportedError


class Nearest(Forgetful):
    """An `Adapter` that takes demonstrations: the action of a line through the nearest steps.

    A world looks among its own demonstrations alone: those that succeeded or, if none did, all.
    It does not change from episode to episode, whatever it is paid.
    """

    def __init__(self, k: int | None = None, ridge: float = 1e-5) -> None:
        """k: neighbours; all steps if None. ridge: what a slope costs; if large, there is none.

        Raises ValueError unless both are positive.
        """
        for name, value in (("k", k), ("ridge", ridge)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, not {value}.")
        self.k, self.ridge = k, ridge
        self._demos: list[tuple[np.ndarray, np.ndarray]] | None = None

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget the demonstrations."""
        self._demos = None

    def ingest_demos(self, demos: Demos) -> None:
        """Keep each world's steps, observations (m, o) and actions (m, a)."""
        self._demos = []
        for obs, actions, success in zip(demos.obs, demos.actions, demos.success, strict=True):
            usable = success | ~success.any()
            # float64: steps along one path differ little, so that slopes ask for precision.
            self._demos.append(
                (np.concatenate(obs[usable]).astype(np.float64), np.concatenate(actions[usable]))
            )

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return actions (n, a) for observations (n, o).

        Raises UnsupportedError without demonstrations.
        """
        if self._demos is None:
            raise UnsupportedError(
                "knn imitates and was shown nothing: give it demonstrations (--demos 1, or demos=1)"
            )
        # World by world: so a score does not depend on how many are played at a time.
        actions = [self._regress(o, *world) for o, world in zip(obs, self._demos, strict=True)]
        return np.clip(actions, -1, 1).astype(np.float32)

    def _regress(self, obs: np.ndarray, seen: np.ndarray, done: np.ndarray) -> np.ndarray:
        """Return the action (a,) fitted at `obs` (o,) to steps `seen` (m, o) and `done` (m, a)."""
        distances = np.linalg.norm(seen - obs, axis=1)
        nearest = np.argsort(distances, kind="stable")[: self.k]
        seen, done, distances = seen[nearest], done[nearest], distances[nearest]
        weights = np.exp(distances[0] - distances)  # from the nearest one, so that none underflows
        weights /= weights.sum()
        middle, mean = weights @ seen, weights @ done
        offsets = seen - middle
        weighted = offsets.T * weights
        penalty = self.ridge * np.eye(len(obs))
        slope = np.linalg.solve(weighted @ offsets + penalty, weighted @ (done - mean))
        return mean + (obs - middle) @ slope
