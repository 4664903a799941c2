"""Torch objects as named arrays, and back, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch

from robotasks.agents.parts.checkpoint import State, section


def module_state(module: torch.nn.Module, name: str) -> State:
    """Parameters and buffers under "name/", copies."""
    return {f"{name}/{k}": v.detach().cpu().numpy().copy() for k, v in module.state_dict().items()}


def load_module(module: torch.nn.Module, name: str, state: State) -> None:
    """The inverse of `module_state`."""
    arrays = section(state, name)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})


def adam_state(adam: torch.optim.Adam, name: str) -> State:
    """Moments, step counts and learning rate under "name/", copies."""
    moments: dict[int, dict[str, Any]] = adam.state_dict()["state"]
    arrays = {
        f"{name}/{i}.{k}": v.cpu().numpy().copy()
        for i, entry in moments.items()
        for k, v in entry.items()
    }
    return arrays | {f"{name}/rate": np.array(adam.param_groups[0]["lr"])}


def load_adam(adam: torch.optim.Adam, name: str, state: State) -> None:
    """The inverse of `adam_state`."""
    arrays = section(state, name)
    whole = adam.state_dict()
    whole["param_groups"][0]["lr"] = float(arrays.pop("rate"))
    whole["state"] = {}
    for key, value in arrays.items():
        index, moment = key.split(".")
        whole["state"].setdefault(int(index), {})[moment] = torch.from_numpy(value.copy())
    adam.load_state_dict(whole)


def adams_state(adams: Mapping[str, torch.optim.Adam]) -> State:
    """Several optimisers, each under "adam/name/"."""
    parts = [adam_state(adam, f"adam/{name}") for name, adam in adams.items()]
    return {name: value for part in parts for name, value in part.items()}


def load_adams(adams: Mapping[str, torch.optim.Adam], state: State) -> None:
    """The inverse of `adams_state`."""
    for name, adam in adams.items():
        load_adam(adam, f"adam/{name}", state)


def generator_state(generator: torch.Generator, name: str) -> State:
    """The place in the random stream, as "name"."""
    return {name: generator.get_state().numpy().copy()}


def load_generator(generator: torch.Generator, name: str, state: State) -> None:
    """The inverse of `generator_state`."""
    generator.set_state(torch.from_numpy(state[name].copy()))


class OnPolicy(Protocol):
    """What an on-policy learner remembers."""

    @property
    def policy(self) -> torch.nn.Module:
        """Policy and critic."""
        ...

    @property
    def return_scale(self) -> torch.nn.Module:
        """What rewards are divided by."""
        ...

    adam: torch.optim.Adam
    generator: torch.Generator


def on_policy_state(learner: OnPolicy) -> State:
    """Weights, statistics, optimiser and random stream, copies."""
    return {
        **module_state(learner.policy, "policy"),
        **module_state(learner.return_scale, "return_scale"),
        **adam_state(learner.adam, "adam"),
        **generator_state(learner.generator, "generator"),
    }


def load_on_policy(learner: OnPolicy, state: State) -> None:
    """The inverse of `on_policy_state`."""
    load_module(learner.policy, "policy", state)
    load_module(learner.return_scale, "return_scale", state)
    load_adam(learner.adam, "adam", state)
    load_generator(learner.generator, "generator", state)
