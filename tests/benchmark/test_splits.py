import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks import TASKS, Choice, Distribution, Span
from robotasks.benchmark.splits import SPLITS, departures, draw, splits_of, which_split
from robotasks.tasks.push.push_to import PushTo

EVERY = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@EVERY
@given(seed=st.integers(0, 2**40))
def test_sets_are_disjoint_within_and_across_seeds(task, seed):
    """Of 100 seeds: no row twice, nor in the training of the next; and each in its own region."""
    wanted = [*((split, seed) for split in splits_of(task)), ("train", seed + 1)]
    tables = [draw([task], split, 16, at).rows[0] for split, at in wanted]
    assert len(np.unique(np.concatenate(tables), axis=0)) == 16 * len(tables)
    for (split, _), table in zip(wanted, tables, strict=True):
        # A row has one region whatever the seed, so no other seed draws it for another split.
        assert (which_split(task, table) == split).all()


@EVERY
def test_a_row_belongs_to_one_split_at_most(task):
    rows = Distribution.draw([task], 4000, 0).rows[0]
    ways = sum(way.astype(int) for way in departures(task, rows).values())
    names = which_split(task, rows)
    assert np.array_equal(names == "", ways > 1)
    assert np.array_equal(names == "train", ways == 0)
    # A share so small that drawing takes long would be a mistake of the ranges.
    assert all((names == split).mean() > 0.03 for split in splits_of(task))


@EVERY
def test_training_stays_away_from_the_ends_of_dynamics_and_tests_go_there(task):
    span = task.dynamics
    ranges = ~span.whole & (span.high > span.low)
    if not ranges.any():
        assert "dyn" not in splits_of(task)
        return
    tenth = (span.high - span.low) / 10
    for split in splits_of(task):
        values = draw([task], split, 100, 0).rows[0][:, task.goals.layout.size :]
        beyond = (values < span.low + tenth) | (values > span.high - tenth)
        assert (beyond & ranges).any(axis=1).all() == (split == "dyn")
        assert (beyond & ranges).any() == (split == "dyn")


def goals(name, split):
    task = TASKS[name]
    return draw([task], split, 2000, 0).rows[0][:, : task.goals.layout.size]


def test_the_cells_of_a_line():
    # The spot lies in +-12 cm: the inner +-9.6 cm has five cells of 3.84 cm.
    train, interp, extrap = (goals("hockey-shoot", s)[:, 0] for s in ("train", "interp", "extrap"))
    edges = [-0.096, -0.0576, -0.0192, 0.0192, 0.0576, 0.096]
    assert np.histogram(train, edges)[0][1::2].sum() == 0
    assert np.histogram(interp, edges)[0][0::2].sum() == 0
    assert np.histogram(train, edges)[0].sum() == np.histogram(interp, edges)[0].sum() == 2000
    assert abs(extrap).min() > 0.096 and abs(extrap).max() <= 0.12
    assert abs(extrap).max() > 0.119 and min(train) < -0.095 and max(train) > 0.095


def test_the_cells_of_a_square_are_a_checkerboard():
    span = TASKS["push-to"].goals
    tenth = (span.high - span.low) / 10
    inner = np.linspace(span.low + tenth, span.high - tenth, 6).T
    black = np.add.outer(range(5), range(5)) % 2 == 0
    for split, cells in (("train", black), ("interp", ~black), ("dyn", black), ("shape", black)):
        counts = np.histogram2d(*goals("push-to", split).T, inner)[0]
        assert np.array_equal(counts > 0, cells)
        assert counts.sum() == 2000
    assert np.histogram2d(*goals("push-to", "extrap").T, inner)[0].sum() == 0


def test_the_last_shapes_are_held_out():
    shapes = {split: set(draw(["push-to"], split, 200, 0).rows[0][:, -1]) for split in SPLITS}
    assert shapes["shape"] == {2.0}
    assert all(shapes[split] == {0.0, 1.0} for split in SPLITS if split != "shape")


class Chooses(PushTo):
    """A task whose goal is a choice alone, with six shapes and two sizes to meet."""

    name = "chooses"
    goals = Span(which=Choice(2))
    dynamics = Span(mass=(0.1, 0.5), shape=Choice(6), size=Choice(2))


class Bare(PushTo):
    """A task of which nothing but a choice can be drawn."""

    name = "bare"
    goals = Span(which=Choice(3))
    dynamics = Span()


def test_a_goal_of_choices_is_told_apart_by_its_dynamics():
    task = Chooses()
    assert splits_of(task) == ("train", "interp", "dyn", "shape")
    train, interp = (draw([task], s, 500, 0).rows[0] for s in ("train", "interp"))
    assert set(train[:, 0]) == set(interp[:, 0]) == {0.0, 1.0}
    edges = np.linspace(0.14, 0.46, 6)
    assert np.histogram(train[:, 1], edges)[0][1::2].sum() == 0
    assert np.histogram(interp[:, 1], edges)[0][1::2].sum() == 500
    met = {tuple(row) for row in train[:, 2:]}
    assert met == {(shape, 0.0) for shape in range(4)}
    met = {tuple(row) for row in draw([task], "shape", 500, 0).rows[0][:, 2:]}
    assert met == {(shape, size) for shape in range(6) for size in range(2)} - {
        (shape, 0.0) for shape in range(4)
    }


def test_a_split_that_a_task_lacks_is_refused_with_the_reason():
    assert splits_of(TASKS["reach"]) == ("train", "interp", "extrap")
    assert splits_of(Bare()) == ("train",)
    assert set(draw([Bare()], "train", 50, 0).rows[0][:, 0]) == {0.0, 1.0, 2.0}
    for task, split, reason in (
        (TASKS["hockey-bank"], "shape", "its dynamics have no choice of shapes"),
        (TASKS["reach"], "dyn", "its dynamics have no field that is a range"),
        (Chooses(), "extrap", "its goal has no field that is a range"),
        (Bare(), "interp", "it has no field that is a range"),
    ):
        with pytest.raises(ValueError, match=f"no split '{split}': {reason}"):
            draw([task], split, 4, 0)
    with pytest.raises(ValueError, match=re.escape("unknown split 'tran'. Did you mean train")):
        draw(["reach"], "tran", 4, 0)
    with pytest.raises(ValueError, match="count must be at least 1"):
        draw(["reach"], "train", 0, 0)


def test_a_table_follows_from_task_split_and_seed_alone():
    both = draw(["push-to", "reach"], "train", 300, 5)
    assert np.array_equal(draw(["reach"], "train", 300, 5).rows[0], both.rows[1])
    # Fewer rows are the first of more: growing training sets are nested.
    assert np.array_equal(draw(["push-to"], "train", 4, 5).rows[0], both.rows[0][:4])
    assert draw(["reach"], "train", 4, 5) != draw(["reach"], "train", 4, 6)


def test_drawing_builds_no_scene(monkeypatch):
    def scene(self):
        raise AssertionError("a scene was built")

    monkeypatch.setattr(PushTo, "scene", scene)
    assert len(draw(["push-to"], "train", 8, 0)) == 8


def test_the_rows_are_those_of_this_version():
    """Whoever changes a rule of the splits changes every set: let it be on purpose."""
    hashes = {split: draw(["push-to"], split, 64, 0).hash for split in SPLITS}
    assert hashes == {
        "train": "6a428c1fadfeb3eb",
        "interp": "858daff013d95031",
        "extrap": "9e272eef4a49add0",
        "dyn": "b891e8a73b889124",
        "shape": "13337a90db40ee92",
    }
