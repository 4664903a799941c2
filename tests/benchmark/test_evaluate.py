import json

import numpy as np
import pytest

from robotasks.benchmark.agent import Expert, Forgetful, Random
from robotasks.benchmark.evaluate import Record, evaluate
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
    others = [record for record in whole.records if record.row != 2]
    assert others == [record for record in still.records if record.row != 2]


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


def test_every_record_is_one_line_of_json():
    scores = evaluate(Expert, ROWS, episodes=2)
    rows = [json.loads(line) for line in scores.json_lines().splitlines()]
    assert [Record(**row) for row in rows] == list(scores.records)


def test_several_tasks_are_refused():
    with pytest.raises(ValueError, match="one task at a time"):
        evaluate(Expert, Distribution.draw(["reach", "push-to"], 2, 0))
