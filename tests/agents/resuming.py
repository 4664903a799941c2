"""What every agent promises of a run that was killed."""

import pytest

from robotasks.agents.parts import checkpoint


def assert_a_killed_run_ends_alike(train, folder, agent, killed_at):
    """Train to the end, and anew with a kill after `killed_at` steps: the same checkpoints.

    train: takes a run's name in `folder` and what is called after each update; it resumes.
    """

    def fail(progress):
        if progress.steps == killed_at:
            raise RuntimeError("killed")

    train("whole")
    with pytest.raises(RuntimeError, match="killed"):
        train("killed", fail)
    train("killed")
    states = [
        checkpoint.load(folder / name / "checkpoint/latest.safetensors", agent)
        for name in ("whole", "killed")
    ]
    assert states[0].keys() == states[1].keys()
    for name in states[0].keys() - {"wall_s"}:
        assert states[0][name].tobytes() == states[1][name].tobytes(), name
