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
