"""A world that cannot be simulated any more ends its episode and disturbs no other."""

import gymnasium as gym
import mujoco.batch
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from robotasks import TASKS, Distribution, TaskVectorEnv
from robotasks.physics.engine import Placement, StateRows

from .playing import IDS, MODES, actions_for, arrays_in, play, single

WORLDS, LOST = 4, 2
OTHERS = np.arange(WORLDS) != LOST
BROKEN = {
    "nan": Placement(joints={"joint2": np.array([np.nan])}),
    "infinite": Placement(joints={"joint2": np.array([np.inf])}),
    "far too fast": Placement(velocities={"joint2": np.array([1e12])}),
}
pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes what went wrong into the working directory


def wreck(env, how="nan", crew=0, world=LOST):
    """Put one world into a state that cannot be simulated; all else stays as it is."""
    state = env.get_state()
    state[f"crew{crew}.physics"][world] = StateRows(env.engines[crew].model).rows(BROKEN[how], 1)
    env.set_state(state)


def rows(which, *returned):
    """Return what some worlds got: their rows of every array."""
    return [array[which] for array in arrays_in(*returned)]


def same(a, b):
    return len(a) == len(b) and all(map(np.array_equal, a, b))


def begun(id_, mode, face, copies, steps=5):
    """Make equal environments and play their first steps; return them and the last observation."""
    worlds = {"num_envs": WORLDS, "autoreset_mode": mode, "threads": 1, **face}
    envs = [gym.make_vec(id_, **worlds) for _ in range(copies)]
    for env in envs:
        *_, (obs, *_) = play(env, actions_for(env, steps))
    return *envs, obs


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", BROKEN)
def test_a_lost_world_is_cut_off_and_no_other_notices(id_, mode, how, face):
    env, whole, last = begun(id_, mode, face, copies=2)
    wreck(env, how)
    action = actions_for(env, 1, seed=1)[0]
    obs, rewards, terminated, truncated, infos = env.step(action)
    *expected, whole_infos = whole.step(action)
    ended, final = infos.get("final_info", infos), infos.get("final_obs", obs)
    assert truncated.tolist() == ended["diverged"].tolist() == (~OTHERS).tolist()
    assert not terminated.any() and not ended["success"].any()
    assert rewards[LOST] == 0
    good, last = (seen["observation"] if face else seen for seen in (final, last))
    assert np.array_equal(good[LOST], last[LOST])
    assert same(rows(OTHERS, obs, rewards, terminated, truncated), rows(OTHERS, *expected))
    told = {name: infos[name] for name in whole_infos}
    assert same(rows(OTHERS, told), rows(OTHERS, whole_infos))


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("mode", MODES)
def test_a_lost_world_goes_on_with_the_episode_that_was_to_follow(id_, mode, face):
    env, whole, other, _ = begun(id_, mode, face, copies=3)
    wreck(env)
    action, *actions = actions_for(env, 12, seed=1)
    obs, _, _, truncated, _ = env.step(action)
    whole.step(action)
    fresh, _ = other.reset()
    if mode is AutoresetMode.DISABLED:
        with pytest.raises(gym.error.ResetNeeded, match=f"world {LOST} is at its end"):
            env.step(action)
        obs, _ = env.reset(options={"reset_mask": truncated})
    elif mode is AutoresetMode.NEXT_STEP:
        obs, rewards, _, truncated, infos = env.step(action)
        whole.step(action)
        assert rewards[LOST] == 0
        assert not truncated.any() and not infos["diverged"].any()
    assert same(rows(LOST, obs), rows(LOST, fresh))
    for action in actions:
        returned, expected, anew = (worlds.step(action)[:4] for worlds in (env, whole, other))
        assert same(rows(OTHERS, *returned), rows(OTHERS, *expected))
        assert same(rows(LOST, *returned), rows(LOST, *anew))


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("mode", MODES)
def test_the_last_achieved_goal_is_a_good_one_too(id_, mode, goal_face):
    env, last = begun(id_, mode, goal_face, copies=1)
    wreck(env)
    obs, *_, infos = env.step(actions_for(env, 1)[0])
    final = infos.get("final_obs", obs)
    for name in ("achieved_goal", "desired_goal"):
        assert np.array_equal(final[name][LOST], last[name][LOST])


@pytest.mark.parametrize("id_", IDS)
def test_a_single_world_is_truncated(id_):
    env = single(id_)
    env.reset(seed=0)
    last, *_ = env.step(np.zeros(5))
    wreck(env.worlds, world=0)
    obs, reward, terminated, truncated, info = env.step(np.zeros(5))
    assert (reward, terminated, truncated, info["diverged"]) == (0.0, False, True, True)
    assert np.array_equal(obs, last)
    env.reset()
    assert not env.step(np.zeros(5))[3]


def test_any_crew_may_lose_a_world():
    crews = len(TASKS)
    rows = Distribution.draw(TASKS, 3, seed=0)
    for crew in range(crews):
        env = TaskVectorEnv(rows, 2 * crews, autoreset_mode="SameStep", threads=1)
        env.reset(seed=0)
        wreck(env, crew=crew, world=1)
        *_, truncated, infos = env.step(np.zeros((2 * crews, 5)))
        assert np.flatnonzero(truncated).tolist() == [crews + crew]
        assert np.array_equal(infos["final_info"]["diverged"], truncated)


def test_a_simulation_that_raises_is_lost_too():
    class Raises:
        """A batch one of whose worlds MuJoCo gave up: its state is the one before the call."""

        def __init__(self, batch):
            self.batch = batch

        def __getattr__(self, name):
            return getattr(self.batch, name)

        def step(self, **arguments):
            before = self.batch.state[LOST].copy()
            self.batch.step(**arguments)
            self.batch.state[LOST] = before
            raise mujoco.batch.SimulationError(np.array([LOST]), "the stack is full")

    env, whole = (TaskVectorEnv("reach", WORLDS, threads=1) for _ in range(2))
    for worlds in (env, whole):
        worlds.reset(seed=0)
    (engine,) = env.engines
    engine.batch = Raises(engine.batch)
    action = actions_for(env, 1)[0]
    returned, expected = env.step(action), whole.step(action)
    assert np.array_equal(returned[3], ~OTHERS)
    assert same(rows(OTHERS, *returned[:4]), rows(OTHERS, *expected[:4]))


def test_a_lost_world_leaves_no_file_behind(tmp_path):
    env = TaskVectorEnv("reach", WORLDS, threads=1)
    env.reset(seed=0)
    wreck(env)
    assert env.step(np.zeros((WORLDS, 5)))[3].any()
    assert list(tmp_path.iterdir()) == []
