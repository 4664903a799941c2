"""Record demonstrations as a Minari dataset; the same command goes on with one that was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from robotasks.benchmark.dataset import Recording
from robotasks.benchmark.demonstrations import Recipe, play
from robotasks.benchmark.evaluate import Entrant
from robotasks.commands.entrants import find_entrant, senses

PATIENCE = 20  # attempts for each episode asked for, before an agent counts as hopeless


@dataclass(frozen=True)
class Options:
    """Options of `record`."""

    task: Annotated[str, tyro.conf.Positional]
    """Name of the task."""
    episodes: int = 50
    """How many episodes the dataset shall hold; those that it has already count."""
    seed: int = 0
    """Seed of rows, starts and noise; an episode depends on it and on its number alone."""
    agent: str = "expert"
    """expert, random, or the folder of a run."""
    out: Path | None = None
    """Folder of datasets; Minari's own if not given (MINARI_DATASETS_PATH or ~/.minari)."""
    name: str | None = None
    """Name of the dataset below robotasks/TASK; that of the agent if not given."""
    all: bool = False
    """Keep episodes that fail, too; by default only those whose success holds at the end."""
    noise: float = 0.0
    """Standard deviation of noise on the moves that are done (DART), so that the dataset shows
    recoveries; what the agent intended is kept beside them."""
    per_row: int = 1
    """Episodes on each row of the split, which has to be named: what few-shot imitators (demo)
    learn from. Every second one, the first among them, is without noise, as when it is shown."""
    split: str | None = None
    """Take the rows of this split (train, interp, ...); by default any, as training does."""
    reveal: tuple[str, ...] | None = None
    """What observations tell: goal, dynamics, task, history; what the agent learned from, or the
    goal, if not given."""
    pixels: int = 0
    """Also take pictures of this width and height at every step, kept as JPEG."""
    worlds: int = 64
    """Episodes played at a time; the dataset does not depend on it."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores; the dataset does not depend on it."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Record until the dataset holds enough; a kill leaves a valid one to go on with."""
    for name in ("episodes", "worlds"):
        if getattr(options, name) < 1:
            raise ValueError(f"{name} must be at least 1, not {getattr(options, name)}")
    entrant = find_entrant(options.agent, options.seed)
    known = tuple(senses(options.agent).get("reveal", ["goal"]))
    recipe = Recipe(
        task=options.task,
        agent=options.agent,
        seed=options.seed,
        split=options.split,
        noise=options.noise,
        per_row=options.per_row,
        reveal=known if options.reveal is None else options.reveal,
        pixels=options.pixels,
    )
    name = options.name or Path(options.agent).name
    keep = "all" if options.all else "solved"
    recording = Recording(recipe, keep, name, options.out)
    with _progress(options) as report:
        fill(recording, entrant, options, report)
    summary = {
        "dataset": recording.id,
        "folder": str(recording.folder),
        "episodes": recording.count,
        "attempts": recording.attempts,
    }
    if options.json:
        print(json.dumps(summary))
        return
    print(f"{recording.count} episodes of {recording.attempts} attempts: {recording.folder}")


def fill(
    recording: Recording, entrant: Entrant, options: Options, report: Callable[[Recording], None]
) -> None:
    """Play and add episodes until there are enough; RuntimeError if hardly any succeeds."""
    played = recording.attempts
    report(recording)
    while (missing := options.episodes - recording.count) > 0:
        if played >= PATIENCE * options.episodes:
            raise RuntimeError(
                f"{options.agent} solved {recording.count} of {played} attempts at {options.task}; "
                "lower --noise, name a better agent, or keep failures with --all"
            )
        numbers = range(played, played + min(missing, options.worlds))
        episodes = play(recording.recipe, entrant, numbers, options.threads)
        played += len(episodes)
        kept = [episode for episode in episodes if options.all or episode.solved]
        if kept:
            recording.add(kept, played)
        report(recording)


@contextmanager
def _progress(options: Options) -> Iterator[Callable[[Recording], None]]:
    """Yield what shows how many episodes there are: JSON lines, or a bar."""
    if options.json:
        yield lambda recording: print(
            json.dumps({"episodes": recording.count, "attempts": recording.attempts}), flush=True
        )
        return
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as bar:
        line = bar.add_task("recording", total=options.episodes)
        yield lambda recording: bar.update(line, completed=recording.count)
