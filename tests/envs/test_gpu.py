"""The GPU engine on Warp's CPU device: the same worlds as those of the CPU engine, in tensors."""

import subprocess
import sys

import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.arrays import on_host
from robotasks.physics.engine import Room, make_engine
from tests.families import every_task

from .agreement import agreement
from .playing import actions_for

torch = pytest.importorskip("torch")
pytest.importorskip("mujoco_warp")

GPU = {"engine": "gpu", "device": "cpu"}
BOUND = 5e-4
"""Largest difference of an observation, each divided by its slot's scale."""
LOOSER = {
    # A disc slides on three points of its rim, which it touches or not from tick to tick.
    "hockey-shoot": 5e-3,
    "hockey-retrieve": 5e-3,
    "hockey-stop": 0.5,
    # The yaw of a shape that looks the same after a turn is an angle near the end of its range.
    "shape-insert": 1e-3,
    "shape-insert-tight": 1e-3,
    "shape-sort2": 1e-3,
    "shape-sort3": 1e-3,
}
"""Tasks that agree less well, and why."""
TOSSED = {"hockey-one-timer", "lid-twist-off"}
"""Tasks whose own twins part within the first step, so that there is nothing to compare."""


@pytest.mark.parametrize("task", every_task())
def test_engines_agree(task):
    found = agreement(task)
    assert found.reset < 1e-3
    assert found.observation < LOOSER.get(task.name, BOUND), found
    assert found.success == 0 or task.name in LOOSER
    assert found.steady > 0 or task.name in TOSSED


def pair(name="push-to", worlds=3, **arguments):
    """Make the same worlds on both engines."""
    arguments = {"max_episode_steps": 6, "autoreset_mode": "SameStep", **arguments}
    cpu = TaskVectorEnv(name, worlds, threads=1, **arguments)
    return cpu, TaskVectorEnv(name, worlds, **GPU, **arguments)


def same(a, b):
    """Whether two arrays tell the same, as far as float32 can."""
    return np.allclose(on_host(a), on_host(b), rtol=0, atol=BOUND)


def gentle(env, steps):
    """Actions that never ask for exactly the largest torque, where being clipped is chance."""
    return 0.4 * actions_for(env, steps)


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_rows_clocks_and_resets_are_the_same(mode):
    cpu, gpu = pair("reach", autoreset_mode=mode, episodes=2, reveal=["goal", "history"])
    (first, _), (second, told) = cpu.reset(seed=5), gpu.reset(seed=5)
    assert isinstance(second, torch.Tensor) and second.dtype == torch.float32
    assert same(first, second) and told["trial_start"].all()
    for action in gentle(cpu, 15):
        one, other = cpu.step(action), gpu.step(torch.from_numpy(action))
        assert all(same(a, b) for a, b in zip(one[:4], other[:4], strict=True))
        assert one[4].keys() == other[4].keys()
        for name in ("elapsed", "trial_start", "success", "first_success"):
            assert same(one[4][name], other[4][name]), name
        if "final_obs" in one[4]:
            assert same(one[4]["final_obs"], other[4]["final_obs"])
    for (_, row), (_, twin) in zip(cpu.task_rows(), gpu.task_rows(), strict=True):
        assert np.array_equal(row, twin)


def test_worlds_of_several_tasks_and_their_dynamics():
    suite = {"reveal": ["goal", "dynamics", "task"], "layout_tasks": ["push-to", "push-heavy"]}
    cpu, gpu = pair("push-heavy", **suite)
    assert same(cpu.reset(seed=1)[0], gpu.reset(seed=1)[0])
    model, twin = (env.engines[0].world(2)[0] for env in (cpu, gpu))
    for name in ("body_mass", "body_inertia", "body_ipos", "body_invweight0", "pair_friction"):
        assert np.allclose(getattr(model, name), getattr(twin, name), rtol=1e-5), name


def test_what_follows_from_sizes_differs_between_worlds():
    _, gpu = pair(worlds=8)
    gpu.reset(seed=0)
    engine = gpu.engines[0]
    for i in range(8):
        model, _ = engine.world(i)
        for name in ("geom_rbound", "geom_aabb", "body_subtreemass", "dof_invweight0"):
            here = engine._fields[name][i].numpy()
            assert np.allclose(getattr(model, name).ravel(), here, rtol=1e-5), name
    assert len(set(engine._fields["geom_rbound"][:, -1].tolist())) > 1


def test_a_state_goes_on_where_it_was():
    _, gpu = pair(reveal=["goal", "history"])
    gpu.reset(seed=2)
    actions = [torch.from_numpy(a) for a in gentle(gpu, 8)]
    for action in actions[:4]:
        gpu.step(action)
    state = gpu.get_state()
    expected = [gpu.step(action)[0] for action in actions[4:]]
    gpu.set_state(state)
    for action, obs in zip(actions[4:], expected, strict=True):
        assert same(gpu.step(action)[0], obs)


def test_a_lost_world_shows_its_last_good_observation_until_its_episode_ends():
    _, gpu = pair(worlds=3)
    gpu.reset(seed=0)
    still = torch.zeros((3, 5))
    before = gpu.step(still)[0]
    broken = still.clone()
    broken[1] = torch.nan
    obs, rewards, _, truncated, infos = gpu.step(broken)
    assert infos["diverged"].tolist() == [False, True, False]
    assert torch.equal(obs[1], before[1]) and rewards[1] == 0 and not truncated.any()
    assert torch.isfinite(obs).all()
    for _ in range(4):
        obs, rewards, _, truncated, infos = gpu.step(still)
        assert rewards[1] == 0 and torch.isfinite(obs).all()
    assert truncated.all() and infos["final_info"]["diverged"].tolist() == [False, True, False]
    assert not infos["diverged"].any()
    assert gpu.step(still)[1][1] > 0


def test_worlds_without_room_are_lost_and_told_of(monkeypatch):
    monkeypatch.setattr("robotasks.envs.making.room_for", lambda task: Room(16, 4))
    _, gpu = pair(worlds=2)
    gpu.reset(seed=0)
    still = torch.zeros((2, 5))
    with pytest.warns(RuntimeWarning, match="2 of 2 worlds had more contacts.*larger room"):
        infos = gpu.step(still)[4]
    assert infos["diverged"].all()
    assert gpu.step(still)[4]["diverged"].all()  # and the warning comes once


def test_a_world_can_be_taken_out():
    _, gpu = pair()
    gpu.reset(seed=0)
    gpu.step(gpu.expert_actions())
    _, data = gpu.engines[0].world(1)
    assert np.allclose(data.sensordata, gpu.engines[0].sensors[1].numpy(), atol=1e-5)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="device='cuda' is for engine='gpu'"):
        TaskVectorEnv("reach", 1, device="cuda")
    with pytest.raises(ValueError, match="unknown engine 'gpus'"):
        TaskVectorEnv("reach", 1, engine="gpus")
    with pytest.raises(ValueError, match="device is 'cuda', 'cuda:N' or 'cpu', not 'meta'"):
        TaskVectorEnv("reach", 1, engine="gpu", device="meta")
    _, gpu = pair("reach")
    gpu.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions need shape \(3, 5\)"):
        gpu.step(torch.zeros((2, 5)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_engine_says_what_it_needs():
    with pytest.raises(RuntimeError, match=r"needs an NVIDIA GPU.*device='cpu' runs it without"):
        TaskVectorEnv("reach", 1, engine="gpu")


def test_a_scene_that_warp_cannot_run_is_refused():
    spec = TASKS["reach"].scene()
    spec.option.solver = 0  # PGS
    with pytest.raises(NotImplementedError, match=r"PGS is unsupported.*use engine='cpu'"):
        make_engine(spec, 1, room=Room(8, 8), **GPU)
    with pytest.raises(NotImplementedError, match="site_size cannot differ between worlds"):
        make_engine(TASKS["reach"].scene(), 1, fields=["site_size"], room=Room(8, 8), **GPU)
    engine = make_engine(TASKS["reach"].scene(), 1, fields=["geom_pos"], room=Room(16, 32), **GPU)
    where = {("geom_pos", "table"): np.zeros((1, 3))}
    with pytest.raises(NotImplementedError, match="cannot move 'table'"):
        engine.reset(np.ones(1, dtype=bool), np.zeros((1, 117)), where)


def test_without_warp_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['mujoco_warp'] = None\n"
        "from robotasks import TaskVectorEnv\n"
        "try: TaskVectorEnv('reach', 1, engine='gpu', device='cpu')\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'robotasks[gpu]'" in done.stdout


def test_lives_without_resets_are_refused():
    from robotasks.envs.reset_free import ResetFreeVectorEnv

    with pytest.raises(ValueError, match="needs engine='cpu'"):
        ResetFreeVectorEnv("hockey-auto", 1, **GPU)
