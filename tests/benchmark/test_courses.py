"""Courses: who learns what alone, and from where."""

from dataclasses import replace

import numpy as np
import pytest

from robotasks.benchmark.courses import BASE, course_name, courses
from robotasks.benchmark.suites import find_suite
from robotasks.benchmark.tiers import SMOKE

TIER = replace(SMOKE, courses=3, curve_rows=11, train_rows=4)


@pytest.mark.parametrize(("agent", "after"), [("scratch", ""), ("finetune", BASE)])
def test_test_rows_are_learned_one_by_one(agent, after):
    suite = find_suite("ML1:reach")
    taken = courses(agent, suite, TIER, seed=5, test_seed=0)
    table = suite.rows("interp", 0, 3).rows[0]
    assert [course.name for course in taken] == ["reach-0", "reach-1", "reach-2"]
    for course, row in zip(taken, table, strict=True):
        assert course.after == after
        (learned,), (tested,) = course.rows.rows, course.test.rows
        # Eleven episodes at least, ten on a trial.
        assert np.array_equal(learned, row[None]) and np.array_equal(tested, [row, row])


def test_transfer_is_from_every_task_to_every_other():
    suite = find_suite("MT5")
    taken = courses("transfer", suite, TIER, seed=5, test_seed=0)
    assert len(taken) == 5 + 5 * 4
    begun = set()
    for course in taken:
        (task,) = course.rows.tasks
        assert course.name == course_name(course.after, task.name)
        assert course.after in begun or not course.after
        begun.add(course.name)
        assert np.array_equal(
            course.rows.rows[0], suite.rows("train", 5, 4).only(task.name).rows[0]
        )
        assert np.array_equal(
            course.test.rows[0], suite.rows("interp", 0, 11).only(task.name).rows[0]
        )


@pytest.mark.parametrize(
    ("agent", "suite", "message"),
    [
        ("scratch", "MT1:reach", "scratch learns rows whose goal is hidden"),
        ("finetune", "MT5", "finetune learns rows whose goal is hidden"),
        ("transfer", "MT1:reach", "transfer is from task to task"),
        ("transfer", "ML5", "transfer is from task to task"),
    ],
)
def test_where_they_say_nothing_they_are_refused(agent, suite, message):
    with pytest.raises(ValueError, match=message):
        courses(agent, find_suite(suite), TIER, 0, 0)
