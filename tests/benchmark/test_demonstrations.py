"""An episode depends on recipe and number alone; a dataset replays it, whatever happened."""

import functools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import robotasks  # noqa: F401 (registers the tasks)
from robotasks.benchmark.agent import Expert
from robotasks.benchmark.demonstrations import Recipe, play
from robotasks.benchmark.splits import which_split
from robotasks.tasks import find_task

minari = pytest.importorskip("minari")
from robotasks.benchmark import dataset  # noqa: E402
from robotasks.benchmark.dataset import Recording, read  # noqa: E402

REACH = Recipe("reach")
NOISY = replace(REACH, noise=0.2)


@functools.cache
def episodes(recipe, *numbers):
    """Played once; nobody writes into them."""
    return play(recipe, Expert, numbers, threads=1)


def record(folder, recipe=NOISY, batches=((0, 1, 2), (3,))):
    """The dataset of these episodes, written in these batches."""
    recording = Recording(recipe, "all", "expert", folder)
    for numbers in batches:
        recording.add(episodes(recipe, *numbers), numbers[-1] + 1)
    return recording


def content(recording):
    """Everything that Minari tells of a dataset's episodes."""
    held = minari.MinariDataset(recording.data)
    told = [*held.storage.get_episode_metadata(range(len(held)))]
    return [
        (e.observations, e.actions, e.rewards, e.truncations, e.infos, about)
        for e, about in zip(held, told, strict=True)
    ]


@pytest.mark.parametrize("recipe", [NOISY, replace(NOISY, split="train")])
def test_an_episode_does_not_depend_on_those_beside_it(recipe):
    together, alone = episodes(recipe, 0, 1, 2)[2], episodes(recipe, 2)[0]
    assert together.seed == alone.seed
    for name in ("obs", "intended", "actions", "rewards", "success"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name), name)
    assert (alone.intended != alone.actions)[:, :4].any()
    np.testing.assert_array_equal(alone.intended[:, 4], alone.actions[:, 4])


def test_seeds_and_numbers_make_different_episodes():
    played = [*episodes(REACH, 0, 1), *episodes(replace(REACH, seed=1), 0)]
    assert len({tuple(episode.goal["point"]) for episode in played}) == 3


def test_rows_are_of_the_split():
    for split in ("train", "extrap"):
        for episode in episodes(replace(REACH, split=split), 0, 1, 2):
            assert which_split(find_task("reach"), episode.goal["point"]) == split


def test_the_recorded_steps_replay_exactly_in_the_recovered_environment(tmp_path):
    recording = record(tmp_path, replace(NOISY, task="push-to"), [(0,)])
    held = minari.MinariDataset(recording.data)
    env = held.recover_environment()
    told = [*held.storage.get_episode_metadata([0])]
    for episode, about in zip(held, told, strict=True):
        assert about["task"] == "push-to-v1"
        obs, _ = env.reset(seed=about["seed"], options=about["options"])
        np.testing.assert_array_equal(obs, episode.observations[0])
        for t, action in enumerate(episode.actions):
            obs, reward, _, truncated, info = env.step(action)
            np.testing.assert_array_equal(obs, episode.observations[t + 1])
            assert reward == episode.rewards[t]
            assert truncated == episode.truncations[t] == (t == env.spec.max_episode_steps - 1)
            assert info["success"] == episode.infos["success"][t + 1]
        assert info["success"] == about["success"]
    env.close()


def test_options_name_the_fields_of_goal_and_dynamics(tmp_path):
    (*_, about), *_ = content(record(tmp_path, replace(NOISY, task="push-to"), [(0,)]))
    task = find_task("push-to")
    assert set(about["options"]["goal"]) == set(task.goals.layout.names)
    assert set(about["options"]["dynamics"]) == set(task.dynamics.layout.names)


def test_minari_finds_the_dataset_by_its_id(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    recording = record(None)
    assert recording.folder == tmp_path / "robotasks" / "reach" / "expert-v1"
    assert len(minari.load_dataset("robotasks/reach/expert-v1")) == 4
    assert [*minari.list_local_datasets()] == ["robotasks/reach/expert-v1"]
    assert read(recording.id).hash == read(str(recording.folder)).hash


def test_a_folder_of_ones_own_leaves_minaris_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    record(tmp_path / "own")
    assert os.environ["MINARI_DATASETS_PATH"] == str(tmp_path / "minari")
    assert not [*(tmp_path / "minari").rglob("*.hdf5")]


def test_learners_get_what_was_intended(tmp_path):
    recording, played = record(tmp_path), [*episodes(NOISY, 0, 1, 2), *episodes(NOISY, 3)]
    shown = read(str(recording.folder))
    assert (shown.task, shown.reveal, len(shown.obs)) == ("reach-v1", ("goal",), 4)
    obs, actions = shown.steps(3)
    np.testing.assert_array_equal(obs, np.concatenate([e.obs[:-1] for e in played[:3]]))
    np.testing.assert_array_equal(actions, np.concatenate([e.intended for e in played[:3]]))
    with pytest.raises(ValueError, match=r"holds 4 episodes, 5 were asked for.*--episodes"):
        shown.steps(5)


class Kill(BaseException):
    pass


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_kill_at_any_moment_leaves_a_valid_dataset_to_go_on_with(tmp_path, monkeypatch, moment):
    """The moments are the calls that move, copy or flush files while the second batch is added."""
    whole = content(record(tmp_path / "whole"))
    record(tmp_path / "killed", batches=[(0, 1, 2)])
    left = [moment]

    def counted(function):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                raise Kill
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "rmdir")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        patch.setattr(shutil, "copytree", counted(shutil.copytree))
        patch.setattr(dataset, "_flush", counted(dataset._flush))
        try:
            record(tmp_path / "killed", batches=[(3,)])
            assert moment == 8, "one moment after the last is none"
        except Kill:
            assert moment < 8
    # As another reader sees it now, without any repair.
    folder = tmp_path / "killed/robotasks/reach/expert-v1/data"
    seen = [*minari.MinariDataset(folder)]
    assert len(seen) in (3, 4)
    for episode, (obs, *_) in zip(seen, whole, strict=False):
        np.testing.assert_array_equal(episode.observations, obs)
    again = Recording(NOISY, "all", "expert", tmp_path / "killed")
    if again.count == 3:
        again.add(episodes(NOISY, 3), 4)
    np.testing.assert_equal(content(again), whole)
    assert again.attempts == 4
    assert [*again.folder.iterdir()] == [again.data]


def test_a_kill_while_the_first_batch_takes_its_place_is_repaired(tmp_path, monkeypatch):
    recording = Recording(NOISY, "all", "expert", tmp_path)
    with monkeypatch.context() as patch, pytest.raises(Kill):
        patch.setattr(Recording, "_take_place", lambda self: (_ for _ in ()).throw(Kill))
        recording.add(episodes(NOISY, 0, 1, 2), 3)
    assert not recording.data.exists()
    again = Recording(NOISY, "all", "expert", tmp_path)
    assert (again.count, again.attempts) == (3, 3)


def test_other_demonstrations_are_not_mixed_in(tmp_path):
    record(tmp_path)
    for recipe, keep, message in (
        (replace(NOISY, seed=1), "all", "seed was 0 and is now 1"),
        (REACH, "all", r"noise was 0\.2 and is now 0\.0"),
        (NOISY, "solved", "keep was 'all' and is now 'solved'"),
    ):
        with pytest.raises(ValueError, match=rf"other demonstrations: {message}.*--name or --out"):
            Recording(recipe, keep, "expert", tmp_path)


@pytest.mark.slow
def test_pictures_go_beside_the_state(tmp_path, gl):
    recording = record(tmp_path, replace(REACH, pixels=48), [(0,)])
    held = minari.MinariDataset(recording.data)
    pixels = held[0].observations["pixels"]
    assert (pixels.shape, pixels.dtype) == ((51, 48, 48, 3), np.uint8)
    env = held.recover_environment()
    (*_, about), *_ = content(recording)
    obs, _ = env.reset(seed=about["seed"], options=about["options"])
    np.testing.assert_array_equal(obs["state"], held[0].observations["state"][0])
    # JPEG is not exact, but it is the same picture and not a later one.
    errors = [np.abs(obs["pixels"].astype(float) - picture).mean() for picture in pixels]
    assert np.argmin(errors) == 0 and errors[0] < 5 < max(errors)
    assert read(str(recording.folder)).steps()[0].shape == (50, len(obs["state"]))
    env.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "raech"}, "Did you mean reach"),
        ({"noise": -1.0}, "noise must be at least 0, not -1.0"),
        ({"pixels": -1}, "pixels must be at least 0, not -1"),
    ],
)
def test_a_recipe_that_cannot_be_played_is_refused(options, message):
    with pytest.raises((KeyError, ValueError), match=message):
        Recipe(**{"task": "reach", **options})


def test_what_is_no_dataset_of_ours_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"neither the folder.*nor the id.*robotasks record"):
        read("robotasks/reach/expert-v1")
    spaces = {"observation_space": gym.spaces.Discrete(2), "action_space": gym.spaces.Discrete(2)}
    with pytest.warns(UserWarning):
        minari.create_dataset_from_buffers("other/thing-v0", [], **spaces)
    with pytest.raises(ValueError, match="not made by `robotasks record`"):
        read("other/thing-v0")


def test_several_episodes_on_a_row_are_shown_and_disturbed_by_turns(tmp_path):
    recipe = replace(NOISY, split="train", per_row=3)
    played = episodes(recipe, 0, 1, 2, 3, 4)
    places = [tuple(episode.goal["point"]) for episode in played]
    assert places[0] == places[1] == places[2] != places[3] == places[4]
    assert places[0] == tuple(episodes(replace(NOISY, split="train"), 0)[0].goal["point"])
    starts = {tuple(episode.obs[0]) for episode in played}
    assert len(starts) == 5
    calm = [bool((episode.intended == episode.actions).all()) for episode in played]
    assert calm == [True, False, True, True, False]
    recording = record(tmp_path, recipe, [(0, 1, 2), (3, 4)])
    shown = read(str(recording.folder))
    assert shown.rows == (0, 0, 0, 1, 1)
    assert shown.disturbed == (False, True, False, False, True)
    usual = read(str(record(tmp_path / "usual").folder))
    assert usual.rows == (0, 1, 2, 3) and all(usual.disturbed)


def test_several_episodes_on_a_row_need_a_split():
    with pytest.raises(ValueError, match="name one"):
        Recipe("reach", per_row=2)
    with pytest.raises(ValueError, match="per_row must be at least 1"):
        Recipe("reach", per_row=0)
