"""The folder of a run: who trains there, with which options, and may we go on?"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robotasks.agents.parts.files import write_atomically

FORMAT = 1
CONFIG, CHECKPOINT, PROGRESS = "config.json", "checkpoint/latest.safetensors", "progress.csv"


class RunError(ValueError):
    """A run folder, or a file in it, cannot be used as asked."""

    def __init__(self, path: Path, problem: str, advice: str) -> None:
        super().__init__(f"{path}: {problem}. {advice}")


@dataclass(frozen=True)
class Run:
    """Where a training lives and how far it goes. Intervals are in updates (see the agent)."""

    folder: Path
    seed: int = 0
    steps: int = 2_000_000  # env steps at most, all worlds together (at least one update is made)
    resume: bool = False  # go on from the folder's checkpoint, if it has one
    pretrained: Path | None = None  # folder of the run whose policy this one starts from
    env: Mapping[str, Any] = field(default_factory=dict)  # how the environment was made, for JSON
    log_every: int = 5
    checkpoint_every: int = 20
    evaluate_every: int = 50
    evaluations: int = 0  # if given, so many of them, evenly spread, instead of `evaluate_every`


def open_run(run: Run, agent: str, options: Mapping[str, Any]) -> bool:
    """Write the run's config.json; True if there is a checkpoint to go on from.

    Raises RunError if the folder holds a run that we were not asked to go on with, or another one.
    """
    config, checkpoint = run.folder / CONFIG, run.folder / CHECKPOINT
    identity = {"agent": agent, "env": dict(run.env), "seed": run.seed, "config": dict(options)}
    if run.pretrained:
        identity["pretrained"] = str(run.pretrained)
    identity = json.loads(json.dumps(identity))  # as it will be read back: tuples become lists
    held = [name for name in (CONFIG, CHECKPOINT, PROGRESS) if (run.folder / name).exists()]
    if held and not run.resume:
        advice = "Resume it (--resume) or choose a new folder."
        raise RunError(run.folder, f"it holds a run already ({', '.join(held)})", advice)
    versions, source = _versions(), _digest(run)
    if checkpoint.exists():
        stored = read_config(run.folder)
        known = identity.keys() | {"pretrained"}  # which only some have
        found = differences({key: stored.get(key) for key in known}, identity)
        if found:
            advice = "Resume with the same options, or train in a new folder."
            raise RunError(config, f"another run: {'; '.join(found)}", advice)
        versions, source = stored.get("versions", versions), stored.get("pretrained_sha256")
    text = {"format": FORMAT, **identity, "steps": run.steps, "versions": versions}
    if source:
        text["pretrained_sha256"] = source
    write_atomically(config, (json.dumps(text, indent=2) + "\n").encode())
    return checkpoint.exists()


def read_config(folder: Path | str) -> dict[str, Any]:
    """The config.json of a run folder.

    Raises RunError if it is missing, damaged, or not ours.
    """
    path = Path(folder) / CONFIG
    advice = "Name the folder of a run, as `train --out` made it."
    if not path.is_file():
        raise RunError(path, "there is no such file, so this is no run folder", advice)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(path, f"it is damaged ({error})", "Restore it from a copy.") from error
    if not isinstance(config, dict) or not {"agent", "config", "seed"} <= config.keys():
        raise RunError(path, "it does not describe a run of robotasks", advice)
    if config.get("format") != FORMAT:
        problem = f"it has format {config.get('format')}, this is format {FORMAT}"
        raise RunError(path, problem, "Use the robotasks release that wrote it, or train again.")
    return config


def differences(stored: Any, given: Any, name: str = "") -> list[str]:
    """Say where two JSON values differ, a line for each place."""
    if isinstance(stored, dict) and isinstance(given, dict):
        keys = sorted(stored.keys() | given.keys())
        pairs = [(stored.get(key), given.get(key), f"{name}.{key}".strip(".")) for key in keys]
        return [line for pair in pairs for line in differences(*pair)]
    return [] if stored == given else [f"{name} was {stored!r} and is now {given!r}"]


def _digest(run: Run) -> str | None:
    """SHA-256 of the checkpoint that a run starts from, which may be trained further later on."""
    source = run.pretrained / CHECKPOINT if run.pretrained else None
    return hashlib.sha256(source.read_bytes()).hexdigest() if source and source.exists() else None


def _versions() -> dict[str, str]:
    """What the result may depend on, beside the options."""
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("robotasks", "mujoco", "numpy", "gymnasium", "torch"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
