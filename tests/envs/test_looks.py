"""Light, colours and cameras that vary, and nothing else."""

import gymnasium as gym
import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.arrays import on_host
from robotasks.envs.single import make_env
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.looks import CAMERAS, LOOKS, varied

from .test_pixels import markers

pytest.importorskip("mujoco_warp")

SEEING = {"observe": "pixels", "pixels": 32, "threads": 1}
JITTER = {**SEEING, "jitter": True}


def rows_of(env):
    """The looks of every world, and the rest of its row."""
    rows = env.get_state()["crew0.rows"]
    return rows[:, -LOOKS.layout.size :], rows[:, : -LOOKS.layout.size]


@pytest.mark.parametrize("name", ["reach", "push-to", "shape-insert"])
def test_nothing_changes_but_what_is_seen(name):
    plain, jittered = TaskVectorEnv(name, 3, **SEEING), TaskVectorEnv(name, 3, **JITTER)
    seen, other = plain.reset(seed=0)[0], jittered.reset(seed=0)[0]
    assert all((seen[camera] != other[camera]).mean() > 0.5 for camera in ("front", "wrist"))
    for _ in range(12):
        actions = plain.expert_actions()
        assert np.array_equal(actions, jittered.expert_actions())
        (one, paid, *_), (two, earned, *_) = plain.step(actions), jittered.step(actions)
        assert np.array_equal(one["state"], two["state"])
        assert np.array_equal(paid, earned)
    one, two = plain.get_state(), jittered.get_state()
    for part in ("physics", "starts", "memory"):
        assert np.array_equal(one[f"crew0.{part}"], two[f"crew0.{part}"]), part
    assert np.array_equal(one["crew0.rows"], rows_of(jittered)[1])


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_every_scene_has_what_varies(task):
    dynamics = varied(task).dynamics
    assert dynamics == task.dynamics | LOOKS
    fields = varied(task).fields(dynamics.view(dynamics.draw(np.random.default_rng(0), 4)))
    model = task.scene().compile()
    assert {model.camera(i).name for i in range(model.ncam)} == set(CAMERAS)
    assert np.allclose(np.linalg.norm(fields["cam_quat", "*"], axis=-1), 1)
    assert np.allclose(np.linalg.norm(fields["light_dir", "key"], axis=-1), 1)
    middle = (dynamics.low + dynamics.high)[None] / 2
    for (name, owner), values in varied(task).fields(dynamics.view(middle)).items():
        if name in ("cam_pos", "cam_quat", "geom_rgba", "mat_rgba"):
            assert np.allclose(values[0], getattr(model, name), atol=1e-6), (name, owner)


def test_looks_are_those_of_a_trial():
    env = TaskVectorEnv("reach", 2, episodes=2, max_episode_steps=2, **JITTER)
    env.reset(seed=3)
    first = rows_of(env)[0]
    assert (first[0] != first[1]).all()
    assert ((first >= LOOKS.low) & (first <= LOOKS.high)).all()
    env.reset()
    assert np.array_equal(rows_of(env)[0], first)
    env.reset()
    assert (rows_of(env)[0] != first).all()


def test_a_table_keeps_its_rows_and_has_looks_drawn():
    table = Distribution.draw(["push-to"], 5, seed=0)
    env = TaskVectorEnv(table, 3, **JITTER)
    env.reset(seed=0, options={"rows": [4, 0, 2]})
    looks, rest = rows_of(env)
    assert np.array_equal(rest, table.rows[0][[4, 0, 2]])
    assert len({row.tobytes() for row in looks}) == 3
    plain = TaskVectorEnv(table, 3, **SEEING)
    plain.reset(seed=1)
    env.reset(seed=1)
    assert np.array_equal(rows_of(env)[1], plain.get_state()["crew0.rows"])


def test_looks_can_be_chosen_and_checked():
    env = TaskVectorEnv("push-to", 2, **JITTER)
    chosen = {"dynamics": {"table_tint": [1.1, 0.9, 0.9], "lamp_strength": [0.7, 1.3]}}
    seen = env.reset(seed=0, options=chosen)[0]["front"]
    assert seen[0].mean() < seen[1].mean()
    assert env.task_rows()[0][1][-LOOKS.layout.size + 3 :][:3].tolist() == [1.1, 0.9, 0.9]
    with pytest.raises(ValueError, match="lamp_strength=5 lies outside"):
        env.reset(options={"dynamics": {"lamp_strength": 5}})
    with pytest.raises(KeyError, match="unknown field 'table_tint'"):
        TaskVectorEnv("push-to", 2, **SEEING).reset(options=chosen)


def test_the_slot_of_the_dynamics_does_not_tell_them():
    plain, jittered = (
        TaskVectorEnv("push-to", 2, reveal=["dynamics"], **kind) for kind in (SEEING, JITTER)
    )
    assert np.array_equal(plain.reset(seed=0)[0]["state"], jittered.reset(seed=0)[0]["state"])


def test_a_state_brings_back_what_was_seen():
    env, again = TaskVectorEnv("push-to", 2, **JITTER), TaskVectorEnv("push-to", 2, **JITTER)
    env.reset(seed=0)
    env.step(env.expert_actions())
    again.reset(seed=9)
    again.set_state(env.get_state())
    actions = env.expert_actions()
    one, two = env.step(actions)[0], again.step(actions)[0]
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_one_world_looks_like_the_same_one_of_many():
    many = TaskVectorEnv("push-to", 3, **JITTER).reset(seed=4)[0]
    for one in (make_env("push-to", **JITTER), gym.make("robotasks/push-to-v1", **JITTER)):
        assert np.array_equal(one.reset(seed=6)[0]["front"], many["front"][2])


def test_engines_see_the_same_and_simulate_the_same():
    gpu = {"engine": "gpu", "device": "cpu"}
    cpu = TaskVectorEnv("push-to", 2, **JITTER).reset(seed=0)[0]
    env = TaskVectorEnv("push-to", 2, **gpu, **JITTER)
    seen = env.reset(seed=0)[0]
    for camera in ("front", "wrist"):
        apart = np.abs(cpu[camera].astype(int) - on_host(seen[camera]).astype(int))
        assert np.mean(apart > 2) < 0.01
    plain = TaskVectorEnv("push-to", 2, **gpu)
    plain.reset(seed=0)
    for _ in range(3):
        actions = plain.expert_actions()
        plain.step(actions)
        env.step(actions)
    physics = (each.get_state()["crew0.physics"] for each in (plain, env))
    assert np.array_equal(*physics)


def test_the_goal_stays_recognisable():
    env = TaskVectorEnv("push-to", 12, cameras=["top"], **{**JITTER, "pixels": 96})
    assert sum(markers(picture) > 2 for picture in env.reset(seed=1)[0]["top"]) >= 9


def test_opengl_shows_looks_too(gl):
    arguments = {"render_mode": "rgb_array", "width": 64, "height": 64, "threads": 1}
    env = TaskVectorEnv("push-to", 1, jitter=True, **arguments)
    pictures = []
    for strength in (0.7, 1.3):
        env.reset(seed=0, options={"dynamics": {"lamp_strength": strength}})
        pictures.append(env.render()[0].mean())
    assert pictures[0] < pictures[1] - 5
    plain = TaskVectorEnv("push-to", 1, **arguments)
    plain.reset(seed=0)
    assert (plain.render()[0] != env.render()[0]).mean() > 0.5


def test_jitter_without_pictures_is_refused():
    with pytest.raises(ValueError, match='pass observe="pixels" or a render_mode'):
        TaskVectorEnv("push-to", 1, jitter=True)
