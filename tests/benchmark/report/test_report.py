"""The report: its numbers are those of the records, and what does not fit together is refused."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from robotasks.benchmark.records import Scores
from robotasks.benchmark.report.blocks import Chart, Estimate, Table
from robotasks.benchmark.report.content import build
from robotasks.benchmark.report.writers import WRITERS
from robotasks.benchmark.results import find_cells, read_cell, unpack
from robotasks.benchmark.scores import gap_closed
from robotasks.benchmark.statistics import t_interval
from robotasks.benchmark.tiers import STAMP
from robotasks.commands import run_command

from .made_up import write_cell

CHANCES = {"expert": 0.97, "ppo": 0.2, "ppo-sighted": 0.8, "random": 0.02}


def page(folder, unfinished=()):
    return build([read_cell(cell) for cell in find_cells([folder])[0]], unfinished)


def block(made, title, section=0):
    (found,) = (b for b in made.sections[section].blocks if b.title == title)
    return found


@pytest.fixture
def meta(tmp_path):
    """Cells of a meta-learning suite: four agents, two seeds."""
    for agent, chance in CHANCES.items():
        for seed in range(2):
            steps = 0 if agent in ("expert", "random") else 4_000
            options = {"suite": "ML1:a", "tasks": ("a-v1",), "episodes": 10, "steps": steps}
            write_cell(tmp_path, agent, seed, chance=chance, **options)
    return tmp_path


def test_successes_are_those_of_the_records(tmp_path):
    for seed in range(3):
        write_cell(tmp_path, "ppo", seed, chance=0.2 + 0.3 * seed)
    table = block(page(tmp_path), "Success by split")
    assert table.columns == ("agent", "seeds", "train", "interp", "dyn", "contract")
    (row,) = table.rows
    for split, found in zip(table.columns[2:5], row[2:5], strict=True):
        files = [tmp_path / f"MT5/ppo-s{seed}/{split}.jsonl.gz" for seed in range(3)]
        won = [[record.success for record in unpack(file).records] for file in files]
        expected = t_interval(np.mean(won, axis=1))
        assert found.value == pytest.approx(float(expected.estimate))
        assert found.low == pytest.approx(max(0, float(expected.low)))
        assert found.high == pytest.approx(min(1, float(expected.high)))


def test_curves_and_gaps_are_those_of_the_records(meta):
    made = page(meta)
    curves = {
        agent: np.array(
            [unpack(meta / f"ML1-a/{agent}-s{s}/interp.jsonl.gz").curve() for s in range(2)]
        )
        for agent in CHANCES
    }
    chart = block(made, "Adaptation on interp")
    for agent, curve in curves.items():
        assert np.array_equal(chart.success[agent], curve)
    table = block(made, "Adaptation")
    gaps = {row[0]: row[table.columns.index("gap closed")] for row in table.rows}
    blind, oracle = curves["ppo"].mean(axis=1), curves["ppo-sighted"].mean(axis=1)
    for agent, curve in curves.items():
        expected = gap_closed(curve, blind, oracle)[:, -1].mean()
        assert gaps[agent].value == pytest.approx(expected)
    learning = block(made, "Learning")
    assert list(learning.x["ppo"]) == [1_000, 2_000, 3_000, 4_000]
    last = [unpack(meta / f"ML1-a/ppo-s{s}/curve/0000004000.jsonl.gz").success for s in range(2)]
    assert np.allclose(learning.success["ppo"][:, -1], last)
    assert "expert" not in learning.success


def test_tasks_are_told_apart_and_agents_compared(tmp_path):
    for agent, chance in CHANCES.items():
        for seed in range(3):
            write_cell(tmp_path, agent, seed, chance=chance)
    made = page(tmp_path)
    heat = block(made, "Success by task")
    assert heat.heat and [row[0] for row in heat.rows] == ["a-v1", "b-v1"]
    assert heat.columns[1:] == ("expert", "ppo-sighted", "ppo", "random")  # the best first
    parts = [unpack(tmp_path / f"MT5/ppo-s{s}/interp.jsonl.gz").by_task() for s in range(3)]
    expected = np.mean([part["b-v1"].success for part in parts])
    assert heat.rows[1][3].value == pytest.approx(expected)
    pairs = block(made, "Agents two by two")
    assert len(pairs.rows) == 6
    best = next(row for row in pairs.rows if row[:2] == ("expert", "random"))
    assert best[2].value > 0.8 and best[3] == 1 and best[4] < 0.05


def write_alone_and_together(folder, **alone):
    """Two tasks learned together, and each with half of the steps."""
    for seed in range(3):
        write_cell(folder, "ppo", seed, chance=0.9, steps=600_000)
        for task in "ab":
            options = {"suite": f"MT1:{task}", "tasks": (f"{task}-v1",), **alone}
            write_cell(folder, "ppo", seed, chance=0.3, **options)


def test_the_gain_is_over_the_same_steps_per_task(tmp_path):
    write_alone_and_together(tmp_path, steps=600_000)
    table = block(page(tmp_path), "Gain of ppo over learning each task alone", section=2)
    assert [row[0] for row in table.rows] == ["a-v1", "b-v1", "all tasks"]
    together = [unpack(tmp_path / f"MT5/ppo-s{s}/curve/0000600000.jsonl.gz") for s in range(3)]
    alone = [unpack(tmp_path / f"MT1-a/ppo-s{s}/curve/0000300000.jsonl.gz") for s in range(3)]
    a = np.array([scores.by_task()["a-v1"].success for scores in together])
    assert table.rows[0][1].value == pytest.approx(a.mean())
    assert table.rows[0][2].value == pytest.approx(np.mean([s.success for s in alone]))
    assert table.rows[0][3].value == pytest.approx((a - [s.success for s in alone]).mean())


def test_there_is_no_gain_where_nothing_was_evaluated_within_the_budget(tmp_path):
    write_alone_and_together(tmp_path, steps=2_400_000)
    assert "Gain" not in json.dumps([b.title for s in page(tmp_path).sections for b in s.blocks])


def test_the_gain_over_other_rows_is_refused(tmp_path):
    write_alone_and_together(tmp_path, rows_hash="beef")
    with pytest.raises(ValueError, match="rows of a-v1 f00d and beef"):
        page(tmp_path)


def test_who_broke_the_contract_is_told(tmp_path):
    write_cell(tmp_path, "ppo", 0)
    write_cell(tmp_path, "ppo", 1, breaches=("trial leak: at step 3 ...",))
    write_cell(tmp_path, "random", 0)
    write_cell(tmp_path, "expert", 0)
    rows = block(page(tmp_path), "Success by split").rows
    assert {row[0]: row[-1] for row in rows} == {
        "ppo": "broken: trial leak",
        "random": "kept",
        "expert": "reads the simulator",
    }


def test_the_gap_is_undefined_where_sight_is_worth_nothing(tmp_path):
    for agent in ("ppo", "ppo-sighted"):
        write_cell(tmp_path, agent, 0, chance=0.0, suite="ML1:a", tasks=("a-v1",), episodes=2)
    table = block(page(tmp_path), "Adaptation")
    assert [row[3] for row in table.rows] == [None, None]


def test_what_fewer_rewards_at_test_time_leave_is_told(tmp_path):
    write_cell(tmp_path, "ppo", 0, chance=1.0, suite="ML1:a", tasks=("a-v1",), episodes=2)
    (row,) = block(page(tmp_path), "Rewards at test time").rows
    cell = read_cell(tmp_path / "ML1-a" / "ppo-s0")
    assert [float(e.value) for e in row[1:]] == [
        1.0,
        cell.told["sparse"].curve()[-1],
        cell.told["masked"].curve()[-1],
    ]
    assert 0 < row[2].value < 1 and 0 < row[3].value < 1


def test_costs_commands_and_hashes_are_told(meta):
    made = page(meta, ["some/cell"])
    costs = block(made, "What it cost")
    assert costs.rows[0][1:] == (0, 0, 9_600, 123, 99)
    assert len(costs.rows) == 8
    assert len(block(made, "What makes it again").lines) == 4
    sets = block(made, "Sets of rows", section=-1)
    assert ("ML1:a", "train", "1", "t1") in sets.rows
    assert ("ML1:a", "interp", "all", "f00d") in sets.rows
    assert "some/cell" in made.about


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"versions": ("0.1.0", "4.0.1")}, r"cannot be compared: mujoco 4\.0\.0 and 4\.0\.1"),
        ({"rows_hash": "beef"}, "rows of a-v1 f00d and beef"),
        ({"tasks": ("a-v2", "b-v1")}, "only one has a-v1"),
        ({"quotable": False}, "tiers laptop and smoke"),
    ],
)
def test_results_that_do_not_fit_together_are_refused(tmp_path, changed, message):
    write_cell(tmp_path, "ppo", 0)
    write_cell(tmp_path, "random", 0, **changed)
    with pytest.raises(ValueError, match=message):
        page(tmp_path)


def test_a_cell_that_occurs_twice_is_refused(tmp_path):
    for folder in ("one", "two"):
        write_cell(tmp_path / folder, "ppo", 0)
    with pytest.raises(ValueError, match="MT5 ppo seed 0 occurs twice"):
        page(tmp_path)


def test_damaged_files_are_named(tmp_path):
    folder = write_cell(tmp_path, "ppo", 0)
    path = folder / "interp.jsonl.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"interp\.jsonl\.gz"):
        read_cell(folder)
    path.write_bytes((write_cell(tmp_path, "b", 0, tasks=("c-v1",)) / path.name).read_bytes())
    with pytest.raises(ValueError, match=r"records of \{'c-v1'\}"):
        read_cell(folder)
    path.write_bytes(whole)
    (folder / "result.json").write_text("{}")
    with pytest.raises(ValueError, match=r"result\.json: no result"):
        read_cell(folder)
    with pytest.raises(ValueError, match="no finished cell"):
        find_cells([tmp_path / "nowhere"])


class _Outline(HTMLParser):
    """Tags that are open, ids, and whatever a page would fetch."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.fetched = [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        links = [v for k, v in given.items() if k in ("src", "href", "xlink:href")]
        self.fetched += [link for link in links if not link.startswith("#")]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ("meta", "br"):
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_web_page_is_whole_and_needs_nothing_else(meta):
    text = WRITERS["html"](page(meta))
    outline = _Outline()
    outline.feed(text)
    assert outline.open == [] and outline.fetched == []
    assert len(outline.ids) == len(set(outline.ids)) > 10
    assert "<script" not in text and "url(http" not in text
    assert text.count("<svg") == 3  # two adaptation curves, one of learning
    assert text == WRITERS["html"](page(meta))


@pytest.mark.parametrize("quotable", [True, False])
def test_every_format_carries_the_smoke_stamp_and_the_same_numbers(tmp_path, capsys, quotable):
    for seed in range(2):
        write_cell(tmp_path / "cells", "ppo", seed, quotable=quotable)
    shown = str(block(page(tmp_path / "cells"), "Success by split").rows[0][3])
    written = {}
    for ending in WRITERS:
        path = tmp_path / f"report.{ending}"
        run_command("report", [str(tmp_path / "cells"), "--out", str(path)])
        written[ending] = path.read_text()
        assert (STAMP[1:] in written[ending]) is not quotable
    assert shown in written["md"]
    assert shown in re.sub("<[^>]*>", "", written["html"])
    (table,) = (
        b for b in json.loads(written["json"])["sections"][0]["blocks"] if "split" in b["title"]
    )
    assert str(Estimate(**table["rows"][0]["interp"])) == shown


def test_charts_become_tables_where_nothing_can_be_drawn():
    chart = Chart("t", "steps", {"a": [1, 2], "b": [2]}, {"a": np.eye(2), "b": np.ones((1, 1))})
    assert chart.table() == Table(
        "t",
        ("steps", "a", "b"),
        (("1", Estimate(0.5), None), ("2", Estimate(0.5), Estimate(1.0))),
    )


def test_numbers_are_printed_with_their_intervals():
    assert str(Estimate.over_seeds(np.array([0.5]))) == "50.0 %"
    assert str(Estimate.over_seeds(np.array([0.0, 0.0, 0.0]))) == "0.0 % (0.0 to 0.0)"
    assert str(Estimate.over_seeds(np.array([0.4, 0.5, 0.6]))) == "50.0 % (25.2 to 74.8)"
    assert str(Estimate(-1e-9, share=False)) == "0.00"
    assert Estimate.over_seeds(np.array([0.5, np.nan])) is None


def test_a_file_of_another_kind_is_refused(tmp_path, capsys):
    write_cell(tmp_path, "ppo", 0)
    with pytest.raises(SystemExit):
        run_command("report", [str(tmp_path), "--out", str(tmp_path / "page.htm")])
    assert "unknown ending 'htm'. Did you mean html?" in capsys.readouterr().err


def test_the_records_of_a_cell_are_a_whole_grid(tmp_path):
    found = read_cell(write_cell(tmp_path, "ppo", 0))
    assert all(isinstance(scores, Scores) for scores in found.splits.values())
    assert [*found.curve] == [75_000, 150_000, 225_000, 300_000]
