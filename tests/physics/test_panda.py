import itertools
import math

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.physics.engine import StateRows, make_engine
from robotasks.physics.robots import panda
from robotasks.physics.robots.panda import Control, arm_pose, command, tool_pose
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.physics.scene import OBJECT, table_pair, workshop

GRAVITY = 9.81
CONTROL_STEP = 0.05
OPEN, SHUT = 1.0, -1.0

corners = zip(*panda.WORK_AREA, strict=True)
places = st.tuples(*(st.floats(*bounds) for bounds in corners))
yaws = st.floats(*panda.YAW_RANGE)


def grid():
    """Tool positions over the work area (n, 3), for each the yaws over the yaw range (n,)."""
    axes = [np.linspace(*bounds, 3) for bounds in zip(*panda.WORK_AREA, strict=True)]
    points = np.array(list(itertools.product(*axes, np.linspace(*panda.YAW_RANGE, 5))))
    return points[:, :3], points[:, 3]


def arm_scene(timestep=0.005):
    spec = workshop(timestep)
    panda.add_panda(spec)
    return spec


class Bench:
    """Worlds of the arm, driven by set-points or by actions; one row per world."""

    def __init__(self, pos, yaw, width=0.08, spec=None, part=None):
        pos, yaw = np.atleast_2d(pos).astype(float), np.atleast_1d(yaw).astype(float)
        spec = spec or arm_scene()
        self.engine = make_engine(spec, len(yaw), threads=1)
        self.model, self.data = self.engine.model, mujoco.MjData(self.engine.model)
        placement = arm_at(pos, yaw, width + 0 * yaw)
        if part is not None:
            upright = np.tile([1.0, 0, 0, 0], (len(yaw), 1))
            placement |= part_at(part, pos, upright)
        states = StateRows(self.model).rows(placement, len(yaw))
        self.engine.reset(np.ones(len(yaw), dtype=bool), states, {})
        self.ticks = round(CONTROL_STEP / self.model.opt.timestep)

    def sense(self, name):
        sensor = self.model.sensor(name)
        start = sensor.adr[0]
        return self.engine.sensors[:, start : start + sensor.dim[0]]

    @property
    def pos(self):
        return self.sense("tcp_pos").copy()

    @property
    def yaw(self):
        return self.tool[:, 3]

    @property
    def tool(self):
        start = self.model.sensor("servo_pos.1").adr[0]
        return tool_pose(self.engine.sensors[:, start : start + 4])

    @property
    def tilt(self):
        """Degrees between the tool's axis and straight down."""
        w, x, y, z = self.sense("tcp_quat").T
        return np.degrees(np.arccos(np.clip(x * x + y * y - w * w - z * z, -1, 1)))

    def act(self, action, control):
        action = np.clip(action, -1, 1)
        self.engine.ctrl[:] = command(self.engine.ctrl, action, self.tool, control)
        self.engine.step(self.ticks)

    def wander(self, seconds, control, grip, seed=0):
        """Yield after each control step of a fast tour of random places, one per 0.5 s or so."""
        random = np.random.default_rng(seed)
        worlds = self.engine.worlds
        for step in range(round(seconds / CONTROL_STEP)):
            if step % 12 == 0:
                goal = random.uniform(control.low, control.high, (worlds, 3))
                face = random.uniform(*control.yaw, worlds)
            move = (goal - self.engine.ctrl[:, :3]) / control.step
            turn = (face - self.engine.ctrl[:, 3]) / control.turn
            self.act(np.column_stack([move, turn, np.full(worlds, grip)]), control)
            yield

    def joints(self):
        start = mujoco.mj_stateSize(self.model, mujoco.mjtState.mjSTATE_TIME)
        return self.engine.state()[:, start : start + 7]

    def in_hand(self, body):
        """Where a body is in the frame of the tool, (worlds, 3)."""
        rows = []
        for world in range(self.engine.worlds):
            _, data = self.engine.world(world)
            tool = data.site("tcp")
            rows.append(tool.xmat.reshape(3, 3).T @ (data.body(body).xpos - tool.xpos))
        return np.array(rows)


def test_home_is_where_franka_says():
    home = arm_pose(np.array(panda.HOME_TCP), np.array(0.0))
    assert np.allclose(home, [0, 0.046, 0, -2.376, 0, 2.422, math.pi / 4], atol=2e-3)
    bench = Bench(panda.HOME_TCP, 0.0)
    assert np.allclose(bench.pos, panda.HOME_TCP, atol=1e-9)
    assert np.allclose(bench.tilt, 0, atol=1e-4)


MODEL = arm_scene().compile()


@given(places, yaws)
def test_arm_pose_inverts_the_kinematics(pos, yaw):
    data = mujoco.MjData(MODEL)
    data.qpos[:7] = arm_pose(np.array(pos), np.array(yaw))
    assert (data.qpos[:7] >= MODEL.jnt_range[:7, 0]).all()
    assert (data.qpos[:7] <= MODEL.jnt_range[:7, 1]).all()
    mujoco.mj_forward(MODEL, data)
    tool = data.site("tcp").xmat.reshape(3, 3)
    assert np.allclose(data.site("tcp").xpos, pos, atol=1e-9)
    assert np.allclose(tool[:, 2], [0, 0, -1], atol=1e-9)
    assert np.allclose(tool_pose(data.actuator_length[:4]), [*pos, yaw], atol=1e-9)


def test_out_of_reach_is_nan():
    with np.errstate(invalid="ignore"):
        assert np.isnan(arm_pose(np.array([1.2, 0, 0.2]), np.array(0.0))).any()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("axis", "size", "steady"), [(0, 0.05, 7e-4), (1, 0.05, 7e-4), (2, 0.05, 7e-4), (3, 0.5, 2e-3)]
)
def test_step_response(axis, size, steady, sign):
    bench, size = Bench(panda.HOME_TCP, 0.0), sign * size
    bench.engine.ctrl[:, axis] += size
    track = []
    for _ in range(300):
        bench.engine.step(1)
        track.append(bench.tool[0, axis] - [*panda.HOME_TCP, 0.0][axis])
    reached = np.array(track) / size
    assert 0.18 < 0.005 * (np.argmax(reached > 0.9) + 1) < 0.27
    assert reached.max() < 1.06
    assert abs((reached[-1] - 1) * size) < steady


@pytest.mark.parametrize(("width", "wanted"), [(0.08, 0.0), (0.0, 0.08), (0.04, 0.06)])
def test_fingers_open_and_close(width, wanted):
    bench = Bench(panda.HOME_TCP, 0.0, width)
    bench.engine.ctrl[:, 6] = wanted
    widths = []
    for _ in range(100):
        bench.engine.step(1)
        widths.append(bench.sense("grip_width")[0, 0])
    moved = (np.array(widths) - width) / (wanted - width)
    speed = 0.9 * abs(wanted - width) / (0.005 * (np.argmax(moved > 0.9) + 1))
    assert 0.3 < speed < 0.7  # of the opening: two fingers at 0.15 to 0.35 m/s
    assert moved.max() < 1.01
    assert abs(widths[-1] - wanted) < 1e-4


@pytest.mark.parametrize("speed", [0.5, 1.0])
def test_the_tool_stays_upright_over_the_yaw_range(speed):
    pos = np.unique(grid()[0] + [0, 0, 0.01], axis=0)
    bench = Bench(pos, np.zeros(len(pos)))
    turns = np.repeat([speed, -speed, 0.0], [round(55 / speed), round(90 / speed), 20])
    for turn in turns:
        bench.act(np.tile([0, 0, 0, turn, OPEN], (len(pos), 1)), Control())
        assert bench.tilt.max() < 4
    assert np.allclose(bench.yaw, panda.YAW_RANGE[0], atol=0.01)
    assert bench.tilt.max() < 0.2


def test_random_motion_keeps_the_posture():
    bench = Bench(np.tile(panda.HOME_TCP, (4, 1)), np.zeros(4))
    low, high = bench.model.jnt_range[:7].T
    for _ in bench.wander(30, Control(), OPEN):
        joints = bench.joints()
        assert abs(joints[:, 2]).max() < 0.15
        assert np.minimum(joints - low, high - joints).min() > 0.1
        assert bench.tilt.max() < 5


def carrying(timestep):
    spec = arm_scene(timestep)
    box = spec.worldbody.add_body(name="box")
    box.add_freejoint(name="box")
    size = [0.02, 0.02, 0.025]
    box.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=size, mass=0.08, **OBJECT)
    bench = Bench(np.tile(panda.HOME_TCP, (2, 1)), np.zeros(2), 0.041, spec, part="box")
    bench.engine.ctrl[:, 6] = 0
    bench.engine.step(round(0.5 / timestep))
    return bench


@pytest.mark.parametrize("timestep", [0.0025, 0.005])
def test_a_held_box_hardly_creeps(timestep):
    bench = carrying(timestep)
    model, data = bench.engine.world(0)
    assert data.actuator_force[model.actuator("grip").id] == -30
    before = bench.in_hand("box")
    bench.engine.step(round(20 / timestep))
    assert np.linalg.norm(bench.in_hand("box") - before, axis=-1).max() < 2e-3


@pytest.mark.parametrize(("timestep", "drift"), [(0.0025, 4e-3), (0.005, 9e-3)])
def test_a_carried_box_hardly_drifts(timestep, drift):
    """It drifts in proportion to the contact's time constant, so to the step."""
    bench = carrying(timestep)
    before, speeds = bench.in_hand("box"), []
    for _ in bench.wander(10, Control(low=(0.35, -0.3, 0.05), yaw=(-0.5, 1.0)), SHUT):
        speeds.append(np.linalg.norm(bench.sense("tcp_vel"), axis=-1))
    assert np.mean(speeds) > 0.2
    assert np.linalg.norm(bench.in_hand("box") - before, axis=-1).max() < drift


@pytest.mark.parametrize("friction", [0.05, 0.2, 0.4, 0.6])
def test_a_disc_stops_where_coulomb_says(friction):
    spec, timestep, height = workshop(0.005), 0.005, 0.01
    disc = spec.worldbody.add_body(name="disc", pos=[0, 0, height])
    disc.add_freejoint(name="disc")
    cylinder = mujoco.mjtGeom.mjGEOM_CYLINDER
    disc.add_geom(name="disc", type=cylinder, size=[0.03, height, 0], mass=0.1, **OBJECT)
    table_pair(spec, "disc", friction)
    model = spec.compile()
    for speed, angle in itertools.product([0.4, 0.8, 1.2], [0.0, 0.5, 2.5, 4.0]):
        data = mujoco.MjData(model)
        mujoco.mj_step(model, data, 60)
        start, way = data.qpos[:2].copy(), np.array([math.cos(angle), math.sin(angle)])
        data.qvel[:2] = speed * way
        stopping_time = speed / (friction * GRAVITY)
        mujoco.mj_step(model, data, round((stopping_time + 0.2) / timestep))
        slid = data.qpos[:2] - start
        # Semi-implicit steps move with the speed at their end: half a tick's way is missing.
        expected = speed * (stopping_time - timestep) / 2
        assert slid @ way == pytest.approx(expected, rel=0.02)
        if stopping_time > 50 * timestep:
            assert slid @ way == pytest.approx(speed * stopping_time / 2, rel=0.02)
        assert np.linalg.norm(slid - (slid @ way) * way) < 1e-6
        assert np.linalg.norm(data.qvel[:2]) < 1e-5


def test_starts_are_at_rest():
    pos, yaw = grid()
    bench = Bench(pos, yaw, width=0.04)
    for _ in range(5):
        bench.act(np.tile([0, 0, 0, 0, 0.0], (len(yaw), 1)), Control())
        assert np.linalg.norm(bench.pos - pos, axis=-1).max() < 1e-3
        assert np.degrees(abs(bench.yaw - yaw)).max() < 0.5
        assert bench.tilt.max() < 0.5


units = st.floats(-1, 1)


@given(places, yaws, st.tuples(*[units] * 5), st.tuples(*[st.floats(-0.5, 0.5)] * 4))
def test_commands_stay_near_the_tool_and_in_the_work_area(pos, yaw, action, gap):
    control, tool = Control(), np.array([*pos, yaw])
    setpoint = np.array([*(tool + gap), 0, 0, 0.0])
    after = command(setpoint, np.array(action), tool, control)
    tiny = 1e-12
    assert (after[:3] >= np.array(control.low)).all() and (after[:3] <= control.high).all()
    assert control.yaw[0] <= after[3] <= control.yaw[1]
    assert (abs(after - [*tool, 0, 0, 0])[:3] <= control.lead + tiny).all()
    assert abs(after[3] - yaw) <= control.turn_lead + tiny
    assert (after[4:6] == 0).all()
    assert after[6] == pytest.approx((action[4] + 1) * 0.04)


@given(units)
def test_the_fingers_open_as_far_as_the_task_lets_them(action):
    setpoint, tool = np.zeros(7), np.array([0.5, 0.0, 0.2, 0.0])
    for closed, opened in ((0.0, 0.0), (0.01, 0.05)):
        after = command(
            setpoint, np.array([0, 0, 0, 0, action]), tool, Control(width=(closed, opened))
        )
        assert after[6] == pytest.approx(closed + (action + 1) / 2 * (opened - closed))


@given(st.tuples(*[units] * 5))
def test_commands_add_to_the_setpoint(action):
    tool = np.array([0.5, 0.0, 0.2, 0.0])
    setpoint = np.array([0.502, -0.001, 0.199, 0.01, 0, 0, 0.04])  # 0.02 + 0.002 < lead
    after = command(setpoint, np.array(action), tool, Control(turn_lead=0.2))
    assert np.allclose(after[:3] - setpoint[:3], 0.02 * np.array(action[:3]), atol=1e-12)
    assert np.isclose(after[3] - setpoint[3], 0.15 * action[3], atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_says_what_numpy_says(dtype):
    torch = pytest.importorskip("torch")
    pos, yaw = (values.astype(dtype) for values in grid())
    random = np.random.default_rng(0)
    setpoint = random.uniform(-0.3, 0.7, (len(yaw), 7)).astype(dtype)
    action = random.uniform(-1, 1, (len(yaw), 5)).astype(dtype)
    given = (setpoint, action, np.column_stack([pos, yaw]), pos, yaw)
    ours, theirs = (
        (command(*arrays[:3], Control()), arm_pose(*arrays[3:]))
        for arrays in (given, tuple(map(torch.from_numpy, given)))
    )
    for expected, found in zip(ours, theirs, strict=True):
        assert found.dtype == getattr(torch, dtype) and expected.dtype == dtype
        assert np.allclose(found.numpy(), expected, atol=1e-12 if dtype == "float64" else 1e-5)


def test_the_same_actions_give_the_same_bits():
    def final_state(worlds):
        bench = Bench(np.tile(panda.HOME_TCP, (worlds, 1)), np.zeros(worlds))
        random = np.random.default_rng(1)
        for action in random.uniform(-1, 1, (40, 5)):
            bench.act(np.tile(action, (worlds, 1)), Control())
        return bench.engine.state()

    once = final_state(3)
    assert (once == final_state(3)).all()
    assert (once == final_state(1)).all()


def test_sensors_are_fresh_after_a_reset_and_shells_weigh_nothing():
    assert MODEL.sensor_needstage.max() <= int(mujoco.mjtStage.mjSTAGE_VEL)
    bare = arm_scene()
    for geom in [g for g in bare.geoms if g.group == 2]:
        bare.delete(geom)
    assert np.array_equal(MODEL.body_inertia, bare.compile().body_inertia)
    assert np.array_equal(MODEL.body_mass[1:], bare.compile().body_mass[1:])
