"""What the lids rely on: the lug cap locks by contacts alone, and how firmly."""

import math

import mujoco
import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.arrays import yaw_quat
from robotasks.physics.engine import Placement, StateRows, make_engine, sensor_layout
from robotasks.physics.objects import bottle, lug_cap
from robotasks.tasks.lid.caps import SEAT, lug_fields

TWIST = TASKS["lid-twist-held"]
CORNERS = [0.001, 0.2], [0.002, 0.2], [0.001, 0.5], [0.002, 0.5]
"""Clearance and friction at the corners of their range."""


def capped(degrees, up, corner):
    """Worlds with a lug cap that far past the start of the ramps and `up` above its seat."""
    count = len(degrees)
    engine = make_engine(TWIST.scene(), count, threads=1)
    pos = np.tile([0.5, 0.3, SEAT + up], (count, 1))
    lid = np.concatenate([pos, yaw_quat(-np.radians(degrees))], axis=1)
    stands = np.tile([0.5, 0.3, 0, 1, 0, 0, 0.0], (count, 1))
    placement = Placement(joints={"lid": lid}, mocap={"bottle": stands})
    dynamics = TWIST.dynamics.view(np.tile(corner, (count, 1)))
    rows = StateRows(engine.model).rows(placement, count)
    engine.reset(np.ones(count, dtype=bool), rows, lug_fields(dynamics))
    return engine


def pulled(engine, world, force, torque=0.0, seconds=1.0):
    """Pull a cap up (N) and turn it clockwise (Nm); return its height above the seat, its angle.

    The pull grows for 0.2 s: a jerk would first throw the cap against the ramps.
    """
    model, data = engine.world(world)
    lid = model.body("lid").id
    for _ in range(round(seconds / model.opt.timestep)):
        share = min(1.0, data.time / 0.2)
        data.xfrc_applied[lid] = [0, 0, force * share, 0, 0, -torque * share]
        mujoco.mj_step(model, data)
    xaxis = data.xmat[lid].reshape(3, 3)[:, 0]
    return data.xpos[lid, 2] - SEAT, -math.degrees(math.atan2(xaxis[1], xaxis[0]))


@pytest.mark.parametrize("corner", CORNERS)
def test_a_locked_cap_holds_20_newtons_and_an_unlocked_one_comes_off(corner):
    angles = [math.degrees(lug_cap.ENTRY), math.degrees(lug_cap.LOCKED), 42.0]
    engine = capped(angles, 0.0, corner)
    assert pulled(engine, 0, 1.0)[0] > 0.02
    for world, before in ((1, angles[1]), (2, angles[2])):
        up, after = pulled(engine, world, 20.0)
        assert up < 0.0015
        assert after == pytest.approx(before, abs=3)


@pytest.mark.parametrize("corner", CORNERS)
def test_a_cap_drops_in_within_15_degrees_and_rests_on_the_ramps_elsewhere(corner):
    entry = math.degrees(lug_cap.ENTRY)
    engine = capped([entry - 15, entry, entry + 15, entry + 60], 0.0125, corner)
    engine.step(400)
    up = sensor_layout(engine.model).view(engine.sensors).lid_pos[:, 2] - SEAT
    assert np.abs(up[:3]).max() < 1e-4
    assert up[3] > 0.002


@pytest.mark.parametrize("corner", CORNERS)
def test_a_twist_closes_up_to_the_stop_and_another_opens_again(corner):
    engine = capped([math.degrees(lug_cap.ENTRY)], 0.0, corner)
    up, angle = pulled(engine, 0, -0.5, torque=0.012)
    assert abs(up) < 1e-3
    assert angle == pytest.approx(math.degrees(lug_cap.STOP), abs=3)
    engine = capped([42.0], 0.0, corner)
    assert pulled(engine, 0, 0.0, torque=-0.005, seconds=0.3)[1] < math.degrees(lug_cap.ENTRY) + 5


def test_the_clearance_is_what_the_lugs_leave_around_the_neck():
    fields = lug_fields(TWIST.dynamics.view(np.array([0.0017, 0.3])))
    inner = np.hypot(*fields["geom_pos", "lid_lug1"][:2]) - TWIST.scene().geom("lid_lug1").size[0]
    assert inner - bottle.NECK == pytest.approx(0.0017)


def test_contacts_are_few():
    """They decide what a step costs."""
    env = TaskVectorEnv(TWIST, 8, threads=1, autoreset_mode="Disabled")
    env.reset(seed=0)
    most = 0
    for _ in range(70):
        env.step(env.expert_actions())
        most = max(most, *(env.engines[0].world(i)[1].ncon for i in range(8)))
    assert most <= 20


def test_the_expert_of_the_blind_task_reads_no_lid():
    """It solves the task from the robot's own senses and where the bottle is said to be."""
    env = TaskVectorEnv(TWIST, 4, threads=1)
    env.reset(seed=0)
    crew, read = env._crews[0], set()

    class Watched:
        def __getattr__(self, name):
            read.add(name)
            return getattr(crew.now, name)

    TWIST.expert(Watched(), crew.goal, TWIST.expert_memory.view(crew.expert_memory))
    assert read == {"tcp_pos", "tool", "setpoint"}


def world_of(name, **options):
    """One world of a task at the start of an episode, as a model and data of its own."""
    env = TaskVectorEnv(name, 1, threads=1)
    env.reset(seed=0, options=options)
    return env.engines[0].world(0)


@pytest.mark.parametrize(("stiffness", "bead"), [(3000.0, 0.0013), (6000.0, 0.0018)])
def test_a_snap_lid_goes_on_above_3_newtons_and_holds_1(stiffness, bead):
    dynamics = {"stiffness": stiffness, "bead": bead}
    model, data = world_of("lid-press", dynamics=dynamics)
    x, y, _ = data.mocap_pos[0]
    start = model.joint("lid").qposadr[0]
    data.qpos[start : start + 7] = [x, y, SEAT + 0.006, 1, 0, 0, 0]
    lid, spin = model.body("lid").id, model.joint("lid").dofadr[0] + 3
    before = 0.0
    # Each force grows slowly from the one before: after a jerk the lid would spring back.
    for force, up in (
        (-3.0, (0.002, 0.007)),
        (-25.0, (-1e-3, 1e-3)),
        (0.0, (-1e-3, 1e-3)),
        (1.0, (0, 0.0015)),
    ):
        for share in np.minimum(1.0, np.arange(400) / 200):
            data.xfrc_applied[lid, 2] = before + share * (force - before)
            if force <= 0:  # a hand keeps it upright
                data.qpos[start + 3 : start + 7], data.qvel[spin : spin + 3] = [1, 0, 0, 0], 0
            mujoco.mj_step(model, data)
        before = force
        assert up[0] < data.xpos[lid, 2] - SEAT < up[1], force
    data.xfrc_applied[lid, 2] = 15.0
    mujoco.mj_step(model, data, nstep=400)
    assert data.xpos[lid, 2] - SEAT > 0.01


@pytest.mark.parametrize("pitch", [0.002, 0.005])
def test_a_screw_cap_rises_with_its_pitch_even_when_pulled(pitch):
    model, data = world_of("lid-screw-on", dynamics={"pitch": pitch, "drag": 0.2})
    cap, rise = model.joint("cap").qposadr[0], model.joint("cap_rise").qposadr[0]
    turned = data.qpos[cap]
    for pull in (-20.0, 20.0):
        for _ in range(200):
            data.xfrc_applied[model.body("cap").id, 2] = pull
            mujoco.mj_step(model, data)
        error = data.qpos[rise] - data.qpos[cap] * pitch / (2 * math.pi)
        assert abs(error) < 1e-5
        assert data.qpos[cap] == pytest.approx(turned, abs=0.02)  # nor does a pull unscrew it


def test_a_large_lid_alone_goes_onto_the_large_neck():
    model, data = world_of("lid-choose")
    large = data.xpos[model.body("bottle1").id]
    for name, fits in (("lid0", False), ("lid1", True)):
        model, data = world_of("lid-choose")
        start = model.joint(name).qposadr[0]
        data.qpos[start : start + 7] = [large[0], large[1], SEAT + 0.0105, 1, 0, 0, 0]
        for _ in range(200):
            data.xfrc_applied[model.body(name).id, 2] = -5.0
            mujoco.mj_step(model, data)
        assert (data.xpos[model.body(name).id, 2] - SEAT < 0.001) == fits


@pytest.mark.parametrize(("name", "joint"), [("lid-flip", "chest_lid"), ("lid-slide", "case_lid")])
def test_a_lid_on_a_joint_stays_where_it_is_left(name, joint):
    low = TASKS[name].dynamics.low[0]
    model, data = world_of(name, dynamics={"drag": low})
    where = model.joint(joint).qposadr[0]
    before = data.qpos[where]
    mujoco.mj_step(model, data, nstep=2000)
    assert data.qpos[where] == pytest.approx(before, abs=1e-4)
