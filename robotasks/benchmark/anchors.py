"""Anchors: the entrants that give a scale, as data; every other agent goes by its own name.

On a multi-task suite `ppo` is told the goal. On a meta-learning suite it is told what the suite
tells, so it is the blind pooled policy there, and its sighted twin is the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from robotasks.benchmark.suites import TRIAL_EPISODES

FLOOR, CEILING = "random", "expert"
"""They learn nothing: uniform actions, and the scripted expert that reads the simulator."""


@dataclass(frozen=True)
class Variant:
    """A learning agent, what it is told and which of its options differ."""

    agent: str
    reveal: tuple[str, ...] | None = None
    """What its observations tell; what the suite tells if None."""
    set: tuple[str, ...] = ()
    """Options of the agent, NAME=VALUE each."""
    episodes: int | None = None
    """Episodes of a training trial; those of the suite, which tests have, if None."""
    worlds: int = 256
    """Worlds that are trained in together."""


BLIND, ORACLE = "ppo", "ppo-sighted"
"""The two ends of the scale of adaptation on a meta-learning suite."""

SINGLE = "ppo"
"""Who learns each task alone, on `MT1:<task>`, for comparison with learning them together."""

_SIGHTED = ("goal", "task")

VARIANTS: Mapping[str, Variant] = {
    ORACLE: Variant("ppo", reveal=_SIGHTED),
    "ppo-blind": Variant("ppo", reveal=()),
    "mtppo": Variant("mtppo", reveal=_SIGHTED),
    "mtppo-mh": Variant("mtppo", reveal=_SIGHTED, set=("heads=task",)),
    **{
        f"mtppo-mh-{rule}": Variant("mtppo", _SIGHTED, ("heads=task", f"combine={rule}"))
        for rule in ("pcgrad", "cagrad")
    },
    "mtsac": Variant("mtsac", reveal=_SIGHTED),
    "rl2": Variant("rl2", reveal=("history",), episodes=4, worlds=128),
    "rl2-infer": Variant(
        "rl2",
        reveal=("history",),
        set=("infer=0.3", "target_kl=0.03", "final_std=0.15"),
        episodes=4,
        worlds=32,
    ),
    "rl2-tf": Variant(
        "rl2",
        reveal=("history",),
        set=("core=transformer", "width=64"),
        episodes=4,
        worlds=64,
    ),
    # What they are paid reaches them as gradients: observations need not tell the history.
    "promp": Variant("promp", reveal=(), episodes=TRIAL_EPISODES, worlds=40),
    "maml": Variant(
        "promp",
        reveal=(),
        set=("outer_steps=1", "inner_kl=0", "rates=fixed"),
        episodes=TRIAL_EPISODES,
        worlds=40,
    ),
    "varibad": Variant("varibad", reveal=("history",), episodes=4, worlds=64),
    "varibad-infer": Variant(
        "varibad", reveal=("history",), set=("decode=hidden",), episodes=4, worlds=64
    ),
    "demo": Variant("demo", reveal=()),
    **{
        f"demo-{method}": Variant("demo", reveal=(), set=(f"method={method}",))
        for method in ("tune", "nearest", "mil")
    },
}

BASELINES = (BLIND, ORACLE, "ppo-blind")
"""The learning agents of a benchmark that names none."""
