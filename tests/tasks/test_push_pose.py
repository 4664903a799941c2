"""What push-pose relies on: what a push does to the T, and where 15 mm and 8 degrees end."""

import math

import numpy as np
import pytest

from robotasks import TASKS
from robotasks.arrays import unit
from robotasks.physics.engine import StateRows, make_engine, sensor_layout
from robotasks.physics.objects.tee import HALF_HEIGHT
from robotasks.physics.robots.panda import command, tool_pose
from robotasks.physics.robots.placing import arm_at
from robotasks.tasks.planar import TOUCH_HEIGHT, above
from robotasks.tasks.push.contacts import RADIUS, RETREAT, pose
from robotasks.tasks.push.push_pose import CONTACTS
from robotasks.tasks.push.tabletop import laid

TASK = TASKS["push-pose"]


@pytest.mark.parametrize("friction", [0.2, 0.6])
def test_a_push_moves_and_turns_the_tee_as_its_contact_says(friction):
    count = len(CONTACTS)
    one, still = np.ones(count), np.zeros(count)
    x, y, along_x, along_y = np.transpose(CONTACTS)
    tee = pose(np.tile([0.52, 0.0], (count, 1)), -np.arctan2(along_y, along_x))  # pushed along x
    yaw = np.arctan2(tee.xaxis[:, 1], tee.xaxis[:, 0])
    tool = above(tee.point(x - RETREAT * along_x, y - RETREAT * along_y), TOUCH_HEIGHT)
    placement = arm_at(tool, still, still) | laid("tee", tee.xy, yaw, HALF_HEIGHT)
    engine = make_engine(TASK.scene(), count, threads=1)
    dynamics = TASK.dynamics.view(np.column_stack([0.4 * one, friction * one]))
    rows = StateRows(engine.model).rows(placement, count)
    engine.reset(one > 0, rows, TASK.fields(dynamics))
    now = sensor_layout(engine.model).view(engine.sensors)
    ahead = np.column_stack([0.25 * one, still, still, still, -one])
    for _ in range(13):  # 5 mm each: well over 20 mm in touch
        engine.ctrl[:] = command(engine.ctrl.copy(), ahead, tool_pose(now.servo_pos), TASK.control)
        engine.step(10)
    moved = tee.to_go(TASK.sensed(now))
    assert (moved[:, 0] ** 2 + moved[:, 1] ** 2 > 0.01**2).all()
    effects = np.array([contact.effect for contact in CONTACTS])
    agreement = (unit(moved) * unit(effects)).sum(axis=1)  # cosines
    assert agreement.min() > 0.94, agreement.round(2)


def reached(x=0.0, y=0.0, z=0.0, speed=0.0, yaw=0.0, goal_yaw=0.0):
    """What the task says in float32 of a T so far from its place, at these yaws."""
    goal = TASK.goals.view(np.array([0.5, 0.0, goal_yaw]))
    desired = TASK.desired(goal)
    achieved = desired + np.array([x, y, z, speed, 0, 0])
    achieved[4:] = np.cos(yaw), np.sin(yaw)
    return bool(TASK.reached(achieved.astype(np.float32), desired.astype(np.float32)))


def test_a_tee_has_arrived_within_15_mm_and_8_degrees_at_rest():
    degree = math.pi / 180
    assert reached(x=0.0105, y=0.0105) and not reached(x=0.0108, y=0.0108)
    for goal_yaw in (-2.8, 0.0, 2.8):  # whichever way round
        for side in (-1, 1):
            assert reached(yaw=goal_yaw + side * 7.99 * degree, goal_yaw=goal_yaw)
            assert not reached(yaw=goal_yaw + side * 8.01 * degree, goal_yaw=goal_yaw)
            assert reached(yaw=goal_yaw + 2 * side * math.pi, goal_yaw=goal_yaw)
    assert reached(speed=0.019) and not reached(speed=0.021)
    assert not reached(z=0.006)


def test_the_way_to_a_pose_is_told_in_the_parts_own_frame():
    part, goal = (
        pose(np.array([0.5, 0.1]), np.array(3.0)),
        pose(np.array([0.5, 0.2]), np.array(-3.0)),
    )
    x, y, turn = part.to_go(goal)
    assert (x, y) == pytest.approx((0.1 * math.sin(3.0), 0.1 * math.cos(3.0)))
    assert turn == pytest.approx(RADIUS * (2 * math.pi - 6.0))
