"""Lives without resets: what goes on, what a person does, and that all of it is counted."""

import copy
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

from robotasks import Distribution, TaskVectorEnv
from robotasks.envs.reset_free import ResetFreeEnv, ResetFreeVectorEnv
from robotasks.tasks import RESET_FREE, find_task
from robotasks.tasks.hockey.auto import RETRIEVE, SHOOT

from .playing import actions_for, arrays_in

WORLDS, SHORT = 3, 12
AUTO = find_task("hockey-auto")
PHASE, SPOT = AUTO.goals.layout.columns("phase"), AUTO.goals.layout.columns("spot")
IDS = [f"robotasks/{task.id}" for task in RESET_FREE.values()]


def lives(worlds=WORLDS, **arguments):
    given = {"max_episode_steps": SHORT, "threads": 1, **arguments}
    return ResetFreeVectorEnv("hockey-auto", worlds, **given)


def begun(*args, **arguments):
    env = lives(*args, **arguments)
    env.reset(seed=0)
    return env


def rows(env):
    return np.array([row for _, row in env.task_rows()])


def phases(env):
    return rows(env)[:, PHASE].ravel()


def counts(infos):
    return {
        kind: infos[f"interventions_{kind}"].tolist() for kind in ("initial", "requested", "forced")
    }


def wreck(env, world, to=np.nan, speed=0.0):
    """Put a puck somewhere, or nowhere at all, and let it slide at a speed along x."""
    (engine,) = env.engines
    state, joint = engine.state(), engine.model.joint("puck")
    column = 1 + joint.qposadr[0]
    state[world, column : column + 2] = to
    state[world, 1 + engine.model.nq + joint.dofadr[0]] = speed
    engine.batch.state[world] = state[world]


# What goes on


def test_a_periods_end_touches_nothing():
    """The same actions move the same things as in one endless episode."""
    env, endless = begun(), TaskVectorEnv(AUTO, WORLDS, threads=1, max_episode_steps=10**6)
    endless.reset(seed=0, options={"goal": {"phase": SHOOT}})
    ends = 0
    for action in actions_for(env, 4 * SHORT + 1):
        truncated = env.step(action)[3]
        endless.step(action)
        ends += truncated.all()
        for name, values in endless.readings().fields().items():
            if name not in AUTO.memory:
                assert np.array_equal(getattr(env.readings(), name), values), name
    assert ends == 4


def test_goals_go_round_and_the_puck_stays_the_same():
    env = begun()
    own = slice(AUTO.goals.layout.size, None)
    first, seen = rows(env), []
    assert (phases(env) == SHOOT).all()
    for action in actions_for(env, 4 * SHORT):
        before = rows(env)
        truncated = env.step(action)[3]
        if not truncated.any():
            assert np.array_equal(rows(env), before)
            continue
        assert np.array_equal(phases(env), 1 - before[:, PHASE].ravel())
        assert not np.array_equal(rows(env)[:, SPOT], before[:, SPOT])
        assert np.array_equal(rows(env)[:, own], first[:, own])
        seen.append(phases(env)[0])
    assert seen == [RETRIEVE, SHOOT, RETRIEVE, SHOOT]


def test_the_end_of_a_period_is_told_as_that_of_an_episode():
    env = begun()
    for step, action in enumerate(actions_for(env, 3 * SHORT), start=1):
        obs, _, terminated, truncated, infos = env.step(action)
        assert not terminated.any()
        assert truncated.all() == (step % SHORT == 0) and ("final_obs" in infos) == truncated.all()
        if truncated.all():
            where = env.layout.columns("goal_pos")
            same = np.delete(
                np.arange(obs.shape[1]), np.r_[where, env.layout.columns("goal_which")]
            )
            # The world is the same, what is wanted of it is not.
            assert np.array_equal(infos["final_obs"][:, same], obs[:, same])
            assert not np.array_equal(infos["final_obs"][:, where], obs[:, where])
            assert (infos["final_info"]["elapsed"] == SHORT).all()
            assert (infos["elapsed"] == 0).all()


def test_what_belongs_to_a_goal_begins_anew():
    env = begun(max_episode_steps=AUTO.horizon)
    for _ in range(AUTO.horizon):
        crossed = env.readings().crossed.copy()
        truncated, infos = env.step(env.expert_actions())[3:]
    assert truncated.all() and crossed.all() and infos["final_info"]["success"].all()
    assert not env.readings().crossed.any() and not infos["success"].any()


def test_a_shot_on_its_way_is_paid_more_than_a_puck_laid_down_before_the_line():
    env = begun()
    env.set_goal({"phase": SHOOT, "spot": (0.5, 0.0)})
    for world, (x, speed) in enumerate([(0.5, 0.0), (0.715, 0.0), (0.6, 0.8)]):
        wreck(env, world, to=(x, 0.0), speed=speed)
    far, near, coming = env.step(np.zeros((WORLDS, 5)))[1]
    assert far < near < 0.6 < 0.9 < coming < 1


def test_the_expert_lives_alone():
    env = begun(8, max_episode_steps=AUTO.horizon)
    for _ in range(4 * AUTO.horizon):
        env.step(env.expert_actions())
    life = env.life()
    assert life["periods"].tolist() == [16, 16]
    assert (life["achieved"] >= 15).all()
    assert life["interventions"].tolist() == [8, 0, 0]
    assert life["steps"].tolist() == [8 * 2 * AUTO.horizon] * 2


# What a person does


def test_a_request_puts_the_puck_back_and_is_counted():
    env = begun()
    for action in actions_for(env, SHORT + 3):
        env.step(action)
    still, before = np.array([True, False, True]), env.get_state()
    obs, infos = env.request_intervention(~still)
    after = env.get_state()
    assert counts(infos) == {"initial": [1, 1, 1], "requested": [0, 1, 0], "forced": [0, 0, 0]}
    assert np.array_equal(after["crew0.physics"][still], before["crew0.physics"][still])
    assert infos["elapsed"].tolist() == [3, 0, 3]
    assert phases(env).tolist() == [RETRIEVE, SHOOT, RETRIEVE]
    puck, span = env.readings().puck_pos[1, :2], AUTO.starts["default"]
    assert (np.abs(span.scaled(after["crew0.starts"])[1]) <= 1).all()
    assert np.allclose(puck, span.view(after["crew0.starts"]).puck_xy[1], atol=1e-9)
    assert np.array_equal(obs[still], before["last_obs"][still])


def test_a_reset_within_a_period_asks_for_a_person_and_one_with_a_seed_begins_a_life():
    env = begun()
    first = env.get_state()
    for action in actions_for(env, SHORT + 3):
        env.step(action)
    assert counts(env.reset()[1])["requested"] == [1, 1, 1]
    infos = env.reset(seed=0)[1]
    assert counts(infos) == {"initial": [1, 1, 1], "requested": [0, 0, 0], "forced": [0, 0, 0]}
    again = env.get_state()
    assert [name for name in first if not np.array_equal(first[name], again[name])] == []


def test_a_reset_at_the_end_goes_on():
    env = begun(autoreset_mode="Disabled")
    for action in actions_for(env, SHORT):
        truncated = env.step(action)[3]
    before = env.get_state()["crew0.physics"]
    infos = env.reset(options={"reset_mask": truncated})[1]
    assert truncated.all() and counts(infos)["requested"] == [0, 0, 0]
    assert np.array_equal(env.get_state()["crew0.physics"], before)
    assert (phases(env) == RETRIEVE).all()


def test_a_start_that_is_named_is_made_by_a_person():
    env = begun(autoreset_mode="Disabled")
    for action in actions_for(env, SHORT):
        env.step(action)
    infos = env.reset(options={"start": {"puck_xy": (0.5, 0.05)}})[1]
    assert counts(infos)["requested"] == [1, 1, 1]
    assert np.allclose(env.readings().puck_pos[:, :2], (0.5, 0.05), atol=1e-9)


def test_attended_lives_have_a_person_after_every_period():
    env = begun(attended=True)
    for action in actions_for(env, 3 * SHORT):
        infos = env.step(action)[-1]
        assert (phases(env) == SHOOT).all()
    assert counts(infos) == {"initial": [1, 1, 1], "requested": [3, 3, 3], "forced": [0, 0, 0]}
    assert env.life()["periods"].tolist() == [9, 0]


def test_a_robot_that_may_ask_does_so_after_failures_in_a_row():
    env = begun(asks_after=2)
    place = env.readings().puck_pos[0, :2].copy()
    succeeds = np.array([True, False, False])
    asked, missed = np.zeros(WORLDS, dtype=int), np.zeros(WORLDS, dtype=int)
    for period in range(6):
        # The first puck is laid on its circle or goes on lying where it was shot from, by turns.
        env.set_goal({"phase": RETRIEVE, "spot": (0.47, 0.1)})
        reached = succeeds & (period % 2 == 0)
        wreck(env, 0, to=(0.47, 0.1) if reached[0] else place)
        achieved = env.life()["achieved"].sum()
        for _ in range(SHORT):
            infos = env.step(np.zeros((WORLDS, 5)))[-1]
        assert env.life()["achieved"].sum() - achieved == reached.sum()
        missed = np.where(reached, 0, missed + 1)
        asked, missed = asked + (missed == 2), missed % 2
        assert counts(infos)["requested"] == asked.tolist(), period
    assert asked.tolist() == [0, 3, 3] and counts(infos)["forced"] == [0, 0, 0]


@pytest.mark.parametrize("patience", [1, 5, SHORT + 4])
def test_the_watchdog_sends_a_person_to_a_puck_that_is_stuck(patience):
    env = begun(patience=patience)
    env.step(np.zeros((WORLDS, 5)))
    wreck(env, 1, to=(0.5, 0.9))  # beyond the boards
    forced, ends = [], []
    for _ in range(patience + 2):
        *_, truncated, infos = env.step(np.zeros((WORLDS, 5)))
        forced.append(counts(infos)["forced"][1])
        ends.append(bool(truncated[1]))
    # Stuck so long, and in the next step its period ends.
    assert forced.index(1) == patience and forced[-1] == 1
    assert ends[patience]
    assert phases(env)[1] == SHOOT and abs(env.readings().puck_pos[1, 1]) < 0.2
    assert counts(infos)["forced"] == [0, 1, 0]


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_a_lost_world_gets_a_person(mode):
    env = begun(autoreset_mode=mode)
    env.step(np.zeros((WORLDS, 5)))
    wreck(env, 1)
    *_, truncated, infos = env.step(np.zeros((WORLDS, 5)))
    assert truncated.tolist() == [False, True, False]
    if mode == "Disabled":
        state = env.get_state()
        env = lives(autoreset_mode=mode)  # what happened is part of the state
        env.set_state(state)
        infos = env.reset(options={"reset_mask": truncated})[1]
    assert counts(infos)["forced"] == [0, 1, 0]
    assert not env.step(np.zeros((WORLDS, 5)))[3].any()


def test_on_the_long_rink_every_goal_costs_a_person():
    env = ResetFreeVectorEnv("hockey-auto-long", 8, threads=1, patience=10)
    env.reset(seed=0)
    for _ in range(AUTO.horizon):
        infos = env.step(env.expert_actions())[-1]
    sent = np.array(counts(infos)["forced"])
    assert sent.min() >= 1


# Goals that the agent chooses


def test_a_chosen_goal_keeps_the_world():
    env = begun()
    for action in actions_for(env, 5):
        env.step(action)
    before = env.get_state()["crew0.physics"]
    spots = np.array([(0.5, -0.1), (0.5, 0.0), (0.5, 0.1)])
    obs, infos = env.set_goal({"phase": SHOOT, "spot": spots})
    assert np.array_equal(env.get_state()["crew0.physics"], before)
    assert np.array_equal(rows(env)[:, SPOT], spots) and (phases(env) == SHOOT).all()
    assert (infos["elapsed"] == 0).all() and counts(infos)["requested"] == [0, 0, 0]
    env.set_goal({"spot": (0.55, 0.0)}, mask=np.array([True, False, False]))
    assert phases(env).tolist() == [RETRIEVE, SHOOT, SHOOT]  # the first one's turn
    assert np.array_equal(env.set_goal({"phase": SHOOT, "spot": spots})[0], obs)


# Everything else an environment owes


def test_state_is_exact():
    env = begun(asks_after=2, patience=5)
    actions = actions_for(env, 40)
    for action in actions[:17]:
        env.step(action)
    wreck(env, 2, to=(0.5, 0.9))
    env.step(actions[17])
    state, copied, pickled = env.get_state(), copy.deepcopy(env), pickle.loads(pickle.dumps(env))
    onward = [env.step(action) for action in actions[18:]]
    env.set_state(state)
    for other in (env, copied, pickled):
        for action, expected in zip(actions[18:], onward, strict=True):
            assert data_equivalence(other.step(action), expected, exact=True)
    assert env.life()["interventions"].tolist() == [3, 2, 1]


@pytest.mark.parametrize("stagger", [False, True])
def test_lives_do_not_depend_on_their_number(stagger):
    few, many = lives(2, stagger=False), lives(9, stagger=False, threads=2)
    assert np.array_equal(few.reset(seed=4)[0], many.reset(seed=4)[0][:2])
    for action in actions_for(many, 3 * SHORT):
        assert np.array_equal(few.step(action[:2])[0], many.step(action)[0][:2])


def test_the_batch_equals_single_lives_bit_for_bit():
    batch = begun(autoreset_mode="Disabled")
    singles = [ResetFreeEnv(max_episode_steps=SHORT) for _ in range(WORLDS)]
    for i, env in enumerate(singles):
        env.reset(seed=i)
    for action in actions_for(batch, 2 * SHORT + 3):
        obs, rewards, _, truncated, infos = batch.step(action)
        for i, env in enumerate(singles):
            seen, reward, _, ended, info = env.step(action[i])
            assert np.array_equal(seen, obs[i])
            assert (reward, ended) == (rewards[i], truncated[i])
            assert info["interventions_forced"] == infos["interventions_forced"][i]
        if truncated.any():
            obs = batch.reset(options={"reset_mask": truncated})[0]
            assert all(np.array_equal(env.reset()[0], obs[i]) for i, env in enumerate(singles))
    assert singles[0].request_intervention()[1]["interventions_requested"] == 1
    assert singles[0].set_goal({"phase": RETRIEVE})[1]["elapsed"] == 0


@pytest.mark.parametrize("id_", IDS)
def test_the_registered_ids_conform(id_):
    assert isinstance(gym.make_vec(id_, num_envs=2), ResetFreeVectorEnv)
    env = gym.make(id_).unwrapped
    assert isinstance(pickle.loads(pickle.dumps(env)), ResetFreeEnv)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)


def test_stable_baselines_learns_from_it():
    pytest.importorskip("stable_baselines3")
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env as check

    from robotasks.agents.parts.loop import torch_threads
    from robotasks.envs.sb3 import Sb3VecEnv

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(ResetFreeEnv())
    with torch_threads(1):
        model = PPO("MlpPolicy", Sb3VecEnv(lives()), n_steps=SHORT, batch_size=18, seed=0)
        model.learn(2 * SHORT * WORLDS)
    assert [record["l"] for record in model.ep_info_buffer] == [SHORT] * (2 * WORLDS)


def test_our_ppo_goes_on_with_the_same_life(tmp_path):
    """Killed or not: the checkpoint holds the life, its counts included."""
    pytest.importorskip("torch")
    from robotasks.agents import ppo
    from robotasks.agents.parts import checkpoint
    from robotasks.agents.parts.run import CHECKPOINT, Run

    # A target that falls would fall sooner in a shorter run.
    config = ppo.Config(rollout=8, hidden=(16,), epochs=1, minibatches=4, final_kl=1.0)
    for name, pieces in {"whole": (400,), "parts": (200, 400)}.items():
        for steps in pieces:
            run = Run(tmp_path / name, steps=steps, resume=True)
            ppo.train(lives(4, patience=5), config, run)
    whole, parts = (checkpoint.load(tmp_path / n / CHECKPOINT, "ppo") for n in ("whole", "parts"))
    assert "collector/env/interventions" in whole
    different = [key for key in whole if not np.array_equal(whole[key], parts[key])]
    assert different == ["wall_s"]


def test_what_is_returned_belongs_to_the_caller():
    env, spoilt = begun(), begun()
    for action in actions_for(env, SHORT + 2):
        returned = spoilt.step(action)
        assert data_equivalence(env.step(action), returned, exact=True)
        for array in arrays_in(*returned):
            if array.flags.writeable:
                array[...] = 1


def test_what_is_refused():
    def refused(match, kind=ValueError):
        return pytest.raises(kind, match=match)

    with refused("no step to spend on resets"):
        lives(autoreset_mode="NextStep")
    with refused("leave out episodes"):
        lives(episodes=2)
    with refused("patience must be at least 1, not 0"):
        lives(patience=0)
    with refused("asks_after must be at least 1 or None, not 0"):
        lives(asks_after=0)
    with refused("one task made for it, one start: reach"):
        ResetFreeVectorEnv("reach")
    with refused("one task made for it, one start: hockey-auto"):
        ResetFreeVectorEnv(Distribution.draw(["hockey-auto"], 3, seed=0))
    with refused("one task made for it, one start: hockey-auto"):
        lives(2, start=("default", "anywhere"))
    with refused("has not begun"):
        lives().request_intervention()

    env = begun()
    env.step(np.zeros((WORLDS, 5)))
    state = env.get_state()
    for use, match, kind in (
        (lambda: env.set_goal({"phase": 2}), "phase=2 lies outside", ValueError),
        (lambda: env.set_goal({"spto": (0.5, 0.0)}), "Did you mean spot", KeyError),
        (lambda: env.request_intervention(np.ones(2, dtype=bool)), "needs 3 booleans", ValueError),
        (lambda: env.request_intervention([1, 0, 0]), "booleans", ValueError),
        (lambda: env.step(np.full((WORLDS, 5), np.nan)), "finite", ValueError),
        (lambda: env.reset(options={"goal": {"phase": 7}}), "outside", ValueError),
    ):
        with refused(match, kind):
            use()
        after = env.get_state()
        assert [name for name in state if not np.array_equal(state[name], after[name])] == []
    env.close()
    for use in (env.request_intervention, lambda: env.set_goal({"phase": 0}), env.get_state):
        with refused("closed"):
            use()
