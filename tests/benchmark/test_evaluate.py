import numpy as np
import pytest

from robotasks.benchmark.agent import Expert, Forgetful, Random
from robotasks.benchmark.evaluate import evaluate
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


def test_every_cell_is_played_once():
    cells = [(r.row, r.episode) for r in evaluate(lambda env: Random(0), ROWS, episodes=3).records]
    assert cells == [(row, episode) for row in range(12) for episode in range(3)]


def test_the_summary_has_what_reports_print():
    summary = evaluate(Expert, ROWS).summary()
    assert summary["success"] == summary["success_ever"] == 1.0
    low, high = summary["interval"]
    assert 0.7 < low < 1.0 == high
    assert 0 < summary["mean_return"] < 50


def test_several_tasks_are_refused():
    with pytest.raises(ValueError, match="one task at a time"):
        evaluate(Expert, Distribution.draw(["reach", "push-to"], 2, 0))
