from dataclasses import asdict, replace

import numpy as np
import pytest

from robotasks.benchmark import autonomy
from robotasks.benchmark.autonomy import Moment
from robotasks.envs.reset_free import ResetFreeVectorEnv

FIRST = Moment(
    steps=1000,
    success=0.5,
    mean_return=40.0,
    shots=6,
    goals=2,
    retrievals=4,
    retrieved=3,
    retrieving=400,
    paid=300.0,
    initial=2,
    requested=1,
    forced=0,
)
SECOND = replace(
    FIRST,
    steps=4000,
    success=0.8,
    mean_return=70.0,
    shots=20,
    goals=12,
    retrieving=1000,
    paid=2000.0,
    requested=2,
    forced=2,
)


def test_the_scores_of_a_course_by_hand():
    scores = autonomy.scores([FIRST, SECOND], best=80.0)
    # A quarter of the steps under a policy that is 40 short, three under one that is 10 short.
    assert scores["deployed_regret"] == pytest.approx((1000 * 40 + 3000 * 10) / 4000)
    assert scores["continuing_reward"] == 0.5
    assert scores["goals_per_intervention"] == 12 / 6
    assert scores["interventions_per_1000_shots"] == 200.0
    assert scores["shots_per_hour"] == pytest.approx(20 / (200 / 3600))  # 4000 steps of 50 ms
    assert scores["retrieving_share"] == 0.25
    assert scores["steps_to_solve"] == 4000
    assert (scores["steps"], scores["deployed_success"]) == (4000, 0.8)


def test_what_never_happened_is_none():
    scores = autonomy.scores([replace(FIRST, shots=0, goals=0)], best=80.0)
    assert scores["interventions_per_1000_shots"] is None
    assert scores["steps_to_solve"] is None
    with pytest.raises(ValueError, match="evaluated at least once"):
        autonomy.scores([], best=80.0)


def test_the_price_of_autonomy():
    quick = [replace(SECOND, steps=1000)]
    assert autonomy.price_of_autonomy([FIRST, SECOND], quick) == 4.0
    assert autonomy.price_of_autonomy([FIRST], quick) is None
    assert autonomy.price_of_autonomy(quick, [FIRST]) is None


def test_a_moment_is_read_from_a_row_as_it_is_logged():
    row = {f"eval_{name}": float(value) for name, value in asdict(SECOND).items()}
    row = {**row, "steps": row.pop("eval_steps"), "train_return": 3.0, "eval_retrieve_success": 0.1}
    read = autonomy.moment_of(row)
    assert read == SECOND
    assert type(read.forced) is int and type(read.paid) is float
    with pytest.raises(KeyError, match="eval_forced"):
        autonomy.moment_of({name: value for name, value in row.items() if name != "eval_forced"})


def test_the_life_so_far_is_what_the_worlds_count():
    env = ResetFreeVectorEnv("hockey-auto", 4, max_episode_steps=10, patience=5, threads=1)
    env.reset(seed=0)
    paid = np.sum([env.step(np.zeros((4, 5)))[1] for _ in range(45)])
    env.request_intervention()
    life = autonomy.life_so_far(env)
    # Two periods of each phase have ended, and the request ended a fifth, a shot.
    assert life == {
        "shots": 12,
        "goals": 0,
        "retrievals": 8,
        "retrieved": env.life()["achieved"][1],  # some pucks lay on their circle already
        "retrieving": 80,
        "paid": pytest.approx(paid),
        "initial": 4,
        "requested": 4,
        "forced": 0,
    }
