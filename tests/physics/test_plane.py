"""What the airplane family relies on: parts that fit their pins, and a firm grasp."""

import math

import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.physics.engine import Placement, StateRows, make_engine
from robotasks.physics.objects.airframe import (
    ENGINE,
    FRONT_AXLE,
    LYING,
    SADDLE,
    SHAFT,
    STANDING,
    STERN,
    add_mount,
    mount_fields,
)
from robotasks.physics.objects.airplane import add_part, part_fields
from robotasks.physics.scene import workshop

TIMESTEP = 0.0025
SEATS = [(LYING, FRONT_AXLE), (STANDING, SADDLE), (STANDING, STERN), (ENGINE, SHAFT)]


def dropped(mount, seat, clearance, aside, turn):
    """Press parts onto a seat, all but the first two (n,); return how high they stay, (n,) m."""
    kind, count = seat.kind, len(aside)
    spec = workshop(TIMESTEP)
    add_mount(spec, "mount", mount)
    add_part(spec, "part", kind)
    engine = make_engine(spec, count, threads=1)
    one, yaw = np.ones(count), seat.yaw + turn
    seated = seat.z + kind.half[2]
    start = np.stack(
        [
            seat.x + aside * np.cos(seat.yaw),
            seat.y + aside * np.sin(seat.yaw),
            (seated + kind.pins + 0.00005) * one,
            np.cos(yaw / 2),
            0 * one,
            0 * one,
            np.sin(yaw / 2),
        ],
        axis=1,
    )
    placement = Placement(
        joints={"part": start}, mocap={"mount": np.tile([0, 0, 0, 1, 0, 0, 0.0], (count, 1))}
    )
    fields = mount_fields("mount", mount, clearance * one, 0.3 * one)
    # So heavy that it presses with 24 N; not so fast that it overlaps a pin before it touches.
    fields |= {
        ("body_mass", "part"): 2.4 * one,
        ("body_inertia", "part"): np.full((count, 3), 2e-3),
    }
    engine.reset(one > 0, StateRows(engine.model).rows(placement, count), fields)
    engine.step(40)  # 0.1 s: a part that hangs over a pin has not tipped over yet
    return engine.state()[:, 3] - seated


@pytest.mark.parametrize(("mount", "seat"), SEATS, ids=[seat.name for _, seat in SEATS])
@pytest.mark.parametrize("clearance", [0.001, 0.002])
def test_clearance_is_what_a_part_may_be_off(mount, seat, clearance):
    within = 0.8 * clearance
    beyond = clearance + (0.006 if seat.kind.holes[0].round else 0.0015)  # a round tip leads in
    high = dropped(mount, seat, clearance, np.array([0, within, -within, beyond]), np.zeros(4))
    assert (high[:3] < 0.001).all()
    assert high[3] > 0.3 * seat.kind.pins


@pytest.mark.parametrize(("mount", "seat"), SEATS, ids=[seat.name for _, seat in SEATS])
def test_parts_go_on_in_every_turn_that_their_symmetry_allows(mount, seat):
    turns = 2 * math.pi / seat.kind.fold * np.arange(min(seat.kind.fold, 8))
    high = dropped(mount, seat, 0.001, 0 * turns, turns)
    assert (high < 0.001).all()


def test_the_tail_does_not_go_on_backwards():
    """Whatever the clearance, and wherever one tries."""
    places = np.arange(-0.004, 0.0041, 0.002)
    for clearance in (0.001, 0.002):
        assert (dropped(STANDING, STERN, clearance, places, math.pi + 0 * places) > 0.006).all()


def held(name, count=8, **options):
    """Worlds in which a hand holds a part, and their readings."""
    env = TaskVectorEnv(name, count, threads=1, autoreset_mode="Disabled")
    env.reset(seed=0, options=options)
    return env, env.readings()


def test_a_held_wheel_drifts_less_than_4_mm_in_10_s_of_motion():
    env = TaskVectorEnv("plane-wheel", 8, start="held", threads=1)
    env.reset(seed=0)
    now = env.readings()
    action, rng = np.zeros((8, 5)), np.random.default_rng(0)

    def in_hand():
        gap, cos, sin = now.wheel_pos - now.tcp_pos, now.tcp_xaxis[:, 0], now.tcp_xaxis[:, 1]
        x, y = gap[:, 0] * cos + gap[:, 1] * sin, gap[:, 1] * cos - gap[:, 0] * sin
        return np.stack([x, y, gap[:, 2]], axis=1)

    before = in_hand()
    for step in range(200):
        if step % 10 == 0:
            action[:, :4] = rng.uniform(-1, 1, (8, 4)) * [0.7, 0.7, 0.7, 0.5]
        action[:, 4] = -1
        action[:, 2] = np.where(now.tool[:, 2] < 0.10, 1, action[:, 2])  # clear of the fuselage
        env.step(action)
    assert np.linalg.norm(in_hand() - before, axis=1).max() < 0.004


def test_contacts_are_few():
    """They decide what a step costs."""
    env, _ = held("plane-wheel-held")
    most = 0
    for _ in range(80):
        env.step(env.expert_actions())
        most = max(most, *(env.engines[0].world(i)[1].ncon for i in range(8)))
    assert 4 < most <= 24


def test_the_expert_of_the_blind_task_reads_neither_wheel_nor_fuselage():
    task = TASKS["plane-wheel-held"]
    env, _ = held(task)
    crew, read = env._crews[0], set()

    class Watched:
        def __getattr__(self, name):
            read.add(name)
            return getattr(crew.now, name)

    task.expert(Watched(), crew.goal, task.expert_memory.view(crew.expert_memory))
    assert read <= {"tool", "setpoint"}


def test_nothing_seen_at_the_start_tells_how_far_the_fuselage_is_off():
    """Two rows that differ in this alone look alike, whatever of the goal is revealed."""
    task = TASKS["plane-wheel-held"]
    seen = []
    for off in ((-0.006, 0.006), (0.006, -0.006)):
        env = TaskVectorEnv(task, 1, threads=1)
        seen.append(env.reset(seed=0, options={"dynamics": {"off": off}})[0])
    assert np.array_equal(*seen)


@pytest.mark.parametrize("kind", [seat.kind for _, seat in SEATS], ids=lambda kind: f"{kind.half}")
def test_moments_grow_with_the_mass(kind):
    """At the mass that a part is built with, the fields are what MuJoCo sums over its geoms."""
    spec = workshop(TIMESTEP)
    add_part(spec, "part", kind)
    body = spec.compile().body("part")
    fields = part_fields("part", kind, np.array([kind.mass, 2 * kind.mass]))
    assert body.mass[0] == pytest.approx(kind.mass)
    assert fields["body_inertia", "part"][0] == pytest.approx(body.inertia)
    assert fields["body_inertia", "part"][1] == pytest.approx(2 * body.inertia)
