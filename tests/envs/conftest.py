"""The two faces of an environment: flat observations, and dictionaries with goals."""

import gymnasium as gym
import pytest

from robotasks import TASKS

from .playing import GOALS


@pytest.fixture
def goal_face(id_):
    """The arguments that show the goals; skips the test where the task has none to show."""
    if not TASKS[gym.spec(id_).kwargs["tasks"]].goal_conditioned:
        pytest.skip("no goal-conditioned face")
    return GOALS


@pytest.fixture(params=["flat", "goals"])
def face(request):
    """The arguments of either face."""
    return request.getfixturevalue("goal_face") if request.param == "goals" else {}
