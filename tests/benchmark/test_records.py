import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from robotasks.benchmark.agent import Expert, Random
from robotasks.benchmark.evaluate import evaluate
from robotasks.benchmark.records import Record, Scores
from robotasks.tasks.distribution import Distribution


def record(row, episode, success=False, task="reach-v1"):
    return Record(task, row, episode, success, 7 if success else -1, 0.1 * row, False)


# Row 0 is solved from the second episode on, row 1 in the last.
GRID = [record(row, episode, episode > row) for row in range(2) for episode in range(3)]


def test_records_read_back_give_every_score_to_the_digit():
    rows = Distribution.draw(["reach"], 12, 0)
    for entrant in (Expert, lambda env: Random(0)):
        scores = evaluate(entrant, rows, episodes=2, threads=1)
        again = Scores.from_json_lines(scores.json_lines().splitlines())
        assert again == scores
        assert again.summary() == scores.summary()
        assert again.json_lines() == scores.json_lines()
        assert np.array_equal(again.curve(), scores.curve())


def test_the_adaptation_curve_counts_every_episode():
    scores = Scores(tuple(GRID))
    assert np.array_equal(scores.curve(), [0, 0.5, 1])
    assert scores.by_episode() == {
        "success.episode0": 0.0,
        "success.episode1": 0.5,
        "success.episode2": 1.0,
    }
    assert scores.success == 0.5


def test_tasks_are_scored_apart():
    scores = Scores((*GRID, *(record(0, k, True, "push-to-v1") for k in range(3))))
    assert {task: part.success for task, part in scores.by_task().items()} == {
        "reach-v1": 0.5,
        "push-to-v1": 1.0,
    }


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([*GRID, GRID[1]], r"row 0 of reach-v1 has episodes \[0, 1, 1, 2\]"),
        (GRID[:-1], r"row 1 of reach-v1 has episodes \[0, 1\]"),
        (GRID[1:], r"row 0 of reach-v1 has episodes \[1, 2\]"),
        ([*GRID, record(0, 0, task="push-to-v1")], "row 0 of push-to-v1"),
    ],
)
def test_a_grid_with_holes_or_doubles_is_refused(records, message):
    with pytest.raises(ValueError, match=message):
        Scores(tuple(records))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is no JSON"),
        ("[]", "line 2 is no record"),
        (json.dumps({**asdict(GRID[1]), "more": 1}), "line 2 is no record"),
        (json.dumps({**asdict(GRID[1]), "success": 1}), "line 2 is no record"),
    ],
)
def test_a_line_that_is_no_record_is_named(line, message):
    first = json.dumps(asdict(replace(GRID[0], success=True)))
    with pytest.raises(ValueError, match=message):
        Scores.from_json_lines([first, line])
