"""Checkpoints: named arrays in one safetensors file. Loading one executes no code.

A file appears whole or not at all, so a kill at any moment leaves the previous one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from robotasks.agents.parts.files import write_atomically
from robotasks.agents.parts.run import RunError

State = dict[str, np.ndarray]  # what a part must remember, as named arrays
FORMAT, VERSION = "robotasks-checkpoint", "1"
_ADVICE = "Restore this file from a copy, or train again in a new folder."


def section(state: State, name: str) -> State:
    """The entries below "name/", under their own names."""
    return {key.removeprefix(f"{name}/"): state[key] for key in state if key.startswith(f"{name}/")}


def save(path: Path, state: State, agent: str) -> None:
    """Write `state` as the checkpoint of `agent`."""
    # safetensors writes an array's memory as it lies: a transposed one would come back scrambled.
    state = {name: np.array(value, order="C") for name, value in state.items()}
    metadata = {"format": FORMAT, "version": VERSION, "agent": agent, "sha256": _digest(state)}
    write_atomically(path, safetensors.numpy.save(state, metadata))


def load(path: Path, agent: str) -> State:
    """The state in `path`, checked.

    Raises RunError if the file is missing, damaged, not ours, of another version or agent.
    """
    if not path.is_file():
        raise RunError(path, "there is no checkpoint", "Train first, or name another run folder.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise RunError(path, f"it is damaged or no checkpoint ({error})", _ADVICE) from error
    _check(path, metadata, state, agent)
    return state


@contextmanager
def opened(path: Path, agent: str) -> Iterator[State]:
    """The state in `path`; whatever fails to fit while it is put to use becomes a RunError."""
    state = load(path, agent)
    try:
        yield state
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        problem = f"it does not fit this agent and environment ({error})"
        raise RunError(
            path, problem, "Use the options and the release it was made with."
        ) from error


def _check(path: Path, metadata: Mapping[str, str], state: State, agent: str) -> None:
    if metadata.get("format") != FORMAT:
        raise RunError(path, "it is a safetensors file, but no checkpoint of robotasks", _ADVICE)
    if metadata.get("version") != VERSION:
        problem = f"it has checkpoint version {metadata.get('version')}, this is version {VERSION}"
        raise RunError(path, problem, "Use the robotasks release that wrote it, or train again.")
    if metadata.get("agent") != agent:
        problem = f"it belongs to agent {metadata.get('agent')!r}, not to {agent!r}"
        raise RunError(path, problem, "Name the folder's own agent.")
    if metadata.get("sha256") != _digest(state):
        raise RunError(path, "it is damaged (its checksum does not fit)", _ADVICE)


def _digest(state: State) -> str:
    """A checksum: safetensors notices a short file, but not a flipped bit."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name]
        digest.update(f"{name} {value.dtype.str} {value.shape} ".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
