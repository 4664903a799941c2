import os

import numpy as np
import pytest
import safetensors.numpy

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.run import RunError

STATE = {
    "policy/weights": np.arange(12, dtype=np.float32).reshape(3, 4).T,  # not contiguous
    "adam/rate": np.array(1e-3),
    "random": np.arange(5, dtype=np.uint8),
    "env/keys": np.array([2**63 + 1], dtype=np.uint64),
    "env/over": np.array([True, False]),
    "env/nothing": np.zeros((0, 3)),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint" / "latest.safetensors"
    checkpoint.save(path, STATE, "ppo")
    return path


def test_a_state_comes_back_bit_for_bit(path):
    loaded = checkpoint.load(path, "ppo")
    assert loaded.keys() == STATE.keys()
    for name, value in STATE.items():
        assert loaded[name].dtype == value.dtype
        np.testing.assert_array_equal(loaded[name], value, strict=True)
    assert checkpoint.section(loaded, "env").keys() == {"keys", "over", "nothing"}


def flip_a_bit(data):
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: data[:-20], "damaged"),
        (lambda data: data[:5], "damaged"),
        (lambda data: b"", "damaged"),
        (lambda data: b"PK\x03\x04" + data, "damaged"),
        (flip_a_bit, "checksum"),
        (lambda data: safetensors.numpy.save(STATE), "no checkpoint of robotasks"),
        (
            lambda data: safetensors.numpy.save(
                STATE, {"format": checkpoint.FORMAT, "version": "0", "agent": "ppo"}
            ),
            "version 0",
        ),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(path, damage, problem):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=problem) as error:
        checkpoint.load(path, "ppo")
    assert str(path) in str(error.value)
    assert error.value.__str__().endswith(".")


def test_another_agents_checkpoint_and_none_at_all_are_refused(path):
    with pytest.raises(RunError, match="belongs to agent 'ppo'"):
        checkpoint.load(path, "rl2")
    with pytest.raises(RunError, match="no checkpoint"):
        checkpoint.load(path.with_name("other"), "ppo")


def test_what_does_not_fit_is_refused_as_such(path):
    with pytest.raises(RunError, match="does not fit"), checkpoint.opened(path, "ppo") as state:
        state["no such name"]


def test_a_kill_while_writing_leaves_the_previous_one(path, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    for moment in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, moment, killed)
            with pytest.raises(KeyboardInterrupt):
                checkpoint.save(path, {"new": np.zeros(3)}, "ppo")
        assert checkpoint.load(path, "ppo").keys() == STATE.keys()
    checkpoint.save(path, {"new": np.zeros(3)}, "ppo")
    assert checkpoint.load(path, "ppo").keys() == {"new"}
    assert [file.name for file in path.parent.iterdir()] == [path.name]
