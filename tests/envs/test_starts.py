"""Worlds that begin in different ways: training-only starts beside the default one."""

import numpy as np
import pytest

from robotasks import TaskVectorEnv
from robotasks.tasks import TASKS, find_task
from robotasks.tasks.handling import squeezes

NEAR = [name for name in TASKS if "near" in find_task(name).starts]
CLOSE = np.array([[0, 0, 0, 0, -1]], dtype=np.float32)


def test_several_starts_take_turns_and_each_world_plays_as_in_an_env_of_one_start():
    name, starts = "shape-insert", ("default", "held")
    both = TaskVectorEnv(name, 5, start=starts, autoreset_mode="SameStep", max_episode_steps=4)
    mixed, _ = both.reset(seed=0)
    played = [TaskVectorEnv(name, 1, start=starts[i % 2], max_episode_steps=4) for i in range(5)]
    alone = [env.reset(seed=i)[0] for i, env in enumerate(played)]
    assert np.array_equal(mixed, np.concatenate(alone))
    actions = np.random.default_rng(0).uniform(-1, 1, (3, 5, 5)).astype(np.float32)
    for action in actions:
        mixed = both.step(action)[0]
        alone = [env.step(one[None])[0] for env, one in zip(played, action, strict=True)]
        assert np.array_equal(mixed, np.concatenate(alone))


def test_starts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="start needs the name of a start"):
        TaskVectorEnv("shape-insert", 2, start=())
    with pytest.raises(ValueError, match="no start 'hold'; there are: default, near, held"):
        TaskVectorEnv("shape-insert", 2, start=("default", "hold"))
    with pytest.raises(ValueError, match="at least 2, a world per task and start, not 1"):
        TaskVectorEnv("shape-insert", 1, start=("default", "held"))
    with pytest.raises(ValueError, match="needs one task and start"):
        TaskVectorEnv(
            "push-to", 2, start=("default", "default"), goal_conditioned=True, reward="sparse"
        )


@pytest.mark.parametrize("name", NEAR)
def test_who_starts_around_a_part_has_but_to_close_its_hand(name):
    env = TaskVectorEnv(name, 16, start="near", threads=1)
    env.reset(seed=0, options={"start": {"tcp_off": (0.004, -0.004, 0.0)}})
    assert not squeezes(env.readings()).any()
    for _ in range(10):
        env.step(np.repeat(CLOSE, 16, axis=0))
    assert squeezes(env.readings()).all()


def test_every_family_that_grasps_has_such_a_start():
    assert {find_task(name).family for name in NEAR} == {"shape", "lid", "plane"}
