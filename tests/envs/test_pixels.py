"""Pictures as observations, traced on either engine without a display."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.arrays import on_host
from robotasks.envs.single import make_env
from robotasks.physics.camera import Camera, Tracer

mujoco_warp = pytest.importorskip("mujoco_warp")

PIXELS = {"observe": "pixels", "pixels": 32, "threads": 1}


def markers(picture):
    """How many pixels have a marker's hue: far more green than red and blue."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return np.count_nonzero((green > red + 60) & (green > blue + 40))


def test_pictures_lie_in_the_space_and_change_with_the_scene():
    env = TaskVectorEnv("push-to", 3, **PIXELS)
    obs, _ = env.reset(seed=0)
    assert list(obs) == ["front", "state", "wrist"] or set(obs) == {"state", "front", "wrist"}
    assert env.observation_space.contains(obs)
    after = obs
    for _ in range(8):
        after = env.step(env.expert_actions())[0]
    assert env.observation_space.contains(after)
    for camera in ("front", "wrist"):
        assert np.count_nonzero(after[camera] != obs[camera]) > 100
        assert len({world.tobytes() for world in obs[camera]}) == 3


def test_what_is_seen_is_proprioception_and_not_the_goal_in_numbers():
    shown = TaskVectorEnv("push-to", 1, reveal=["goal"], **PIXELS)
    blind = TaskVectorEnv("push-to", 1, reveal=[], observe="blind", threads=1)
    assert shown.layout == blind.layout


def test_a_goal_shows_only_where_it_is_revealed():
    shown, hidden = (
        TaskVectorEnv("push-to", 6, reveal=told, cameras=["top"], **{**PIXELS, "pixels": 96})
        for told in (["goal"], [])
    )
    seen, unseen = shown.reset(seed=1)[0]["top"], hidden.reset(seed=1)[0]["top"]
    assert sum(markers(picture) > 2 for picture in seen) >= 4  # the arm may hide one
    assert not any(markers(picture) for picture in unseen)
    # A hidden goal changes nothing in a picture.
    other = hidden.reset(seed=1, options={"goal": {"goal_xy": [0.5, 0.1]}})[0]["top"]
    assert np.array_equal(other, unseen)
    # A new goal moves its marker.
    options = {"goal": {"goal_xy": [0.5, 0.1]}}
    assert not np.array_equal(shown.reset(seed=1, options=options)[0]["top"], seen)


@pytest.mark.parametrize("made", [{"observe": "blind"}, PIXELS | {"reveal": ["history"]}])
def test_learners_may_be_told_the_state_that_a_policy_does_not_see(made):
    worlds = {"tasks": "push-to", "num_envs": 3, "autoreset_mode": "SameStep"}
    knowing = TaskVectorEnv(**worlds, max_episode_steps=5)
    other = TaskVectorEnv(**worlds, max_episode_steps=5, **made)
    told, _ = knowing.reset(seed=0)
    other.reset(seed=0)
    hidden = [name for name in knowing.layout if name not in other.layout]
    assert hidden
    for _ in range(7):  # over an episode's end
        columns = [knowing.layout.columns(name) for name in hidden]
        assert np.array_equal(other.hidden(), np.hstack([told[:, c] for c in columns]))
        action = knowing.expert_actions()
        told = knowing.step(action)[0]
        other.step(action)


def test_staggered_worlds_end_their_episodes_at_few_moments():
    """A step that ends some draws all pictures twice."""
    made = {"autoreset_mode": "SameStep", "stagger": True, "max_episode_steps": 40}
    env = TaskVectorEnv("push-to", 24, **made, **PIXELS | {"cameras": ["front"], "pixels": 8})
    env.reset(seed=0)
    action = np.zeros((24, 5), np.float32)
    ended = np.array([env.step(action)[3] for _ in range(40)])
    assert (ended.sum(axis=0) == 1).all()
    assert ended.any(axis=1).sum() == 10
    assert ended.sum(axis=1).max() == 3


def test_kernels_are_loaded_by_one_thread(monkeypatch):
    # Warp does not lock that: tracers whose threads loaded them drew wrong lights now and then.
    first, render = {}, mujoco_warp.render

    def note(model, data, context):
        first.setdefault(id(context), threading.current_thread())
        render(model, data, context)

    monkeypatch.setattr(mujoco_warp, "render", note)
    TaskVectorEnv("reach", 2, **{**PIXELS, "threads": 2}).reset(seed=0)
    assert list(first.values()) == [threading.main_thread()] * 2


def test_threads_and_neighbours_change_no_picture():
    many = TaskVectorEnv("push-to", 3, **{**PIXELS, "threads": 2}).reset(seed=4)[0]
    one = make_env("push-to", **PIXELS).reset(seed=6)[0]
    for name in ("state", "front", "wrist"):
        assert np.array_equal(many[name][2], one[name])


def test_engines_see_the_same():
    cpu = TaskVectorEnv("push-to", 2, **PIXELS).reset(seed=0)[0]
    env = TaskVectorEnv("push-to", 2, engine="gpu", device="cpu", **PIXELS)
    gpu = env.reset(seed=0)[0]
    assert type(gpu["front"]) is type(gpu["state"])
    for camera in ("front", "wrist"):
        apart = np.abs(cpu[camera].astype(int) - on_host(gpu[camera]).astype(int))
        assert np.mean(apart > 2) < 0.01  # edges fall on either side by rounding


def traced(output, camera, size):
    """One world of push-to, drawn by the tracer; with it the model and data."""
    env = TaskVectorEnv("push-to", 1, threads=1)
    env.reset(seed=0)
    tracer = Tracer(TASKS["push-to"].scene(), 1, [camera], size, size, output)
    return tracer.trace(env.engines[0].look())[0, 0], *env.engines[0].world(0)


def test_segmentation_names_the_geoms():
    picture, model, _ = traced("segmentation", "front", 64)
    found = model.geom_bodyid[[i for i in np.unique(picture) if i >= 0]]
    assert picture.shape == (64, 64)
    assert {model.body(int(body)).name for body in found} >= {"world", "hand", "puck"}


def test_traced_pictures_are_those_of_opengl(gl):
    depth, model, data = traced("depth", "front", 64)
    drawn = Camera(model, 64, 64).render(model, data, "front", depth=True)
    assert np.mean(abs(depth - drawn) < 0.01) > 0.95
    colours, model, data = traced("rgb", "front", 64)
    drawn = Camera(model, 64, 64).render(model, data, "front")
    assert np.abs(colours.astype(int) - drawn.astype(int)).mean() < 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pixels": 0}, "pixels must be at least 1, not 0"),
        ({"cameras": ["fornt"]}, "unknown camera 'fornt'. Did you mean front?"),
        ({"cameras": "front"}, "cameras is a list of some of front, .*, not 'front'"),
        ({"goal_conditioned": True, "reward": "sparse"}, "leave out pixels"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TaskVectorEnv("push-to", 1, **{**PIXELS, **arguments})


@pytest.mark.parametrize("setting", [{"MUJOCO_GL": "disable"}, {}], ids=["disabled", "no display"])
def test_pictures_and_videos_need_no_opengl(setting, tmp_path):
    code = (
        "from robotasks import TaskVectorEnv\n"
        "from robotasks.commands.view import Options, film, write\n"
        "from pathlib import Path\n"
        "for mode in ('rgb_array', 'depth_array'):\n"
        "    env = TaskVectorEnv('push-to', 1, render_mode=mode, width=64, height=48)\n"
        "    env.reset(seed=0)\n"
        "    picture = env.render()[0]\n"
        "    print(picture.shape, picture.std() > 0)\n"
        "    print((env.picture(0, camera='wrist') != picture).any())\n"
        f"out = Path({str(tmp_path)!r}, 'reach.mp4')\n"
        "write(Options('reach', out=out, episodes=1, every=25, width=64, height=48), 'disable')\n"
        "print(out.stat().st_size > 500)\n"
    )
    needed = {"MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"}
    environment = {k: v for k, v in os.environ.items() if k not in needed} | setting
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if line.startswith(("(", "True", "Fal"))]
    assert printed == ["(48, 64, 3) True", "True", "(48, 64) True", "True", "True"]
