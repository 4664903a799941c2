"""Demonstrations on disk: a Minari dataset (minari.farama.org) that is whole at any moment."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import minari
import mujoco
import numpy as np
from gymnasium.wrappers import AddRenderObservation
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_dataset import parse_dataset_id

from robotasks import __version__
from robotasks.benchmark.demonstrations import Episode, Recipe
from robotasks.tasks import find_task

_ROOT = "MINARI_DATASETS_PATH"  # where Minari looks for datasets
_KEY = "robotasks"  # our entry among a dataset's metadata
_METADATA = "metadata.json"


class Recording:
    """A dataset that grows by whole batches of episodes; a kill at any moment leaves a valid one.

    Minari changes its files in place, so each batch is added to a copy, which then takes the
    dataset's place: the episodes first, last the metadata that count them.
    """

    def __init__(self, recipe: Recipe, keep: str, name: str, root: Path | None = None) -> None:
        """Open the dataset `robotasks/<task>/<name>-v<version>` below `root`, Minari's if None.

        keep: "solved" or "all" episodes. Raises ValueError for a name that Minari does not take,
        and if the dataset was recorded otherwise.
        """
        self.recipe, self.task = recipe, find_task(recipe.task)
        self.id = f"robotasks/{self.task.name}/{name}-v{self.task.version}"
        parse_dataset_id(self.id)
        with _minari_root(root):
            self.folder = minari.storage.get_dataset_path(self.id)
        self.data = self.folder / "data"
        self._partial, self._next = self.folder / ".partial", self.folder / ".next"
        self.made = {
            **dataclasses.asdict(recipe),
            "reveal": list(recipe.reveal),
            "task": self.task.id,
            "keep": keep,
            "robotasks": __version__,
            "mujoco": mujoco.__version__,
        }
        self._take_place()  # of a batch whose writer was killed while it took its place
        self.count, self.attempts = 0, 0
        if self.data.exists():
            self._go_on()

    def add(self, episodes: Sequence[Episode], attempts: int) -> None:
        """Append episodes; `attempts` were played so far, those that are not kept included."""
        buffers = [_buffer(episode, bool(self.recipe.noise)) for episode in episodes]
        shutil.rmtree(self._partial, ignore_errors=True)
        if self.data.exists():
            shutil.copytree(self.data, self._partial)
            dataset = minari.MinariDataset(self._partial)
            dataset.update_dataset_from_buffer(buffers)
        else:
            dataset = self._create(buffers)
        added = range(self.count, self.count + len(episodes))
        told = [{"task": self.task.id, "number": e.number, "success": e.solved} for e in episodes]
        dataset.storage.update_episode_metadata(told, added)
        dataset.storage.update_metadata({_KEY: {**self.made, "attempts": attempts}})
        for file in dataset.storage.data_path.iterdir():
            _flush(file)
        dataset.storage.data_path.rename(self._next)
        shutil.rmtree(self._partial, ignore_errors=True)
        self._take_place()
        self.count, self.attempts = self.count + len(episodes), attempts

    def _create(self, buffers: list[EpisodeBuffer]) -> minari.MinariDataset:
        env = _environment(self.recipe)
        # Minari misses an author, an address and a link, which only the one who publishes knows.
        with _minari_root(self._partial), warnings.catch_warnings(action="ignore"):
            dataset = minari.create_dataset_from_buffers(
                self.id,
                buffers,
                env=env,
                eval_env=env,
                algorithm_name=self.recipe.agent,
                description=f"{self.recipe.agent} on {self.task.id}: {_about(self.task)}",
                requirements=[f"robotasks=={__version__}", f"mujoco=={mujoco.__version__}"],
            )
        env.close()
        return dataset

    def _take_place(self) -> None:
        if not self._next.exists():
            return
        if not self.data.exists():
            self._next.rename(self.data)
            return
        for file in sorted(self._next.iterdir(), key=lambda file: file.name == _METADATA):
            file.replace(self.data / file.name)
        self._next.rmdir()

    def _go_on(self) -> None:
        dataset = minari.MinariDataset(self.data)
        stored = dict(dataset.storage.metadata.get(_KEY, {}))
        self.count, self.attempts = dataset.total_episodes, stored.pop("attempts", 0)
        different = [
            f"{name} was {stored.get(name)!r} and is now {value!r}"
            for name, value in self.made.items()
            if stored.get(name) != value
        ]
        if different:
            raise ValueError(
                f"{self.folder} holds other demonstrations: {'; '.join(different)}. "
                "Record with the same options, or under another --name or --out."
            )


@dataclass(frozen=True)
class Demonstrations:
    """What a learner needs of a dataset."""

    dataset: str
    """Id of the dataset."""
    task: str
    """Id of the task, name and version."""
    reveal: tuple[str, ...]
    """What the observations tell."""
    obs: tuple[np.ndarray, ...]
    """For each episode (T, o) float32: what each action was chosen for."""
    actions: tuple[np.ndarray, ...]
    """For each episode (T, 5) float32: what the agent chose, without the noise of its recording."""
    rows: tuple[int, ...] = ()
    """For each episode the number of the row that it is on; empty if nobody says."""
    disturbed: tuple[bool, ...] = ()
    """For each episode whether it had noise; empty if nobody says."""

    def steps(self, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return observations (M, o) and actions (M, 5) of the first `count` episodes, or of all.

        Raises ValueError if there are fewer.
        """
        if count is not None and count > len(self.obs):
            raise ValueError(
                f"{self.dataset} holds {len(self.obs)} episodes, {count} were asked for; the "
                "command that recorded it adds more with a larger --episodes"
            )
        return np.concatenate(self.obs[:count]), np.concatenate(self.actions[:count])

    @property
    def hash(self) -> str:
        """Name of these very numbers."""
        digest = hashlib.sha256()
        for array in (*self.obs, *self.actions):
            digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def read(dataset: str) -> Demonstrations:
    """Read a dataset of `robotasks record`, from its folder or by its id among Minari's datasets.

    Raises ValueError if there is none, or if it is another's.
    """
    folder = Path(dataset)
    if not (folder / "data").is_dir():
        folder = minari.storage.get_dataset_path(dataset)
    if not (folder / "data" / _METADATA).is_file():
        raise ValueError(
            f"{dataset} is neither the folder of a Minari dataset nor the id of one in "
            f"{minari.storage.get_dataset_path()}; `robotasks record TASK` makes one"
        )
    held = minari.MinariDataset(folder / "data")
    about = held.storage.metadata.get(_KEY)
    if about is None:
        raise ValueError(f"{folder} was not made by `robotasks record`")
    episodes = [*held]
    obs = [e.observations["state"] if about["pixels"] else e.observations for e in episodes]
    told = held.storage.get_episode_metadata(range(len(held)))
    numbers = [int(episode["number"]) for episode in told]
    recipe = Recipe(
        about["task"].rpartition("-v")[0],
        split=about["split"],
        noise=about["noise"],
        per_row=int(about.get("per_row", 1)),  # older datasets have one
    )
    return Demonstrations(
        held.id,
        about["task"],
        tuple(about["reveal"]),
        tuple(seen[:-1] for seen in obs),
        tuple(e.infos["intended"] if about["noise"] else e.actions for e in episodes),
        tuple(recipe.row(number) for number in numbers),
        tuple(recipe.noise_of(number) > 0 for number in numbers),
    )


def _buffer(episode: Episode, noisy: bool) -> EpisodeBuffer:
    steps = len(episode.rewards)
    ends = np.arange(steps) == steps - 1
    infos = {"success": episode.success}
    if noisy:
        infos["intended"] = episode.intended
    pictured = {"state": episode.obs, "pixels": episode.pixels}
    return EpisodeBuffer(
        seed=episode.seed,
        options={"goal": episode.goal, "dynamics": episode.dynamics},
        observations=episode.obs if episode.pixels is None else pictured,
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=np.zeros(steps, dtype=bool),
        truncations=ends,
        infos=infos,
    )


def _environment(recipe: Recipe) -> gym.Env:
    """Make the single world whose spec a dataset carries, so that it can be recovered."""
    id_, reveal = f"robotasks/{find_task(recipe.task).id}", list(recipe.reveal)
    if not recipe.pixels:
        return gym.make(id_, reveal=reveal)
    size: dict[str, Any] = {"width": recipe.pixels, "height": recipe.pixels}
    env = gym.make(id_, reveal=reveal, render_mode="rgb_array", **size)
    return AddRenderObservation(env, render_only=False)


def _about(task: Any) -> str:
    return (task.__doc__ or "").splitlines()[0]


@contextmanager
def _minari_root(folder: Path | None) -> Iterator[None]:
    """Let Minari keep its datasets in `folder`; where it always does, if None."""
    before = os.environ.get(_ROOT)
    if folder is not None:
        os.environ[_ROOT] = str(folder)
    try:
        yield
    finally:
        if before is not None:
            os.environ[_ROOT] = before
        elif folder is not None:
            del os.environ[_ROOT]


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
