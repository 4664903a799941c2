"""The loop around every learner: collect, learn, report, save; and go on after a kill."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import torch

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.checkpoint import State
from robotasks.agents.parts.log import Log, Progress
from robotasks.agents.parts.run import CHECKPOINT, Run, open_run

if TYPE_CHECKING:
    from robotasks.benchmark.agent import Adapter

Evaluate = Callable[["Adapter"], Mapping[str, float]]  # scores by name: "success", "return", ...
OnProgress = Callable[[Progress], None]  # called after every update


Given = TypeVar("Given", covariant=True)
Taken = TypeVar("Taken", contravariant=True)
Rollout = TypeVar("Rollout")


class Source(Protocol[Given]):
    """What a learner learns from: worlds (`Collector`) or demonstrations (`Sampler`)."""

    @property
    def per_update(self) -> int:
        """Steps of one rollout."""
        ...

    steps: int  # given so far

    def rollout(self) -> Given:
        """The next steps, in buffers that the next call may overwrite."""
        ...

    def recent(self) -> tuple[float, float]:
        """Success rate and mean return of recent episodes; NaN where there are none."""
        ...

    def state(self) -> State:
        """Everything the next rollout depends on; copies."""
        ...

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        ...


class Learner(Protocol[Taken]):
    """What the loop asks of an agent. All it remembers is in `state`, random streams included."""

    name: str

    def learn(self, batch: Taken, left: float) -> dict[str, float]:
        """Improve on one rollout; returns what is worth logging.

        `left` is the share of the run that lies ahead, 1 at its first rollout and falling to 0.
        """
        ...

    def adapter(self) -> Adapter:
        """The agent as evaluation sees it, with the present weights."""
        ...

    def state(self) -> State:
        """Named arrays: copies, or what the next `learn` leaves alone."""
        ...

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        ...


class Training(Generic[Rollout]):
    """A run under way: learner, collector and clock, saved and restored as one."""

    def __init__(self, run: Run, learner: Learner[Rollout], collector: Source[Rollout]) -> None:
        self.run, self.learner, self.collector = run, learner, collector
        self.path = run.folder / CHECKPOINT
        self.per_update = collector.per_update
        self.updates = max(1, run.steps // self.per_update)
        self.evaluate_every = run.evaluate_every
        if run.evaluations:
            self.evaluate_every = math.ceil(self.updates / run.evaluations)
        self.wall_s = 0.0

    def carry_out(
        self,
        options: Mapping[str, Any],
        begin: Callable[[], None],
        evaluate: Evaluate | None,
        on_progress: OnProgress | None,
    ) -> None:
        """Train as the run says: on from its checkpoint or, where it has none, after `begin`.

        options: the agent's, which a run that goes on has to share. Raises RunError if the folder
        cannot be used.
        """
        if open_run(self.run, self.learner.name, options):
            self.restore()
        else:
            begin()
        self.train(evaluate, on_progress)

    def train(self, evaluate: Evaluate | None, on_progress: OnProgress | None) -> None:
        """Update until the run's steps are used up, from wherever it stands.

        An interruption (Ctrl-C) saves the last completed update and is passed on.
        """
        log = Log(self.run.folder, self.collector.steps)
        snapshot = self.snapshot()
        try:
            for update in range(self.collector.steps // self.per_update + 1, self.updates + 1):
                progress = self._update(1 - (update - 1) / self.updates)
                if on_progress:
                    on_progress(progress)
                self._report(update, progress, log, evaluate)
                snapshot = self.snapshot()
                if self._due(update, self.run.checkpoint_every):
                    self.save(snapshot)
        except KeyboardInterrupt:
            self.save(snapshot)
            raise
        finally:
            log.close()

    def snapshot(self) -> State:
        """All that the rest of the run depends on; the next update leaves it alone."""
        parts = {"learner": self.learner.state(), "collector": self.collector.state()}
        state = {f"{part}/{name}": value for part in parts for name, value in parts[part].items()}
        return state | {"wall_s": np.array(self.wall_s)}

    def save(self, snapshot: State) -> None:
        """Write a snapshot as the run's checkpoint."""
        checkpoint.save(self.path, snapshot, self.learner.name)

    def restore(self) -> None:
        """Go on from the run's checkpoint.

        Raises RunError if it cannot be used.
        """
        with checkpoint.opened(self.path, self.learner.name) as state:
            self.learner.load(checkpoint.section(state, "learner"))
            self.collector.load(checkpoint.section(state, "collector"))
            self.wall_s = float(state["wall_s"])

    def _update(self, left: float) -> Progress:
        start = time.perf_counter()
        batch = self.collector.rollout()
        collected = time.perf_counter()
        metrics = self.learner.learn(batch, left)
        spent = time.perf_counter() - start
        self.wall_s += spent
        success, mean_return = self.collector.recent()
        metrics["learning_share"] = 1 - (collected - start) / spent
        return Progress(
            steps=self.collector.steps,
            total=self.updates * self.per_update,
            wall_s=self.wall_s,
            fps=self.per_update / spent,
            success=success,
            mean_return=mean_return,
            metrics=metrics,
        )

    def _report(self, update: int, progress: Progress, log: Log, evaluate: Evaluate | None) -> None:
        row = progress.row()
        scored = evaluate is not None and self._due(update, self.evaluate_every)
        if evaluate is not None and scored:
            start = time.perf_counter()
            scores = evaluate(self.learner.adapter())
            row |= {f"eval_{name}": float(score) for name, score in scores.items()}
            self.wall_s += time.perf_counter() - start
        if scored or self._due(update, self.run.log_every):
            log.add(row)

    def _due(self, update: int, every: int) -> bool:
        return update % every == 0 or update == self.updates


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute with `count` threads; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
