import numpy as np
import pytest

from robotasks.benchmark.agent import Expert, Forgetful, Random, UnsupportedError
from robotasks.benchmark.evaluate import evaluate
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import Distribution

ROWS = Distribution.draw(["reach"], 12, 0)


class SolvesSome(Forgetful):
    """Follows the expert on chosen goals and stands still on the others."""

    def __init__(self, env, solved):
        self.env = env
        self.rows = {tuple(row) for row in ROWS.rows[0][list(solved)]}

    def act(self, obs, explore):
        actions = self.env.expert_actions()
        known = np.array([tuple(row) in self.rows for _, row in self.env.task_rows()])
        return np.where(known[:, None], actions, 0.0).astype(np.float32)


@pytest.mark.parametrize("worlds", [1, 5, 12, 100])
@pytest.mark.parametrize("threads", [1, 2])
def test_solving_k_of_n_rows_scores_k_of_n(worlds, threads):
    solved = (0, 3, 4, 9, 11)
    scores = evaluate(
        lambda env: SolvesSome(env, solved), ROWS, worlds=worlds, threads=threads, episodes=2
    )
    assert scores.success == 5 / 12
    assert len(scores.records) == 24
    assert {record.row for record in scores.records if record.success} == set(solved)


def test_the_result_does_not_depend_on_the_batch():
    whole = evaluate(Expert, ROWS, worlds=12, episodes=2)
    parts = evaluate(Expert, ROWS, worlds=5, episodes=2)
    assert whole == parts
    assert whole != evaluate(Expert, ROWS, worlds=12, episodes=2, seed=1)


def test_random_actions_do_not_depend_on_the_batch():
    whole = evaluate(lambda env: Random(3), ROWS, worlds=12)
    assert whole == evaluate(lambda env: Random(3), ROWS, worlds=5, threads=1)
    assert whole != evaluate(lambda env: Random(4), ROWS, worlds=12)


class Wrecks(Forgetful):
    """Stands still, and after ten steps wrecks the simulation of one world."""

    def __init__(self, env, world):
        self.env, self.world, self.step = env, world, 0

    def act(self, obs, explore):
        self.step += 1
        if self.step == 10:
            self.env.engines[0].batch.state[self.world, 1:10] = np.nan
        return np.zeros((len(obs), 5), dtype=np.float32)


def test_a_lost_world_fails_and_the_others_go_on():
    whole = evaluate(lambda env: Wrecks(env, 2), ROWS, threads=1, episodes=2)
    still = evaluate(lambda env: Wrecks(env, slice(0, 0)), ROWS, threads=1, episodes=2)
    lost = [record for record in whole.records if record.diverged]
    assert [(record.row, record.episode) for record in lost] == [(2, 0)]
    assert not lost[0].success and lost[0].first_success == -1
    # The lost row's next episode begins as if nothing had happened.
    others = [record for record in whole.records if (record.row, record.episode) != (2, 0)]
    assert others == [r for r in still.records if (r.row, r.episode) != (2, 0)]


class Notes(Forgetful):
    """Stands still and notes what it is told."""

    def __init__(self):
        self.specs, self.ends, self.rewards = [], 0, 0

    def begin_trial(self, n, spec):
        self.specs.append((n, spec))

    def act(self, obs, explore):
        assert obs.dtype == np.float32
        return np.zeros((len(obs), 5), dtype=np.float32)

    def observe(self, actions, rewards, obs, done):
        self.rewards += 1

    def end_episode(self, mask):
        assert mask.all()
        self.ends += 1


def test_the_entrant_is_told_what_the_protocol_says():
    notes = Notes()
    evaluate(lambda env: notes, ROWS, worlds=8, episodes=3, reward="sparse")
    assert [n for n, _ in notes.specs] == [8, 4]
    spec = notes.specs[0][1]
    assert (spec.action_size, spec.episodes, spec.horizon, spec.reward) == (5, 3, 50, "sparse")
    assert notes.ends == 2 * 2  # between the episodes of a trial, in each of two batches
    assert notes.rewards == 2 * 3 * 50


def test_every_cell_is_played_once():
    cells = [(r.row, r.episode) for r in evaluate(lambda env: Random(0), ROWS, episodes=3).records]
    assert cells == [(row, episode) for row in range(12) for episode in range(3)]


def test_the_summary_has_what_reports_print():
    summary = evaluate(Expert, ROWS).summary()
    assert summary["success"] == summary["success_ever"] == 1.0
    low, high = summary["interval"]
    assert 0.7 < low < 1.0 == high
    assert 0 < summary["mean_return"] < 50


@pytest.mark.parametrize("worlds", [1, 5, 64])
def test_several_tasks_are_played_at_once_with_the_scores_of_each_alone(worlds):
    rows = Distribution.draw(["reach", "push-to"], 4, 0)
    rows = Distribution(rows.tasks, (rows.rows[0], rows.rows[1][:3]))  # tables may differ
    options = {"max_episode_steps": 40, "episodes": 2, "threads": 1}
    together = evaluate(Expert, rows, worlds=worlds, **options)
    alone = [
        evaluate(Expert, Distribution((task,), (table,)), **options)
        for task, table in zip(rows.tasks, rows.rows, strict=True)
    ]
    assert together.records == alone[0].records + alone[1].records
    assert together.by_task() == {"reach-v1": alone[0], "push-to-v1": alone[1]}


def test_solving_k_of_n_rows_of_two_tasks_scores_k_of_n():
    rows = Distribution(
        (ROWS.tasks[0], *Distribution.draw(["push-to"], 1, 0).tasks),
        (ROWS.rows[0], Distribution.draw(["push-to"], 5, 0).rows[0]),
    )
    scores = evaluate(
        lambda env: SolvesSome(env, (1, 2, 11)), rows, worlds=6, threads=1, max_episode_steps=50
    )
    assert scores.success == 3 / 17
    assert [part.success for part in scores.by_task().values()] == [3 / 12, 0]


class Listens(Forgetful):
    """Follows the expert, and keeps what it is told of its rewards, by whatever channel."""

    def __init__(self, env, told):
        self.env, self.told = env, told

    def act(self, obs, explore):
        self.seen = obs[:, self.env.layout.slices["last_reward"]].copy()
        return self.env.expert_actions()

    def observe(self, actions, rewards, obs, done):
        column = self.env.layout.slices["last_reward"]
        assert np.array_equal(obs[:, column], rewards.astype(np.float32))
        self.told.append((self.seen, rewards.copy(), obs[:, column].copy()))
        rewards[:] = 9  # what an entrant does to its arrays is its own affair


def listen(**options):
    """What the expert is told on three rows of push-to, and its scores.

    What is told: the slot of the last reward before a step, the reward, the slot after it, each
    (steps, rows).
    """
    told = []
    scores = evaluate(
        lambda env: Listens(env, told),
        Distribution.draw(["push-to"], 3, 0),
        reveal=["history"],
        episodes=2,
        threads=1,
        **options,
    )
    return np.array(told).swapaxes(0, 1), scores


def paid(reward):
    """What the environment itself pays for the same actions."""
    rows = Distribution.draw(["push-to"], 3, 0)
    env = TaskVectorEnv(rows, 3, reward=reward, episodes=2, autoreset_mode="Disabled", threads=1)
    seeds = [int(np.random.SeedSequence([0, row]).generate_state(1)[0]) for row in range(3)]
    rewards = []
    for episode in range(2):
        options = {"rows": [0, 1, 2]} if episode == 0 else None
        env.reset(seed=None if episode else seeds, options=options)
        rewards += [env.step(env.expert_actions())[1] for _ in range(env.horizon)]
    return np.array(rewards)


def test_every_channel_tells_what_it_says_and_scores_do_not_depend_on_it():
    (_, dense, _), scores = listen()
    assert np.array_equal(dense, paid("dense"))
    assert scores.mean_return == pytest.approx(dense.sum() / 6)
    (_, sparse, _), same = listen(reward="sparse")
    assert np.array_equal(sparse, paid("sparse")) and 0 < sparse.mean() < 1
    assert same == scores
    told, same = listen(reward="none")
    assert not told.any()
    assert same == scores


def test_the_last_episode_can_be_masked():
    (before, rewards, after), _ = listen(mask_last=True)
    half = len(rewards) // 2
    assert np.array_equal(rewards[:half], paid("dense")[:half])
    assert not rewards[half:].any() and not after[half:].any()
    # At its first step the slot still holds the end of the episode before, which was told.
    assert np.array_equal(before[half], rewards[half - 1].astype(np.float32))
    assert not before[half + 1 :].any()


def test_goal_conditioned_worlds_pay_and_tell_the_sparse_reward():
    with pytest.raises(ValueError, match="pays no dense reward"):
        evaluate(Expert, ROWS, goal_conditioned=True)
    scores = evaluate(Expert, ROWS, goal_conditioned=True, reward="sparse", threads=1)
    assert scores.success == 1
    assert all(record.episode_return == int(record.episode_return) for record in scores.records)


class GoesWhereTheDemoEnded(Forgetful):
    """Takes the tool to where it stood at the end of a demonstration."""

    def __init__(self, env):
        self.columns, self.step = env.layout.slices["tcp_pos"], env.tasks[0].control.step

    def ingest_demos(self, demos):
        self.demos = demos

    def act(self, obs, explore):
        left = 0.25 * (self.demos.obs[:, 0, -1, self.columns] - obs[:, self.columns])
        return np.pad(np.clip(left / self.step, -1, 1), ((0, 0), (0, 2)))


def test_a_demonstration_is_worth_the_hidden_goal():
    made = []

    def entrant(env):
        made.append(GoesWhereTheDemoEnded(env))
        return made[-1]

    scores = evaluate(entrant, ROWS, demos=2, worlds=8, reveal=[], threads=1)
    assert scores.success == 1
    demos = made[0].demos
    assert demos.obs.shape[:3] == demos.actions.shape[:3] == (8, 2, 50)
    assert demos.success.all() and demos.success.shape == (8, 2)
    # Their starts are not those on which the entrant is scored, nor each other's.
    first = demos.obs[:, :, 0]
    assert not np.isclose(first[:, 0], first[:, 1]).all(axis=-1).any()


def test_who_takes_no_demonstrations_says_so():
    with pytest.raises(UnsupportedError, match="Random takes no demonstrations"):
        evaluate(lambda env: Random(0), ROWS, demos=1)


def test_an_unknown_channel_is_named():
    with pytest.raises(ValueError, match=r"unknown reward 'spares'\. Did you mean sparse"):
        evaluate(Expert, ROWS, reward="spares")


@pytest.mark.parametrize("observe", ["state", "pixels"])
def test_engines_score_the_same(observe):
    pytest.importorskip("mujoco_warp")
    rows, seen = Distribution.draw(["push-to"], 3, 0), {"observe": observe, "threads": 1}
    if observe == "pixels":
        seen |= {"cameras": ["front"], "pixels": 8, "reveal": ["goal", "history"]}
    cpu, gpu = (
        evaluate(Expert, rows, max_episode_steps=60, **seen, **engine)
        for engine in ({}, {"engine": "gpu", "device": "cpu"})
    )
    assert [record.success for record in cpu.records] == [r.success for r in gpu.records]
    assert gpu.mean_return == pytest.approx(cpu.mean_return, abs=0.5)
    assert cpu.success > 0
