import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robotasks.agents.parts.norm import ReturnScale, RunningMeanStd, TaskMeanStd


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), cuts=st.lists(st.integers(1, 99), max_size=4, unique=True))
def test_statistics_of_pieces_are_those_of_the_whole(seed, cuts):
    rows = np.random.default_rng(seed).normal(3, 5, (100, 4))
    stats = RunningMeanStd((4,))
    for piece in np.split(rows, sorted(cuts)):
        stats.update(torch.from_numpy(piece))
    np.testing.assert_allclose(stats.mean, rows.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(stats.var, rows.var(axis=0), rtol=1e-9)


def test_normalised_rows_have_unit_spread_and_no_outliers():
    rows = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * 20 + 5
    stats = RunningMeanStd((3,))
    stats.update(rows.reshape(10, 100, 3))
    seen = stats(rows)
    assert seen.dtype == torch.float32
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std(0), 1, atol=1e-2)
    assert stats(torch.full((1, 3), 1e6)).max() == RunningMeanStd.LIMIT


def test_statistics_within_tasks_are_those_of_each_alone():
    draw = torch.Generator().manual_seed(0)
    rows, task = torch.randn(30, 10, 4, generator=draw), torch.arange(10) % 2
    rows[:, task == 1] = rows[:, task == 1] * 0.1 + 3
    rows[..., 2:] = torch.eye(3)[task][:, :2]  # a third task is never met
    told = torch.cat([rows, torch.zeros(30, 10, 1)], dim=-1)
    both = TaskMeanStd(5, slice(2, 5))
    for piece in told.split(11):
        both.update(piece)
    for k in range(2):
        alone = RunningMeanStd((5,))
        alone.update(told[:, task == k])
        seen = both(told)[:, task == k]
        assert torch.allclose(seen[..., :2], alone(told[:, task == k])[..., :2], atol=1e-5)
        assert torch.equal(seen[..., 2:], told[:, task == k][..., 2:])
    stranger = torch.tensor([[0.5, -0.5, 0.0, 0.0, 1.0]])
    assert torch.allclose(both(stranger), stranger, atol=0.01)


def test_a_constant_feature_stays_finite_and_small():
    stats = RunningMeanStd((1,))
    stats.update(torch.full((50, 1), 0.3))
    assert stats(torch.tensor([[0.301]])).abs().max() < 0.2


def test_frozen_statistics_stay_and_the_freeze_is_saved():
    stats = RunningMeanStd()
    stats.update(torch.arange(10.0))
    stats.freeze()
    other = RunningMeanStd()
    other.load_state_dict(stats.state_dict())
    other.update(torch.full((10,), 100.0))
    assert other.mean == 4.5


def test_return_scale_is_the_spread_of_discounted_returns():
    rng = np.random.default_rng(0)
    rewards, dones = rng.random((40, 3)).astype(np.float32), rng.random((40, 3)) < 0.2
    scale = ReturnScale(3, gamma=0.9)
    for piece in (slice(0, 15), slice(15, 40)):  # the running return survives between rollouts
        scale.update(torch.from_numpy(rewards[piece]), torch.from_numpy(dones[piece]))
    returns = []
    for n in range(3):
        running = 0.0
        for t in range(40):
            running = 0.9 * running + rewards[t, n]
            returns.append(running)
            running = 0.0 if dones[t, n] else running
    scaled = scale(torch.ones(1)).item()
    np.testing.assert_allclose(scaled, 1 / (np.std(returns) + RunningMeanStd.EPSILON), rtol=1e-5)
