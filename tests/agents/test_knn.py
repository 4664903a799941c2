from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.agents.knn import Nearest
from robotasks.benchmark.agent import Demos, TrialSpec, UnsupportedError
from robotasks.benchmark.evaluate import evaluate
from robotasks.tasks.distribution import Distribution

SPEC = TrialSpec(observation_size=3, action_size=2, episodes=1, horizon=4)
WORLDS, SHOWN, STEPS = 3, 2, 20


def shown(seed, worlds=WORLDS):
    """Demonstrations of another affine policy in each world, and those policies' weights."""
    rng = np.random.default_rng(seed)
    obs = rng.uniform(-1, 1, (worlds, SHOWN, STEPS, 3)).astype(np.float32)
    weights = rng.uniform(-0.2, 0.2, (worlds, 3, 2))
    biases = rng.uniform(-0.2, 0.2, (worlds, 2))
    actions = np.einsum("ndso,noa->ndsa", obs, weights) + biases[:, None, None]
    demos = Demos(obs, actions.astype(np.float32), np.ones((worlds, SHOWN), bool))
    return demos, weights, biases


def adapter(demos, **options):
    made = Nearest(**options)
    made.begin_trial(len(demos.obs), SPEC)
    made.ingest_demos(demos)
    return made


@given(st.integers(0, 2**32 - 1))
def test_each_world_goes_on_with_the_line_it_was_shown_and_beyond(seed):
    demos, weights, biases = shown(seed)
    obs = np.random.default_rng([seed, 1]).uniform(-1.3, 1.3, (WORLDS, 3)).astype(np.float32)
    expected = np.einsum("no,noa->na", obs, weights) + biases
    actions = adapter(demos, ridge=1e-9).act(obs, explore=False)
    assert actions.dtype == np.float32
    np.testing.assert_allclose(actions, expected, atol=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_one_neighbour_is_copied(seed):
    demos, _, _ = shown(seed)
    actions = adapter(demos, k=1).act(demos.obs[:, 1, 7], explore=False)
    np.testing.assert_allclose(actions, demos.actions[:, 1, 7], atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 2 * SHOWN * STEPS))
def test_a_dear_slope_leaves_a_mean_of_the_neighbours(seed, k):
    demos, _, _ = shown(seed)
    obs = np.full((WORLDS, 3), 50.0, np.float32)  # far off: a line would leave the actions' range
    actions = adapter(demos, k=k, ridge=1e12).act(obs, explore=False)
    assert (actions <= demos.actions.max(axis=(1, 2)) + 1e-6).all()
    assert (actions >= demos.actions.min(axis=(1, 2)) - 1e-6).all()


def test_worlds_do_not_see_each_others_demonstrations():
    demos, _, _ = shown(0)
    obs = demos.obs[:, 0, 0] + 0.1
    together = adapter(demos).act(obs, explore=False)
    for i in range(WORLDS):
        own = Demos(demos.obs[i : i + 1], demos.actions[i : i + 1], demos.success[i : i + 1])
        np.testing.assert_array_equal(adapter(own).act(obs[i : i + 1], False)[0], together[i])


def test_failures_are_imitated_only_where_nothing_succeeded():
    demos, _, _ = shown(0)
    wrong = demos.actions.copy()
    wrong[:, 1] = -wrong[:, 1]
    success = np.array([[True, False], [True, True], [False, False]])
    obs = demos.obs[:, 0, 0] + 0.1
    mixed = adapter(replace(demos, actions=wrong, success=success)).act(obs, explore=False)
    told = adapter(replace(demos, actions=wrong)).act(obs, explore=False)
    first = Demos(demos.obs[:, :1], demos.actions[:, :1], demos.success[:, :1])
    np.testing.assert_array_equal(mixed[0], adapter(first).act(obs, explore=False)[0])
    np.testing.assert_array_equal(mixed[1:], told[1:])


def test_a_new_trial_forgets_and_nothing_shown_is_refused():
    made = adapter(shown(0)[0])
    made.begin_trial(WORLDS, SPEC)
    with pytest.raises(UnsupportedError, match="was shown nothing: give it demonstrations"):
        made.act(np.zeros((WORLDS, 3), np.float32), explore=False)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"ridge": 0.0}, {"ridge": float("nan")}])
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be positive"):
        Nearest(**wrong)


def test_demonstrations_tell_a_hidden_goal():
    rows = Distribution.draw(["reach"], 8, 0)
    env = {"reveal": [], "threads": 1}
    scores = evaluate(lambda env: Nearest(), rows, demos=5, **env)
    assert scores == evaluate(lambda env: Nearest(), rows, demos=5, worlds=3, **env)
    still = evaluate(lambda env: Nearest(k=1), rows, demos=5, **env)
    assert scores.mean_return > 1.5 * still.mean_return
