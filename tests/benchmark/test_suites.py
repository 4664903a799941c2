import itertools
import pickle
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from robotasks import SUITES, TASKS, TaskVectorEnv, find_suite
from robotasks.benchmark import splits
from robotasks.benchmark.suites import FAMILIES, Suite, register_suites

# Small suites of several families.
MIXED = (
    Suite("MT3", ("reach", "push-to", "hockey-shoot"), (), ("goal", "task")),
    Suite("ML2", ("push-to", "hockey-shoot"), ("push-around", "hockey-bank"), ("history",), 3),
)
SINGLE = [f"{kind}:{task}" for kind in ("MT1", "ML1") for task in ("reach", *MIXED[1].names)]
EVERY = pytest.mark.parametrize(
    "suite",
    [*MIXED, *map(find_suite, SINGLE), *SUITES.values()],
    ids=lambda suite: suite.name,
)


@pytest.fixture
def mixed_ids(monkeypatch) -> Iterator[None]:
    """Register the small suites for the length of a test, as if the package had them."""
    before = dict(gym.registry)
    for suite in MIXED:
        monkeypatch.setitem(SUITES, suite.name, suite)
    register_suites()
    yield
    gym.registry.clear()
    gym.registry.update(before)


def splits_in(suite):
    having = [splits.splits_of(TASKS[name]) for name in suite.held_out or suite.train]
    return [split for split in splits.SPLITS if any(split in has for has in having)]


def ids_of(suite):
    return [id_ for id_, spec in gym.registry.items() if spec.kwargs.get("suite") == suite.name]


def rows_met(env, trials=3):
    """Yield the task and row of every world in several trials."""
    for trial in range(trials):
        env.reset(seed=trial)
        yield from env.task_rows()


@EVERY
@pytest.mark.usefixtures("mixed_ids")
def test_train_ids_give_training_rows_and_test_ids_held_out_ones(suite):
    name = suite.name.replace(":", "-")
    sides = [""] if suite.name.startswith("MT") else ["-train", "-test"]
    assert ids_of(suite) == [f"robotasks/{name}{side}-v{suite.version}" for side in sides]
    for id_, split in zip(ids_of(suite), ("train", "interp"), strict=False):
        names = suite.train if split == "train" else suite.held_out or suite.train
        env = gym.make_vec(id_, num_envs=2 * len(names), seed=5, threads=1)
        met = list(rows_met(env))
        assert [task.name for task, _ in met] == [*names] * 6
        assert {str(splits.which_split(task, row)) for task, row in met} == {split}
        tables = dict(zip(names, suite.rows(split, 5).rows, strict=True))
        assert all((tables[task.name] == row).all(axis=1).any() for task, row in met)
        env.close()


@EVERY
def test_all_environments_of_a_suite_have_one_face(suite):
    envs = [suite.make(split, num_envs=len(suite.names), threads=1) for split in splits_in(suite)]
    first = envs[0]
    for env in envs:
        assert env.single_observation_space == first.single_observation_space
        assert env.single_action_space == first.single_action_space
        assert env.layout == first.layout
        assert env.horizon == first.horizon == max(TASKS[name].horizon for name in suite.names)
        assert env.episodes == suite.episodes
        env.close()
    assert ("task" in first.layout) == ("task" in suite.reveal)
    assert ("last_reward" in first.layout) == ("history" in suite.reveal)
    assert ("goal_pos" in first.layout) <= ("goal" in suite.reveal)


def test_a_task_has_the_same_code_and_columns_wherever_it_is_played():
    mixed, _ = MIXED
    whole = mixed.make("train", num_envs=3, threads=1)
    some = mixed.make("dyn", num_envs=2, threads=1)  # reach has no dynamics, so no such rows
    assert [task.name for task in some.tasks] == ["push-to", "hockey-shoot"]
    seen, again = (env.layout.view(env.reset(seed=0)[0]) for env in (whole, some))
    assert np.array_equal(seen.task, np.eye(3))
    for name in ("task", "present"):
        assert np.array_equal(getattr(again, name), getattr(seen, name)[1:])


@pytest.mark.usefixtures("mixed_ids")
def test_worlds_of_a_suite_are_copied_exactly_and_specs_round_trip():
    env = gym.make_vec("robotasks/MT3-v1", num_envs=3, threads=1, split="extrap")
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (4, 3, 5))
    other = pickle.loads(pickle.dumps(env))
    again = gym.make_vec(EnvSpec.from_json(env.spec.to_json()))
    again.reset(seed=0)
    for action in actions:
        seen = env.step(action)[0]
        assert np.array_equal(other.step(action)[0], seen)
        assert np.array_equal(again.step(action)[0], seen)


def test_arguments_of_the_user_go_before_those_of_the_suite():
    suite = find_suite("ML1:push-to")
    sighted = suite.make(num_envs=2, threads=1, reveal=["goal"], episodes=2, max_episode_steps=9)
    assert "goal_pos" in sighted.layout
    assert (sighted.episodes, sighted.horizon) == (2, 9)
    assert len(suite.rows(count=7)) == 7
    assert len(suite.rows()) == 256 and len(suite.rows("dyn")) == 64


def test_a_split_that_no_task_has_is_refused():
    with pytest.raises(ValueError, match="hockey-shoot has no split 'shape'"):
        find_suite("ML1:hockey-shoot").rows("shape")
    assert [task.name for task in MIXED[0].rows("shape").tasks] == ["push-to"]


def test_the_fifty_tasks():
    named = [name for family in FAMILIES.values() for name in family]
    assert len(set(named)) == 50 and {len(family) for family in FAMILIES.values()} == {10}
    assert SUITES["MT50"].train == tuple(named)
    assert all(name.startswith(f"{family}-") for family in FAMILIES for name in FAMILIES[family])
    assert set(TASKS) - {"reach", "hockey-auto"} == set(named)


def test_suites_are_nested_and_balanced_and_hold_out_what_they_say():
    sizes = {name: (len(suite.train), len(suite.held_out)) for name, suite in SUITES.items()}
    assert sizes == {
        **{"MT5": (5, 0), "MT10": (10, 0), "MT25": (25, 0), "MT50": (50, 0)},
        **{"ML5": (5, 5), "ML10": (10, 5), "ML25": (25, 5), "ML45": (45, 5)},
        **{f"LOFO-{family}": (20, 5) for family in FAMILIES},
    }
    for kind, counts in (("MT", (5, 10, 25, 50)), ("ML", (5, 10, 25, 45))):
        trains = [set(SUITES[f"{kind}{count}"].train) for count in counts]
        assert all(small < large for small, large in itertools.pairwise(trains))
    for suite in SUITES.values():
        assert not set(suite.train) & set(suite.held_out)
    for left_out in FAMILIES:
        suite = SUITES[f"LOFO-{left_out}"]
        assert not set(suite.train) & set(FAMILIES[left_out])
        assert set(suite.held_out) < set(FAMILIES[left_out])
    assert len({SUITES[f"ML{count}"].held_out for count in (5, 10, 25, 45)}) == 1


def test_all_but_the_largest_suites_have_short_horizons():
    for suite in SUITES.values():
        if suite.name not in ("MT50", "ML45"):
            assert max(TASKS[name].horizon for name in suite.names) <= 300


def test_a_layout_without_a_task_that_is_played_is_refused():
    with pytest.raises(ValueError, match=r"layout_tasks lacks push-to-v1, which the env plays"):
        TaskVectorEnv("push-to", 1, threads=1, layout_tasks=["reach"])
    with pytest.raises(KeyError, match=r"unknown task 'raech'. Did you mean reach"):
        TaskVectorEnv("reach", 1, threads=1, layout_tasks=["raech"])


def test_unknown_suites_are_told_the_near_ones():
    with pytest.raises(KeyError, match=r"unknown suite 'MT11'. Did you mean"):
        find_suite("MT11")
    with pytest.raises(KeyError, match=r"unknown task 'raech'. Did you mean reach"):
        find_suite("ML1:raech")
