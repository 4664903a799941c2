import math

import numpy as np
import pytest

from robotasks.benchmark.scores import (
    Bounded,
    adaptation,
    area,
    area_ratio,
    crossing,
    gain,
    gap_closed,
    median_steps,
    regret,
    speed_up,
    steps_to,
    success_at,
    transfer_matrix,
)

BUDGETS = np.array([0, 100, 200, 400])
SLOW = np.array([0.0, 0.0, 0.5, 0.9])
FAST = np.array([0.0, 0.5, 0.8, 0.9])
NEVER = np.zeros(4)


def test_gain_is_multi_minus_single_with_negative_transfer_beyond_the_interval():
    single = np.array([[0.5, 0.8], [0.5, 0.8], [0.5, 0.8]])
    multi = single + np.array([[0.1, -0.1], [0.2, -0.2], [0.3, -0.3]])
    result = gain(multi, single)
    assert result.per_task.estimate == pytest.approx([0.2, -0.2])
    # s = 0.1, 3 seeds: 4.303 x 0.1 / sqrt(3) is more than 0.2, so nothing is negative for sure
    assert result.per_task.high[1] == pytest.approx(-0.2 + 4.30265 * 0.1 / math.sqrt(3), abs=1e-6)
    assert result.negative == 0
    assert np.ravel(result.overall) == pytest.approx([0, 0, 0])
    lost = np.array([[0.0, 0.10], [0.01, 0.11], [-0.01, 0.12]])
    assert gain(single - lost, single).negative == 0.5


def test_gain_needs_the_same_seeds_and_tasks():
    with pytest.raises(ValueError, match="the same seeds and tasks"):
        gain(np.zeros((5, 3)), np.zeros((4, 3)))


def test_area_is_the_mean_height():
    assert area(SLOW, BUDGETS) == pytest.approx((0 + 25 + 140) / 400)
    assert area(np.full((2, 4), 0.7), BUDGETS) == pytest.approx([0.7, 0.7])
    assert area_ratio(FAST, SLOW, BUDGETS) == pytest.approx((25 + 65 + 170) / 165)
    assert np.isnan(area_ratio(FAST, NEVER, BUDGETS))


def test_success_within_a_budget_is_the_last_that_was_evaluated():
    curves = np.stack([SLOW, FAST])
    assert np.array_equal(success_at(curves, BUDGETS, 399), [0.5, 0.8])
    assert np.array_equal(success_at(curves, BUDGETS, 400), [0.9, 0.9])
    with pytest.raises(ValueError, match="nothing was evaluated within"):
        success_at(curves, BUDGETS + 10, 5)


def test_steps_to_a_level_are_censored_at_the_budget():
    times, censored = steps_to(0.5, np.stack([SLOW, FAST, NEVER]), BUDGETS)
    assert np.array_equal(times, [200, 100, 400])
    assert np.array_equal(censored, [False, False, True])


def test_unsolved_tasks_stay_in_the_median():
    assert median_steps(0.5, np.stack([FAST, SLOW, NEVER]), BUDGETS) == Bounded(200)
    assert median_steps(0.5, np.stack([FAST, NEVER, NEVER]), BUDGETS) == Bounded(400, ">=")


def test_speed_up_says_what_censoring_leaves():
    assert speed_up(0.5, FAST, SLOW, BUDGETS) == Bounded(2)
    assert speed_up(0.5, FAST, NEVER, BUDGETS) == Bounded(4, ">=")
    assert speed_up(0.5, NEVER, SLOW, BUDGETS) == Bounded(0.5, "<=")
    assert speed_up(0.5, NEVER, NEVER, BUDGETS) is None
    assert speed_up(0.0, FAST, SLOW, BUDGETS) is None  # both had it before the first step
    ready = np.full(4, 0.6)  # pre-trained
    assert speed_up(0.5, ready, SLOW, BUDGETS) == Bounded(math.inf)


def test_bounds_are_printed_as_such():
    assert [str(Bounded(4, relation)) for relation in ("=", ">=", "<=")] == ["4", ">= 4", "<= 4"]


def test_transfer_compares_each_pair_with_learning_from_scratch():
    tuned = np.stack([np.stack([FAST, SLOW]), np.stack([SLOW, FAST])])  # source, target
    matrix = transfer_matrix(tuned, np.stack([SLOW, NEVER]), BUDGETS)
    assert matrix[:, 0] == pytest.approx([260 / 165 - 1, 0])
    assert np.isnan(matrix[:, 1]).all()
    assert transfer_matrix(tuned[None], np.stack([SLOW, SLOW])[None], BUDGETS).shape == (1, 2, 2)


def test_gap_closed_is_zero_for_the_blind_and_one_for_the_oracle():
    curve = np.array([[0.2, 0.5, 0.8], [0.2, 0.5, 0.8]])
    closed = gap_closed(curve, np.array([0.2, 0.75]), np.array([0.8, 0.84]))
    assert closed[0] == pytest.approx([0, 0.5, 1])
    assert np.isnan(closed[1]).all()  # sight is worth 9 points there: uninformative


def test_regret_adds_up():
    assert regret(np.array([0.2, 0.5, 0.8]), np.array(0.8)) == pytest.approx([0.6, 0.9, 0.9])


def trial(last, scratch, horizon=50, meta_steps=1500.0):
    """A trial of two episodes of adaptation, 100 steps, and the one that is scored."""
    curve = np.array([0.0, last / 2, last])
    return adaptation(curve, scratch, BUDGETS, horizon=horizon, meta_steps=meta_steps)


def test_speed_up_and_break_even_at_equal_success():
    result = trial(0.9, SLOW)
    assert result.speed_up == Bounded(4)
    assert result.break_even == Bounded(5)  # 1500 / (400 - 100)
    assert str(result) == "0.9 at 4 times the speed, pays after 5 tasks"


def test_a_scratch_learner_that_never_gets_there_bounds_both():
    result = trial(0.95, SLOW)
    assert result.speed_up == Bounded(4, ">=")
    assert result.break_even == Bounded(5, "<=")
    assert str(result) == "0.95 at >= 4 times the speed, pays after <= 5 tasks"


def test_meta_training_may_never_pay():
    result = trial(0.5, FAST)
    assert result.speed_up == Bounded(1)
    assert result.break_even is None
    assert "never" in str(result)


def test_who_gets_nowhere_has_no_speed():
    result = trial(0.19, SLOW)
    assert (result.speed_up, result.break_even) == (None, None)
    assert str(result) == "no adaptation"


def test_scratch_curves_that_prove_nothing_are_refused():
    with pytest.raises(ValueError, match="ends at 400 steps, but a trial adapts for 400"):
        trial(0.9, SLOW, horizon=200)
    with pytest.raises(ValueError, match="at least two"):
        adaptation(np.array([0.9]), SLOW, BUDGETS, horizon=50, meta_steps=1)


def test_the_memorisation_curve_crosses_the_pooled_policy():
    counts = np.array([1, 4, 16, 64])
    pooled = np.full(4, 0.3)
    assert crossing(counts, np.array([0.1, 0.3, 0.4, 0.8]), pooled) == Bounded(16)
    assert crossing(counts, np.array([0.1, 0.2, 0.2, 0.3]), pooled) == Bounded(64, ">=")


@pytest.mark.parametrize(
    ("curve", "budgets", "message"),
    [
        (SLOW, BUDGETS[:3], "as many budgets"),
        (SLOW, BUDGETS[::-1], "must rise"),
        (SLOW[:1], BUDGETS[:1], "at least 2"),
    ],
)
def test_curves_and_budgets_have_to_fit(curve, budgets, message):
    with pytest.raises(ValueError, match=message):
        area(curve, budgets)
