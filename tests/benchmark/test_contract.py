import numpy as np
import pytest

from robotasks.benchmark.agent import Expert, Forgetful, Random
from robotasks.benchmark.contract import examine
from robotasks.envs.vector import TaskVectorEnv
from robotasks.physics.robots.placing import arm_at
from robotasks.tasks import TASKS
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.reach import Reach

ROWS = Distribution.draw(["reach"], 4, 0)
SHORT = {"reveal": ["history"], "max_episode_steps": 8, "threads": 1}


def broken(entrant, rows=ROWS, **options):
    """The rules that an entrant breaks."""
    return {breach.rule for breach in examine(entrant, rows, **{**SHORT, **options})}


def still(obs):
    return np.zeros((len(obs), 5), dtype=np.float32)


class Learns(Forgetful):
    """An honest learner: moves by all that it saw and was paid in this trial, world by world."""

    def begin_trial(self, n, spec):
        self.known = np.zeros(n)

    def act(self, obs, explore):
        self.known += obs.sum(axis=1)
        return np.tanh(self.known[:, None] * np.linspace(-1, 1, 5))

    def observe(self, actions, rewards, obs, done):
        self.known += rewards

    def end_episode(self, mask):
        self.known[mask] *= 0.5


@pytest.mark.parametrize("explore", [False, True])
@pytest.mark.parametrize("entrant", [lambda env: Random(0), lambda env: Learns()])
def test_the_honest_pass(entrant, explore):
    assert examine(entrant, ROWS, explore=explore, **SHORT) == ()
    rows = Distribution.draw(["reach", "push-to"], 2, 0)
    assert examine(entrant, rows, explore=explore, **SHORT) == ()


class NeverForgets(Learns):
    """Keeps what it knows when a new trial begins."""

    def begin_trial(self, n, spec):
        self.known = getattr(self, "known", np.zeros(n))


def test_a_trial_that_leaks_into_the_next_is_caught():
    assert broken(lambda env: NeverForgets()) == {"trial leak"}


def test_an_entrant_that_outlives_its_environment_leaks_too():
    shared = NeverForgets()
    assert "trial leak" in broken(lambda env: shared)


class Pools(Learns):
    """Learns from all worlds for each of them."""

    def act(self, obs, explore):
        self.known += self.known.mean()
        return super().act(obs, explore)


def test_worlds_that_learn_from_each_other_are_caught():
    assert broken(lambda env: Pools()) == {"world leak"}


class Whims(Forgetful):
    """Draws from a generator that nobody seeded."""

    def act(self, obs, explore):
        return np.random.default_rng().uniform(-1, 1, (len(obs), 5))


def test_chance_without_a_seed_is_caught():
    assert "determinism" in broken(lambda env: Whims())


class Spies(Forgetful):
    """Acts by a number that it reads off the environment behind the evaluation's back."""

    def __init__(self, env, read):
        self.env, self.read = env, read

    def act(self, obs, explore):
        return still(obs) + np.tanh(self.read(self.env))[:, None]


PEEKS = [
    pytest.param(lambda env: env._record.last_reward, id="reward"),
    pytest.param(lambda env: env._record.streak, id="success"),
    pytest.param(lambda env: env._crews[0].judge(True)[0], id="judge"),
]


@pytest.mark.parametrize("read", PEEKS)
def test_who_reads_a_masked_reward_is_caught(read):
    assert "masked reward" in broken(lambda env: Spies(env, read))


def test_who_reads_the_hidden_goal_is_caught():
    assert broken(lambda env: Spies(env, lambda env: env._crews[0].rows[:, 0])) == {"hidden goal"}
    assert broken(Expert) == {"hidden goal"}


def test_what_is_told_is_not_hidden():
    assert broken(Expert, reveal=["goal"]) == set()
    assert broken(Expert, goal_conditioned=True, reveal=[]) == set()


class Rehearses(Forgetful):
    """Tries an action on the environment itself, and puts it back."""

    def __init__(self, env):
        self.env = env

    def act(self, obs, explore):
        before = self.env.get_state()
        self.env.step(still(obs))
        self.env.set_state(before)
        return still(obs)


class Imagines(Forgetful):
    """Tries an action on a copy of the environment."""

    def __init__(self, env):
        self.copy = TaskVectorEnv(ROWS, 4, threads=1)
        self.copy.reset(seed=0)

    def act(self, obs, explore):
        self.copy.step(still(obs))
        return still(obs)


@pytest.mark.parametrize("cheat", [Rehearses, Imagines])
def test_steps_beyond_the_budget_are_caught(cheat):
    (breach,) = examine(cheat, ROWS, **SHORT)
    assert breach.rule == "step budget"
    assert breach.seen == "128 control steps were simulated in a trial of 64"


class Teleports(Forgetful):
    """Moves the arm by writing to the simulator's state."""

    def __init__(self, env):
        self.env = env

    def act(self, obs, explore):
        state = self.env.get_state()
        state["crew0.physics"][:, 1] += 0.01
        self.env.set_state(state)
        return still(obs)


def test_who_touches_the_worlds_is_caught():
    assert broken(Teleports) == {"hands off"}


def test_a_breach_says_what_was_seen():
    (breach,) = examine(Expert, ROWS, **SHORT)
    assert str(breach).startswith("hidden goal: at step 0 in world 0 the action was [")
    assert "with that goal another one [" in str(breach)


def test_the_examined_package_is_left_as_it_was():
    engine = type(TaskVectorEnv(ROWS, 1, threads=1).engines[0])
    before = engine.step
    examine(Expert, ROWS, **SHORT)
    assert engine.step is before


def test_what_cannot_be_examined_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows of each task, not 1"):
        examine(Expert, Distribution.draw(["reach"], 1, 0), **SHORT)


class Betrays(Reach):
    """Starts a little nearer to its goal, so that the start tells it."""

    def place(self, start, goal, dynamics):
        zero = 0 * start.tcp_pos[..., 0]
        return arm_at(0.9 * start.tcp_pos + 0.1 * goal.point, zero, zero)


def test_a_task_that_betrays_its_goal_proves_nothing_and_is_refused():
    with pytest.raises(ValueError, match="every first observation betrays its goal"):
        examine(Expert, Distribution((Betrays(),), ROWS.rows), **SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS.values(), ids=repr)
def test_the_honest_pass_and_the_sighted_do_not_in_every_task(task):
    rows = Distribution.draw([task], 4, 0)
    assert broken(lambda env: Learns(), rows) == set()
    assert "hidden goal" in broken(Expert, rows, max_episode_steps=60)
