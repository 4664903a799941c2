"""What hockey tasks remember of a puck's course."""

import numpy as np
import pytest

from robotasks.layout import Layout
from robotasks.physics.objects import rink
from robotasks.tasks.hockey.dribble import CLOSE, GATES_X, LEASH, Dribble
from robotasks.tasks.hockey.one_timer import STOPPED, OneTimer

NOW = Layout({"tcp_pos": 3, "puck_pos": 3, "puck_vel": 3})
GATES_Y = (0.03, -0.05, 0.02)


def remembered(task, goal, course, speed=0.5, behind=0.044):
    """Take a puck along a course of points on the ice, the tool `behind` it; return the memory."""
    memory = task.memory.view(np.zeros((1, task.memory.size)))
    speeds, gaps = (np.broadcast_to(each, len(course)) for each in (speed, behind))
    for (x, y), pace, gap in zip(course, speeds, gaps, strict=True):
        now = NOW.view(np.array([[x - gap, y, 0, x, y, 0, pace, 0, 0]]))
        memory = task.memory.view(task.memory.pack(task.remember(memory, now, goal)))
    return memory


def through_gates(offsets=(0.0, 0.0, 0.0)):
    """Return a course straight from gate to gate, off their middles by the offsets."""
    gates = np.column_stack([GATES_X, np.add(GATES_Y, offsets)])
    points = np.array([(0.40, 0.0), *gates, gates[-1] + [0.01, 0.0]])
    x = np.arange(points[0, 0], points[-1, 0], 0.007)
    return np.column_stack([x, np.interp(x, *points.T)])


@pytest.mark.parametrize(
    ("offsets", "passed"),
    [
        ((0.0, 0.0, 0.0), 3),
        ((CLOSE - 0.005, 0.005 - CLOSE, CLOSE - 0.005), 3),
        ((CLOSE + 0.005, 0.0, 0.0), 0),
        ((0.0, -CLOSE - 0.005, 0.0), 1),
        ((0.0, 0.0, CLOSE + 0.005), 2),
    ],
)
def test_gates_count_in_order_and_within_their_posts(offsets, passed):
    task = Dribble()
    goal = task.goals.view(np.array([GATES_Y]))
    memory = remembered(task, goal, through_gates(offsets))
    assert memory.passed == passed
    assert task.success(memory, goal) == (passed == 3)


@pytest.mark.parametrize("when", [0, 20, -1])
@pytest.mark.parametrize("away", [-0.002, 0.002])
def test_a_puck_that_once_ran_away_from_the_blade_is_lost(when, away):
    task, course = Dribble(), through_gates()
    goal = task.goals.view(np.array([GATES_Y]))
    behind = np.full(len(course), 0.044)
    behind[when] = LEASH + away
    memory = remembered(task, goal, course, behind=behind)
    assert memory.lost == (away > 0)
    assert task.success(memory, goal) == (away < 0)


@pytest.mark.parametrize(
    ("slowest", "where", "counts"),
    [(STOPPED + 0.01, 3, True), (STOPPED - 0.01, 3, False), (0.0, -1, True)],
)
def test_a_puck_that_was_stopped_before_the_line_does_not_count(slowest, where, counts):
    task = OneTimer()
    goal = task.goals.view(np.array([[0.02]]))
    course = np.array([(x, 0.02) for x in np.linspace(0.5, rink.GOAL_LINE + 0.1, 20)])
    speed = np.full(20, 0.8)
    speed[where] = slowest
    memory = remembered(task, goal, course, speed)
    assert memory.crossed == 1
    assert task.success(memory, goal) == counts
