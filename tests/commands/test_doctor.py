"""The doctor's findings, with machines that are made up."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from robotasks.commands import doctor
from robotasks.commands.doctor import backends, diagnose, working_renderer


def only(*working):
    """A probe for a machine where only these back ends work."""
    return lambda backend: backend in working


def without(*missing):
    """The versions on a machine where these packages are missing."""

    def version(package):
        if package in missing:
            raise PackageNotFoundError(package)
        return "1.2.3"

    return version


def finding(what, **machine):
    given = {"probe": only("egl"), "version": without(), "environment": {}, "system": "linux"}
    [row] = [row for row in diagnose(**(given | machine)) if row["what"] == what]
    return row


def test_the_best_renderer_that_works_is_chosen():
    assert working_renderer(only("egl", "osmesa"), {}, "linux") == "egl"
    assert working_renderer(only("osmesa"), {}, "linux") == "osmesa"
    assert working_renderer(only(), {}, "linux") is None
    assert working_renderer(only("cgl", "glfw"), {}, "darwin") == "cgl"


def test_a_choice_of_the_users_comes_first_and_the_rest_stays_possible():
    assert working_renderer(only("egl", "osmesa"), {"MUJOCO_GL": "osmesa"}, "linux") == "osmesa"
    assert working_renderer(only("egl"), {"MUJOCO_GL": "osmesa"}, "linux") == "egl"


def test_a_renderer_that_needs_a_screen_is_tried_only_with_one():
    assert "glfw" not in backends({}, "linux")
    assert "glfw" in backends({"DISPLAY": ":0"}, "linux")


def test_the_search_stops_at_the_first_that_works():
    asked = []
    working_renderer(lambda backend: asked.append(backend) is None, {}, "linux")
    assert asked == ["egl"]


def test_no_renderer_brings_the_command_that_mends_it():
    row = finding("pictures", probe=only())
    assert row["found"] == "do not work"
    assert row["mend"].startswith("apt-get install -y --no-install-recommends libegl1 ")


@pytest.mark.parametrize(
    ("environment", "mend"),
    [({"MUJOCO_GL": "egl"}, ""), ({}, "export MUJOCO_GL=egl"), ({"MUJOCO_GL": "off"}, "unset")],
)
def test_a_renderer_that_is_not_chosen_is_named(environment, mend):
    row = finding("pictures", environment=environment)
    assert row["mend"].startswith(mend) and bool(row["mend"]) == bool(mend)


def test_renderers_that_are_switched_off_are_not_tried():
    def probe(backend):
        raise AssertionError(backend)

    assert working_renderer(probe, {"MUJOCO_GL": "disabled"}, "linux") is None


def test_a_missing_torch_brings_the_command_for_the_cpu_build():
    row = finding("torch", version=without("torch"))
    assert (row["found"], row["mend"]) == ("not installed", doctor.MEND_TORCH)
    assert finding("torch")["found"] == "1.2.3"


def test_a_missing_gpu_package_is_no_fault():
    assert finding("mujoco-warp", version=without("mujoco-warp"))["mend"] == ""


def test_a_probe_that_dies_is_a_renderer_that_does_not_work():
    assert not doctor.renders("no-such-library")


def test_a_probe_that_works(gl):
    assert doctor.renders(os.environ.get("MUJOCO_GL", ""))


def test_json_is_one_object_a_line():
    code = "from robotasks.commands import main; main(['doctor', '--json'])"
    environment = os.environ | {"MUJOCO_GL": "off"}  # no probe: the test is of the output
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"python", "robotasks", "mujoco", "torch", "pictures"} <= {row["what"] for row in rows}
    assert all(row.keys() == {"what", "found", "mend"} for row in rows)
