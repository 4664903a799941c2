"""Train an agent on a task or a suite."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from robotasks.agents import DEVICE_LEARNERS, IMITATORS, SEEING, STARTING, agent_module
from robotasks.agents.parts.run import Run
from robotasks.agents.tuned import DEFAULTS, TUNED, find_tuned
from robotasks.benchmark.anchors import VARIANTS, Variant
from robotasks.benchmark.suites import TRAIN_ROWS, Suite, find_suite, is_suite
from robotasks.commands.entrants import check_reads, goal_face, senses, shared, suite_of
from robotasks.commands.evaluate import held_out
from robotasks.commands.progress import follow
from robotasks.envs.sight import EYES
from robotasks.envs.vector import TaskVectorEnv
from robotasks.layout import unknown
from robotasks.tasks import find_task

TRAINING: Mapping[str, Any] = {"autoreset_mode": "SameStep", "stagger": True}
"""How worlds are made for an agent to train in."""


@dataclass(frozen=True)
class Options:
    """Options of `train`."""

    agent: Annotated[str, tyro.conf.Positional]
    """Name of the agent: ppo, mtppo and others that act (docs/agents); bc and demo imitate."""
    task: Annotated[str, tyro.conf.Positional]
    """Name of a task, or of a suite: then the agent trains on all its tasks at once."""
    demonstrations: str | None = None
    """Folder or Minari id of the dataset to imitate, as `robotasks record` made it."""
    steps: int = 2_000_000
    """Environment steps, all worlds together; of an imitator: demonstrated steps, repeatedly."""
    seed: int = 0
    """Seed of everything random."""
    out: Path | None = None
    """Folder of the run; runs/AGENT-TASK-sSEED if not given."""
    pretrained: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Folder of a run of the same agent to start from, for fine-tuning: its weights and statistics,
    but the spread of the actions begins anew. Observations have to be the same: those of the
    suite it was trained on are kept, with their horizon."""
    resume: bool = False
    """Go on from the folder's last checkpoint; without one, start fresh."""
    worlds: int | None = None
    """Worlds that are simulated together, 256 for most agents; an imitator trains without."""
    engine: Literal["cpu", "gpu"] = "cpu"
    """Physics: cpu, or gpu, on which ppo learns with thousands of worlds (docs/gpu.md)."""
    device: str | None = None
    """Device of the gpu engine: the first GPU, or cpu, which is slow and for tests."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores."""
    reward: Literal["dense", "sparse"] = "dense"
    """dense (stages) or sparse (success); her is always paid sparsely."""
    reveal: tuple[str, ...] | None = None
    """What observations tell: goal, dynamics, task, history; nothing makes a goal-blind twin. The
    goal, or what the suite tells, if not given. Demonstrations have to tell the same."""
    observe: Literal["state", "blind", "pixels"] = "state"
    """state, blind (proprioception), or pixels: proprioception and pictures, for ppo alone."""
    cameras: tuple[str, ...] = EYES
    """Cameras of the pictures: front, side, top, wrist."""
    pixels: int = 84
    """Width and height of a picture."""
    jitter: bool = False
    """Vary light, colours and cameras of the pictures from trial to trial."""
    episodes: int | None = None
    """Consecutive episodes on a row, over which a meta-learner adapts: those that its name stands
    for, else the suite's, else 1, if not given. Evaluations in between have as many."""
    tuned: bool = False
    """Train from the starts, for the horizon and with the options that have served this agent on
    this task; what is given besides goes before them."""
    start: tuple[str, ...] | None = None
    """Starts of the training episodes, between which the worlds take turns: the default, as for
    evaluations, if not given. Where a part is fetched first, `default held` shows what is next."""
    horizon: int | None = None
    """Control steps of a training episode, the task's own if not given; evaluations have those.
    Shorter ones show more often how a task begins: nothing that comes after its end is lost."""
    set: tuple[str, ...] = ()
    """Options of the agent, for instance --set gamma=0.98 hidden=256,256 (see its Config)."""
    rows: int = 100
    """Held-out rows of the evaluations in between, spread over the tasks; 0 for none."""
    demos: int = 1
    """Episodes of the expert that these show on each row, if the agent takes any."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Train, showing how success rises; Ctrl-C leaves a run that can be resumed."""
    name = f"{options.agent}-{options.task}-s{options.seed}".replace(":", "-")
    folder = options.out or Path("runs", name)
    training = prepare(options, folder)
    untouched = not (options.tuned or options.start or options.horizon or options.set)
    if untouched and TUNED.get(options.agent, {}).get(options.task, DEFAULTS) != DEFAULTS:
        note = f"{options.agent} has learned {options.task} with other options: --tuned takes them"
        print(note, file=sys.stderr)
    follow(training, folder, options.steps, options.json)
    summary = {"run": str(folder), "task": options.task, "agent": options.agent}
    print(json.dumps(summary) if options.json else f"run folder: {folder}")


def prepare(options: Options, folder: Path) -> Callable[[Callable[[Any], None]], Any]:
    """Check the options and find the source; the result trains, reporting after each update."""
    learner = VARIANTS.get(options.agent, Variant(options.agent))
    suite = find_suite(options.task) if is_suite(options.task) else None
    tuned = find_tuned(options.agent, options.task) if options.tuned else DEFAULTS
    if learner.agent in IMITATORS and (options.start or options.horizon is not None):
        raise ValueError(f"{options.agent} imitates, in no episodes: leave --start, --horizon out")
    options = replace(
        options,
        start=options.start or tuned.start,
        horizon=tuned.horizon if options.horizon is None else options.horizon,
        reveal=revealed(options, learner),
        worlds=learner.worlds if options.worlds is None else options.worlds,
        episodes=options.episodes or learner.episodes or (suite.episodes if suite else 1),
    )
    module = agent_module(learner.agent)
    config = agent_config(module.Config, (*learner.set, *tuned.set, *options.set))
    if options.steps < 1:
        raise ValueError(f"steps must be at least 1, not {options.steps}")
    if options.pretrained and learner.agent not in STARTING:
        raise ValueError(f"{learner.agent} starts from no run; {', '.join(sorted(STARTING))} do")
    if options.observe == "pixels" and learner.agent not in SEEING:
        learners = ", ".join(sorted(SEEING))
        raise ValueError(f"{options.agent} learns from numbers; from pixels do: {learners}")
    source, arguments = (shown if learner.agent in IMITATORS else worlds)(options)
    if options.pretrained:
        check_reads(str(options.pretrained), source.layout)
    run_ = Run(
        folder=folder,
        seed=options.seed,
        steps=options.steps,
        resume=options.resume,
        pretrained=options.pretrained,
        env=arguments,
    )
    score = evaluator(options) if options.rows else None
    return lambda report: module.train(source, config, run_, evaluate=score, on_progress=report)


def revealed(options: Options, learner: Variant) -> tuple[str, ...]:
    """Return what observations tell: what the user says, else what a run to start from was told,
    else what the agent's name says, else what the problem does.

    Raises KeyError if there is no such task or suite.
    """
    problem = find_suite(options.task) if is_suite(options.task) else find_task(options.task)
    usual = problem.reveal if isinstance(problem, Suite) else ("goal",)
    before = senses(str(options.pretrained))["reveal"] if options.pretrained else None
    given = (options.reveal, before, learner.reveal, usual)
    return tuple(next(told for told in given if told is not None))


def worlds(options: Options) -> tuple[TaskVectorEnv, dict[str, Any]]:
    """Return the worlds that an agent acts in, and what the run tells of them."""
    if options.demonstrations is not None:
        imitators = ", ".join(sorted(IMITATORS))
        raise ValueError(f"{options.agent} takes no demonstrations; imitators do: {imitators}")
    if options.engine == "gpu" and options.agent not in DEVICE_LEARNERS:
        learners = ", ".join(sorted(DEVICE_LEARNERS))
        raise ValueError(f"{options.agent} learns on the cpu engine; on the gpu do: {learners}")
    physics: dict[str, Any] = {
        "engine": options.engine,
        "device": options.device,
        "threads": options.threads,
    }
    where = {"engine": "gpu"} if options.engine == "gpu" else {}
    told: dict[str, Any] = {
        "reward": options.reward,
        "reveal": list(options.reveal or ()),
        "start": list(options.start or DEFAULTS.start),
        "episodes": options.episodes,
        **({"max_episode_steps": options.horizon} if options.horizon is not None else {}),
        **goal_face(options.agent),
        **sight(options),
    }
    if is_suite(options.task):  # which has observations of its own
        suite, sizes = find_suite(options.task), (options.seed, options.worlds or 0, TRAIN_ROWS)
        source, arguments = suite_worlds(suite, *sizes, **(told | physics))
        return source, arguments | told | where
    arguments = {"tasks": options.task, "num_envs": options.worlds, **told}
    layout = suite_of(options.pretrained) if options.pretrained else None
    made = {**shared(layout), **arguments, **TRAINING, **physics}
    return TaskVectorEnv(**made), arguments | where | ({"layout": layout} if layout else {})


def sight(options: Options) -> dict[str, Any]:
    """Return the arguments of worlds that say what is observed; none where it is the state.

    Raises ValueError if pictures shall vary where there are none.
    """
    if options.jitter and options.observe != "pixels":
        raise ValueError("--jitter varies pictures: add --observe pixels")
    if options.observe != "pixels":
        return {} if options.observe == "state" else {"observe": options.observe}
    seen = {"observe": "pixels", "cameras": list(options.cameras), "pixels": options.pixels}
    return seen | ({"jitter": True} if options.jitter else {})


def suite_worlds(
    suite: Suite, seed: int, num_envs: int, count: int, **env: Any
) -> tuple[TaskVectorEnv, dict[str, Any]]:
    """Return worlds on a suite's training rows, `count` a task, and what a run tells of them."""
    made: dict[str, Any] = {"seed": seed, "num_envs": num_envs, "count": count}
    worlds = suite.make("train", **made, **{**TRAINING, **env})
    return worlds, {"suite": suite.name, **made, "reveal": list(env["reveal"])}


def shown(options: Options) -> tuple[Any, dict[str, Any]]:
    """Return the demonstrations that an imitator learns from, and what the run tells of them."""
    from robotasks.benchmark.dataset import read

    if options.demonstrations is None:
        raise ValueError(
            f"{options.agent} imitates: name a dataset with --demonstrations; "
            f"`robotasks record {options.task}` makes one"
        )
    demonstrations = read(options.demonstrations)
    wanted = {"task": find_task(options.task).id, "reveal": options.reveal}
    for name, value in wanted.items():
        given = getattr(demonstrations, name)
        if given != value:
            raise ValueError(f"{options.demonstrations} has the {name} {given!r}, not {value!r}")
    return demonstrations, {
        "tasks": options.task,
        "reveal": list(options.reveal or ()),
        "demonstrations": demonstrations.dataset,
        "hash": demonstrations.hash,
    }


def agent_config(kind: type, settings: Sequence[str]) -> Any:
    """Return the agent's options with `settings`, NAME=VALUE each, checked against its fields."""
    arguments: list[str] = []
    for setting in settings:
        name, equals, value = setting.partition("=")
        known = [field.name for field in fields(kind)]
        if not equals or name not in known:
            raise ValueError(f"--set takes NAME=VALUE; {unknown('option', name, known)}")
        arguments += [f"--{name}", *value.split(",")]
    return tyro.cli(kind, args=arguments, prog="--set")


def evaluator(options: Options) -> Callable[[Any], dict[str, float]]:
    """Return the evaluation in between; its rows are not those that `evaluate` draws."""
    from robotasks.benchmark.agent import TakesDemos
    from robotasks.benchmark.evaluate import evaluate

    suite = find_suite(options.task) if is_suite(options.task) else None
    before = suite_of(options.pretrained) if options.pretrained else None
    layout = suite.name if suite else before
    each = max(1, options.rows // len(suite.train)) if suite else options.rows
    rows = held_out(options.task, each, seed=500_000 + options.seed)

    def score(adapter: Any) -> dict[str, float]:
        scores = evaluate(
            lambda env: adapter,
            rows,
            episodes=options.episodes or 1,
            worlds=options.rows,
            demos=options.demos if isinstance(adapter, TakesDemos) else 0,
            threads=options.threads,
            **{
                **shared(layout),
                "reveal": options.reveal,
                **goal_face(options.agent),
                **sight(options),
            },
        )
        parts = scores.by_task() if suite else {}
        by_task = {f"success.{task}": part.success for task, part in parts.items()}
        means = {"success": scores.success, "return": scores.mean_return}
        return {**means, **by_task, **scores.by_episode()}

    return score
