import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robotasks.agents.parts.nets import DiagonalGaussian
from robotasks.agents.parts.ppo_loss import adapted_rate, policy_terms, value_loss

ROWS = 64


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), clip=st.floats(0.05, 0.5))
def test_policy_terms_are_equation_7_row_by_row(seed, clip):
    rng = np.random.default_rng(seed)
    new, old, advantages = rng.normal(size=(3, ROWS)) * 0.3
    surrogate, kl, outside = [], [], []
    for row in range(ROWS):
        ratio = math.exp(new[row] - old[row])
        clipped = min(max(ratio, 1 - clip), 1 + clip)
        surrogate.append(min(ratio * advantages[row], clipped * advantages[row]))
        kl.append(ratio - 1 - math.log(ratio))
        outside.append(abs(ratio - 1) > clip)
    terms = policy_terms(*map(torch.from_numpy, (new, old, advantages)), clip)
    expected = (-np.mean(surrogate), np.mean(kl), np.mean(outside))
    np.testing.assert_allclose([t.item() for t in terms], expected, rtol=1e-6, atol=1e-12)


def test_no_gradient_beyond_the_clip_where_it_would_help():
    old = torch.zeros(4)
    new = torch.tensor([0.5, 0.5, -0.5, -0.5], requires_grad=True)  # ratios 1.65 and 0.61
    policy_terms(new, old, torch.tensor([1.0, -1.0, 1.0, -1.0]), clip=0.2).loss.backward()
    np.testing.assert_array_equal(new.grad != 0, [False, True, True, False])


def test_kl_estimates_the_divergence_of_gaussians():
    generator = torch.Generator().manual_seed(0)
    noise = DiagonalGaussian(2, 0.7)
    old_mean, new_mean = torch.zeros(200_000, 2), torch.full((200_000, 2), 0.1)
    with torch.no_grad():
        actions, old = noise.sample(old_mean, generator)
        kl = policy_terms(noise.log_prob(new_mean, actions), old, old, clip=0.2).kl
    assert kl.item() == pytest.approx(2 * 0.1**2 / (2 * 0.7**2), rel=0.02)


def test_the_gaussian_is_torchs():
    noise = DiagonalGaussian(3, 0.7)
    mean, actions = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    torchs = torch.distributions.Normal(mean, noise.log_std.exp())
    torch.testing.assert_close(noise.log_prob(mean, actions), torchs.log_prob(actions).sum(-1))
    torch.testing.assert_close(noise.entropy(), torchs.entropy()[0].sum())


def test_value_loss_with_and_without_clip():
    values, returns, old = torch.tensor([1.0, 1.0]), torch.tensor([0.0, 3.0]), torch.zeros(2)
    assert value_loss(values, returns, old) == 0.5 * (1 + 4) / 2
    # Clipped to 0.2: errors 0.2 and 2.8; the larger counts, here 1 and 2.8.
    assert value_loss(values, returns, old, clip=0.2).item() == pytest.approx(0.5 * (1 + 7.84) / 2)


@pytest.mark.parametrize(
    ("rate", "kl", "expected"),
    [
        (1e-3, 0.021, 1e-3 / 1.5),
        (1e-3, 0.019, 1e-3),
        (1e-3, 0.004, 1.5e-3),
        (1e-3, 0.0, 1e-3),
        (1e-5, 1.0, 1e-5),
        (1e-2, 0.001, 1e-2),
    ],
)
def test_learning_rate_follows_the_divergence(rate, kl, expected):
    assert adapted_rate(rate, kl, target=0.01) == pytest.approx(expected)


def test_actions_spread_less_and_less_and_never_more():
    noise = DiagonalGaussian(2, 0.5)
    for left, limit in ((1.0, 0.5), (0.5, 0.2), (0.0, 0.08)):
        noise.narrow(0.5, 0.08, left)
        torch.testing.assert_close(noise.log_std.exp(), torch.full((2,), limit))
    noise.narrow(0.5, 0.08, 1.0)
    noise.narrow(0.5, None, 0.0)
    torch.testing.assert_close(noise.log_std.exp(), torch.full((2,), 0.08))
