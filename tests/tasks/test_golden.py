"""Published results name a task's version: while it stays, so does what the task does."""

import json
from contextlib import contextmanager

import mujoco
import numpy as np
import pytest

from .golden import EVERY, FOLDER, KINDS, drawn, is_rate, judged, path_of, replayed

pytestmark = pytest.mark.parametrize("task", EVERY.values(), ids=list(EVERY))


@contextmanager
def unchanged(task):
    """Hand out the table of a task; say what to do about any difference from it."""
    path = path_of(task)
    assert path.exists(), f"{task.id} has no table: run `python -m tests.tasks.golden`"
    table = json.loads(path.read_text())
    try:
        yield table
    except Exception as error:
        raise AssertionError(
            f"behaviour of {task.name} changed: "
            f"raise {type(task).__name__}.version and run `python -m tests.tasks.golden` "
            f"(with MuJoCo {table['mujoco']} then, {mujoco.__version__} now)"
        ) from error


def test_rewards_success_and_observations_of_stored_readings(task):
    with unchanged(task) as table:
        for moment in table["moments"].values():
            now = judged(task, table, moment["readings"])
            assert now["success"] == moment["success"]
            assert now["reward"] == pytest.approx(moment["reward"], abs=1e-6)
            assert list(now["observation"]) == list(moment["observation"])
            for slot, values in moment["observation"].items():
                # Rounding here, and that of float32 on another processor.
                assert np.allclose(now["observation"][slot], values, rtol=0, atol=2e-6), slot


def test_stored_actions_lead_to_the_stored_readings(task):
    """Within what another processor or MuJoCo release may change; the same gives the same bits."""
    with unchanged(task) as table:
        course = replayed(task, table, len(table["actions"]))
        moments = {int(step): moment for step, moment in table["moments"].items()}
        for step in moments.keys() & range(len(course)):
            for name, values in moments[step]["readings"].items():
                bound = 0.05 if is_rate(name) else 1e-3  # per second; metres or radians
                assert np.allclose(course[step][name], values, rtol=0, atol=bound), (step, name)


def test_seeds_draw_the_stored_rows_and_starts(task):
    with unchanged(task) as table:
        assert task.horizon == table["horizon"]
        found = drawn(task, table["seeds"])
        for kind in KINDS:
            assert list(found[kind]) == list(table[kind])
            for name, values in table[kind].items():
                assert np.allclose(found[kind][name], values, rtol=0, atol=1e-6), name


def test_there_is_one_table_and_it_is_small(task):
    assert [path.name for path in FOLDER.glob(f"{task.name}-v*.json")] == [path_of(task).name]
    assert path_of(task).stat().st_size <= 32 * 1024
