import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.tasks.distribution import Distribution


def draw(seed=0, count=20):
    return Distribution.draw(["reach", "push-to"], count, seed)


@given(st.integers(0, 2**31), st.floats(0.1, 0.9))
def test_a_split_loses_and_repeats_nothing(seed, fraction):
    whole = draw(seed)
    first, second = whole.split(fraction)
    for table, a, b in zip(whole.rows, first.rows, second.rows, strict=True):
        assert np.array_equal(np.concatenate([a, b]), table)


def test_a_draw_follows_from_its_seed_and_each_task_has_its_own_stream():
    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    alone = Distribution.draw(["push-to"], 20, 3)
    assert np.array_equal(alone.rows[0], draw(3).rows[1])


def test_where_keeps_a_region():
    kept = Distribution.draw(["push-to"], 100, 0).where(lambda goal, dynamics: dynamics.mass < 0.3)
    view = kept.tasks[0].dynamics.view(kept.rows[0][:, 2:])
    assert 0 < len(kept) < 100
    assert (view.mass < 0.3).all()


def test_saving_is_exact(tmp_path):
    draw().save(tmp_path / "set.json")
    assert Distribution.load(tmp_path / "set.json").hash == draw().hash
    assert list(tmp_path.iterdir()) == [tmp_path / "set.json"]


def test_an_edited_file_and_another_version_are_refused(tmp_path):
    path = tmp_path / "set.json"
    draw().save(path)
    content = json.loads(path.read_text())
    content["tasks"]["reach-v1"]["rows"][0][0] += 1e-9
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="was changed"):
        Distribution.load(path)
    path.write_text(path.read_text().replace("reach-v1", "reach-v9"))
    with pytest.raises(ValueError, match="holds rows of reach-v9"):
        Distribution.load(path)


def test_tables_that_do_not_fit_are_refused():
    task = draw().tasks[0]
    with pytest.raises(ValueError, match="at least one row of 3 numbers"):
        Distribution((task,), (np.zeros((4, 2)),))
    with pytest.raises(ValueError, match="may occur once"):
        Distribution((task, task), (np.zeros((1, 3)), np.zeros((1, 3))))
