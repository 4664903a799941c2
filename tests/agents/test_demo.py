"""Few-shot imitation: what is shown decides, whichever way it is used."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("minari")
from robotasks.agents import demo, load
from robotasks.agents.parts.cores import TransformerCore
from robotasks.agents.parts.imitators import Tuned
from robotasks.agents.parts.lessons import LessonSampler
from robotasks.agents.parts.run import Run
from robotasks.benchmark.agent import Demos, TrialSpec, UnsupportedError
from robotasks.benchmark.dataset import Demonstrations

from .resuming import assert_a_killed_run_ends_alike

METHODS = ("attend", "tune", "nearest", "mil")
SMALL = demo.Config(hidden=(32,), width=16, batch=16, moments=8, minibatches=8)
STEPS, SIZES = 6, (3, 2)


def rows_of_lines(rows=200, each=4, seed=0):
    """Episodes on rows that each shift the actions of one linear expert by a hidden amount.

    Half of each row's episodes are disturbed. Returns them, and the shifts (rows, 2).
    """
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-0.5, 0.5, (rows, 2)).astype(np.float32)
    obs = rng.uniform(-1, 1, (rows * each, STEPS, 3)).astype(np.float32)
    row = np.repeat(np.arange(rows), each)
    actions = obs[..., :2] / 4 + shifts[row][:, None]
    disturbed = tuple(bool(i % 2) for i in range(len(row)))
    whole = Demonstrations("toy", "toy-v1", (), tuple(obs), tuple(actions), tuple(row), disturbed)
    return whole, shifts


def shown(count=50, each=1, seed=9):
    """Demonstrations of rows never met, and what the expert would do elsewhere on them."""
    whole, shifts = rows_of_lines(count, each, seed)
    obs, actions = (
        np.stack(part).reshape(count, each, STEPS, -1) for part in (whole.obs, whole.actions)
    )
    asked = np.random.default_rng(seed + 1).uniform(-1, 1, (count, 3)).astype(np.float32)
    return Demos(obs, actions, np.ones((count, each), bool)), asked, asked[:, :2] / 4 + shifts


def spec(**changes):
    return replace(TrialSpec(*SIZES, episodes=1, horizon=STEPS), **changes)


def error(adapter, each=1):
    demos, asked, answers = shown(each=each)
    adapter.begin_trial(len(asked), spec())
    adapter.ingest_demos(demos)
    return np.abs(adapter.act(asked) - answers).mean()


def untrained(method, **options):
    """Weights that matter, the last layers included."""
    config = replace(SMALL, method=method, **options)
    policy = demo.DemoPolicy(SIZES, STEPS, config, torch.Generator().manual_seed(0)).eval()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "rates" not in name:
                parameter += 0.2 * torch.randn(parameter.shape, generator=draw)
    return demo.DemoAdapter(policy)


@pytest.mark.parametrize("method", METHODS)
def test_one_demonstration_tells_what_is_hidden(method, tmp_path):
    """Knowing the expert but not the row is wrong by 0.25, its mean over rows and actions."""
    whole, _ = rows_of_lines()
    options = {"learning_rate": 5e-3, "inner_rate": 0.1}
    config = replace(SMALL, method=method, **options)
    adapter = demo.train(whole, config, Run(tmp_path, steps=60 * 8 * 16 * 8))
    found = error(adapter)
    assert found < 0.06
    assert error(load(tmp_path)) == found
    assert error(adapter, each=3) < 0.06  # more than in training


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_goes_on_with_the_same_bits(method, tmp_path):
    whole, _ = rows_of_lines(20)
    update = 8 * 16 * 8

    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=6 * update, resume=True, checkpoint_every=2)
        return demo.train(whole, replace(SMALL, method=method), run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "demo", killed_at=5 * update)


@pytest.mark.parametrize("method", METHODS)
def test_worlds_see_their_own_demonstrations_alone(method):
    adapter, (demos, asked, _) = untrained(method), shown(count=3, each=2)
    adapter.begin_trial(3, spec())
    adapter.ingest_demos(demos)
    together = adapter.act(asked)
    assert together.dtype == np.float32
    for i in range(3):
        adapter.begin_trial(1, spec())
        own = (getattr(demos, name)[i : i + 1] for name in ("obs", "actions", "success"))
        adapter.ingest_demos(Demos(*own))
        np.testing.assert_allclose(adapter.act(asked[i : i + 1])[0], together[i], atol=1e-5)
    other = replace(demos, actions=np.roll(demos.actions, 1, axis=0))
    adapter.begin_trial(3, spec())
    adapter.ingest_demos(other)
    assert (adapter.act(asked) != together).any(axis=1).all()


@pytest.mark.parametrize("method", METHODS)
def test_failures_are_imitated_only_where_nothing_succeeded(method):
    adapter, (demos, asked, _) = untrained(method), shown(count=2, each=2)

    def acts(success, actions=demos.actions):
        adapter.begin_trial(2, spec())
        adapter.ingest_demos(Demos(demos.obs, actions, np.array(success)))
        return adapter.act(asked)

    wrong = demos.actions.copy()
    wrong[:, 1] *= -1
    mixed = [[True, False], [False, False]]
    np.testing.assert_array_equal(acts(mixed)[0], acts(mixed, wrong)[0])
    assert (acts(mixed)[1] != acts(mixed, wrong)[1]).any()
    assert (acts([[True, True]] * 2)[0] != acts([[True, True]] * 2, wrong)[0]).any()


def test_mil_derives_through_its_steps_and_learns_their_length():
    """Against finite differences, in random directions of all that is learned."""
    imitator = Tuned(SIZES, (8,), (2, 2), 0.1, torch.Generator().manual_seed(0)).double()
    demos, asked, answers = (shown(5)[0], *map(torch.from_numpy, shown(5)[1:]))
    obs, actions = torch.from_numpy(demos.obs).double(), torch.from_numpy(demos.actions).double()

    def loss():
        found = imitator.answer(imitator.prepare(obs, actions), asked.double()[:, None])
        return (found[:, 0] - answers.double()).square().mean()

    parameters, draw = [*imitator.parameters()], torch.Generator().manual_seed(3)
    gradients = torch.autograd.grad(loss(), parameters)
    for _ in range(3):
        ways = [torch.randn(p.shape, generator=draw).double() for p in parameters]
        found = sum((g * way).sum() for g, way in zip(gradients, ways, strict=True))
        ends = []
        with torch.no_grad():
            for sign in (1, -2):
                for p, way in zip(parameters, ways, strict=True):
                    p += sign * 1e-6 * way
                ends.append(loss().item())
            for p, way in zip(parameters, ways, strict=True):
                p += 1e-6 * way
        assert found.item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-8)


def test_tune_is_a_plain_clone_in_training_and_steps_in_tests():
    imitator = Tuned(SIZES, (8,), (0, 3), 0.1, torch.Generator().manual_seed(0))
    demos, *_ = shown(5)
    obs, actions = torch.from_numpy(demos.obs), torch.from_numpy(demos.actions)
    before = imitator.train().prepare(obs, actions)
    after = imitator.eval().prepare(obs, actions)
    for name, start in imitator.start.weights.items():
        assert all(row.equal(start) for row in before[name])
        assert not any(row.equal(start) for row in after[name])
    assert not any(rate.requires_grad for rate in imitator.start.rates)


def test_steps_that_consult_a_memory_see_it_and_themselves_alone():
    core = TransformerCore(4, 16, 7, torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in core.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=draw)
    trial, steps = torch.randn(6, 2, 4, generator=draw), torch.randn(3, 2, 4, generator=draw)
    memory = core.remember(trial)
    found = core.consult(steps, memory)
    for k in range(3):
        alone, _ = core.step(steps[k], memory)  # the seventh and last place
        torch.testing.assert_close(found[k], alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(core.consult(steps, core.remember(trial.flip(0))), found, atol=1e-3)


def test_lessons_show_what_is_undisturbed_and_ask_about_another_episode_of_the_row():
    whole, shifts = rows_of_lines(rows=7, each=4)
    sampler = LessonSampler(whole, 1, 5, (3, 8), torch.Generator().manual_seed(0))
    lessons = sampler.rollout()
    assert lessons.shown.shape == (3, 8, 1, STEPS, 3) and lessons.answers.shape == (3, 8, 5, 2)
    assert sampler.steps == sampler.per_update == 3 * 8 * 5
    clean = [
        obs.tobytes() for obs, noisy in zip(whole.obs, whole.disturbed, strict=True) if not noisy
    ]
    met = set()
    for shown_, done, asked, answers in zip(
        *(part.flatten(0, 1).numpy() for part in vars(lessons).values()), strict=True
    ):
        assert shown_[0].tobytes() in clean
        here, there = (a - o[..., :2] / 4 for o, a in ((shown_[0], done[0]), (asked, answers)))
        np.testing.assert_allclose(here.mean(axis=0), there.mean(axis=0), atol=1e-6)  # one row
        assert not (asked[:, None] == shown_[0][None]).all(axis=-1).any()
        assert len({step.tobytes() for step in asked}) == 5
        met.add(int(np.abs(shifts - here[0]).sum(axis=1).argmin()))
    assert met == set(range(7))


@pytest.mark.parametrize(("each", "shots"), [(1, 1), (2, 2), (4, 3)])
def test_too_few_episodes_on_a_row_are_refused(each, shots):
    whole, _ = rows_of_lines(rows=5, each=each)
    with pytest.raises(
        ValueError, match=f"0 rows with {shots} demonstrations .* --per-row {2 * shots}"
    ):
        LessonSampler(whole, shots, 2, (1, 1), torch.Generator())


def test_episodes_of_other_lengths_are_refused():
    whole, _ = rows_of_lines(rows=2, each=4)
    cut = replace(whole, obs=(whole.obs[0][:3], *whole.obs[1:]))
    with pytest.raises(ValueError, match=r"\[3, 6\] steps"):
        LessonSampler(cut, 1, 2, (1, 1), torch.Generator())
    adapter = untrained("attend")
    adapter.begin_trial(50, spec())
    with pytest.raises(ValueError, match="3 steps, this imitator learned from episodes of 6"):
        demos, *_ = shown()
        adapter.ingest_demos(Demos(demos.obs[:, :, :3], demos.actions[:, :, :3], demos.success))


def test_a_new_trial_forgets_and_nothing_shown_is_refused():
    adapter, (demos, asked, _) = untrained("nearest"), shown()
    adapter.begin_trial(50, spec())
    adapter.ingest_demos(demos)
    adapter.act(asked)
    adapter.begin_trial(50, spec())
    with pytest.raises(UnsupportedError, match="shown nothing to imitate: give it demonstrations"):
        adapter.act(asked)
    with pytest.raises(ValueError, match="trained for"):
        adapter.begin_trial(50, spec(observation_size=4))


@pytest.mark.parametrize(
    "wrong", [{"shots": 0}, {"inner_rate": 0.0}, {"tune_steps": 0}, {"weight_decay": -1.0}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        demo.Config(**wrong)
