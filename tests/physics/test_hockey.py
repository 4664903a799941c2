import itertools

import mujoco
import numpy as np
import pytest

from robotasks import TaskVectorEnv
from robotasks.arrays import yaw_quat
from robotasks.physics.engine import StateRows, make_engine
from robotasks.physics.objects import rink
from robotasks.physics.objects.stick import BLADE_HALF, TOOL_HEIGHT
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.tasks.hockey import play, short
from robotasks.tasks.hockey.retrieve import Retrieve
from robotasks.tasks.hockey.shoot import Shoot
from robotasks.tasks.planar import above

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
RESTITUTIONS = (0.1, 0.3, 0.6, 0.8)
CASES = np.array(list(itertools.product(SPEEDS, RESTITUTIONS))).T
SLIPPERY = 1e-6


class Ice:
    """Worlds in which pucks slide, the stick out of the way; one row per world."""

    def __init__(self, pos, vel, friction=SLIPPERY, restitution=0.6, timestep=0.005, lift=0.0):
        pos, vel = np.atleast_2d(pos).astype(float), np.atleast_2d(vel).astype(float)
        count, one = len(vel), np.ones(len(vel))
        self.engine = make_engine(play.scene(timestep), count, threads=1)
        tool = np.tile([0.4, 0.0, TOOL_HEIGHT + lift], (count, 1))
        puck = above(np.broadcast_to(pos, (count, 2)), rink.PUCK_HALF_HEIGHT)
        placement = arm_at(tool, 0 * one, 0 * one) | part_at("puck", puck, yaw_quat(0 * one))
        placement.velocities["puck"] = np.column_stack([vel, np.zeros((count, 4))])
        fields = dict(rink.board_fields(restitution * one, timestep))
        fields |= rink.puck_fields(0.165 * one, friction * one, restitution * one, timestep)
        states = StateRows(self.engine.model).rows(placement, count)
        self.engine.reset(one > 0, states, fields)

    def sense(self, name):
        sensor = self.engine.model.sensor(name)
        return self.engine.sensors[:, sensor.adr[0] : sensor.adr[0] + sensor.dim[0]].copy()

    def slide(self, seconds):
        """Yield the time after each tick."""
        step = self.engine.model.opt.timestep
        for tick in range(round(seconds / step)):
            self.engine.step(1)
            yield (tick + 1) * step


@pytest.mark.parametrize("timestep", [0.0025, 0.005])
@pytest.mark.parametrize("place", ["side", "end"])
def test_boards_bounce_as_their_restitution_says(place, timestep):
    speed, restitution = CASES
    axis = {"side": 1, "end": 0}[place]
    vel = np.zeros((len(speed), 2))
    vel[:, axis] = speed
    start = (0.9, 0.2) if place == "side" else (1.3, 0.3)
    ice = Ice(start, vel, restitution=restitution, timestep=timestep)
    after = np.zeros(len(speed))
    for _ in ice.slide(1.0):
        now = ice.sense("puck_vel")[:, axis]
        after = np.where((after == 0) & (now < 0), -now, after)
    assert np.allclose(after / speed, restitution, atol=0.03)
    assert abs(ice.sense("puck_pos")[:, 2] - rink.PUCK_HALF_HEIGHT).max() < 2e-3


def test_the_blade_bounces_as_its_restitution_says():
    speed, restitution = CASES
    vel = np.column_stack([-speed, 0 * speed])
    ice = Ice((0.6, 0.02), vel, restitution=restitution)
    found = np.zeros(len(speed))
    for _ in ice.slide(1.0):
        # The hit also turns the tool, and the blade hangs 58 mm below it.
        blade = ice.sense("tcp_vel")[:, 0] - 0.058 * ice.sense("tcp_angvel")[:, 1]
        parting = ice.sense("puck_vel")[:, 0] - blade
        found = np.where((found == 0) & (parting > 0), parting / speed, found)
    assert np.allclose(found, restitution, atol=0.03)


@pytest.mark.parametrize("friction", [0.02, 0.035, 0.05])
def test_a_puck_stops_where_coulomb_says(friction):
    speed = np.array([0.2, 0.4, 0.55])
    ice = Ice((0.55, 0.0), np.column_stack([speed, 0.1 * speed]), friction=friction)
    for _ in ice.slide(0.8 / (friction * play.GRAVITY)):
        pass
    speed = speed * np.hypot(1, 0.1)
    slid = np.linalg.norm(ice.sense("puck_pos")[:, :2] - [0.55, 0.0], axis=-1)
    # Semi-implicit steps move with the speed at their end: half a tick's way is missing.
    expected = speed * (speed / (friction * play.GRAVITY) - 0.005) / 2
    assert np.allclose(slid, expected, rtol=0.02)
    assert np.abs(ice.sense("puck_vel")).max() < 1e-4


@pytest.mark.parametrize("restitution", [0.6, 0.8])
def test_no_bounce_adds_energy_and_nothing_tunnels(restitution):
    """Pucks as fast as the fastest shot, in all directions: more than 1000 bounces."""
    count = 200
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False) + 0.05
    vel = 2 * np.column_stack([np.cos(angle), np.sin(angle)])
    ice = Ice((1.0, 0.0), vel, restitution=restitution, lift=0.1)
    bounces, energy, before = 0, np.full(count, 4.0), vel
    for _ in ice.slide(6):
        now, pos = ice.sense("puck_vel"), ice.sense("puck_pos")
        spin = ice.sense("puck_angvel")[:, 2] ** 2 * rink.PUCK_RADIUS**2 / 2
        present = (now[:, :2] ** 2).sum(axis=-1) + spin
        assert (present < energy * 1.01 + 1e-4).all()
        energy = np.minimum(energy, present)
        bounces += (np.sign(now[:, :2]) != np.sign(before)).any(axis=-1).sum()
        before = now[:, :2]
        assert (abs(pos[:, 1]) < rink.HALF_WIDTH).all()
        assert (pos[:, 0] > rink.NEAR_END).all() and (pos[:, 0] < rink.GOAL_LINE + 0.16).all()
        assert (abs(pos[:, 2] - rink.PUCK_HALF_HEIGHT) < 0.003).all()
    assert bounces > 1000


def test_the_tool_stays_upright_and_the_blade_off_the_ice_in_a_shot():
    env = TaskVectorEnv(Shoot(), 16, threads=1)
    env.reset(seed=0)
    crew, fastest = env._crews[0], 0.0
    floor = []
    rng = np.random.default_rng(0)
    for step in range(120):
        wild = np.sign(rng.uniform(-1, 1, (16, 5)))  # after the shot, the worst there is
        env.step(env.expert_actions() if step < 40 else wild)
        w, x, y, z = crew.now.tcp_quat.T
        tilt = np.degrees(np.arccos(np.clip(x * x + y * y - w * w - z * z, -1, 1)))
        fastest = max(fastest, np.linalg.norm(crew.now.tcp_vel, axis=-1).max())
        assert tilt.max() < (2.5 if step < 40 else 5)
        for world in range(0, 16, 5):
            model, data = crew.engine.world(world)
            blade = data.geom("blade")
            down = np.abs(blade.xmat.reshape(3, 3)[2]) @ model.geom("blade").size
            floor.append(blade.xpos[2] - down)
    assert fastest > 1.0
    assert min(floor) > 0


def test_a_tick_on_the_ice_is_cheap_in_contacts():
    model = play.scene().compile()
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 50)
    assert data.ncon <= 4


def test_a_puck_is_dragged_out_of_every_corner():
    places = list(itertools.product((0.32, 0.5, 0.69, 0.8), (-0.4, -0.13, 0.0, 0.13, 0.4)))
    env = TaskVectorEnv(Retrieve(), len(places), threads=1, autoreset_mode="Disabled")
    env.reset(seed=0, options={"start": {"puck_xy": places}, "goal": {"circle_xy": (0.55, 0.05)}})
    now = env.readings()
    touching = abs(now.puck_pos[:, 1]) > short.RINK.half_width - rink.PUCK_RADIUS - 0.002
    assert np.count_nonzero(touching) == 8
    assert (now.puck_pos[:, 0] > short.RINK.goal_line).any()  # in the net
    for _ in range(env.horizon):
        infos = env.step(env.expert_actions())[4]
    assert infos["success"].all()
    assert np.linalg.norm(now.puck_pos[:, :2] - (0.55, 0.05), axis=-1).max() < 0.013


def test_boards_stop_the_stick_and_keep_the_puck():
    """The wildest there is: the blade never stands in a board, the puck never leaves the ice."""
    env = TaskVectorEnv(Retrieve(), 32, threads=1, max_episode_steps=1000)
    env.reset(seed=0)
    (engine,), puck, ice = env.engines, env.readings().puck_pos, short.RINK
    end, rng = ice.goal_line + ice.net_depth, np.random.default_rng(0)
    corners = np.array(list(itertools.product((-1, 1), repeat=3))) * BLADE_HALF
    for _ in range(150):
        env.step(np.sign(rng.uniform(-1, 1, (32, 5))))
        assert (abs(puck[:, 1]) < ice.half_width).all()
        assert ((puck[:, 0] > ice.near_end) & (puck[:, 0] < end)).all()
        for world in range(0, 32, 8):
            blade = engine.world(world)[1].geom("blade")
            x, y, z = (blade.xpos + corners @ blade.xmat.reshape(3, 3).T).T
            low = z < 0.055  # else it passes over the boards
            assert (abs(y[low]) < ice.half_width + 0.007).all()
            assert ((x[low] > ice.near_end - 0.007) & (x[low] < end + 0.007)).all()
