"""What the push family relies on: Coulomb friction, inertia of parts, the slot's clearance."""

import mujoco
import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.physics.engine import Placement, StateRows, make_engine
from robotasks.physics.objects import brick, puck, slot
from robotasks.physics.objects.part import block_fields
from robotasks.physics.objects.tee import TEE
from robotasks.physics.scene import workshop

GRAVITY, TIMESTEP = 9.81, 0.005


@pytest.mark.parametrize("friction", [0.095, 0.105])
@pytest.mark.parametrize("speed", [0.4, 0.8])
def test_a_puck_stops_where_coulomb_says(friction, speed):
    spec = workshop(timestep=TIMESTEP, grasps=False)
    puck.add_puck(spec)
    engine = make_engine(spec, 1, threads=1)
    placement = Placement(joints={"puck": np.array([[0, 0, puck.HALF_HEIGHT, 1, 0, 0, 0.0]])})
    one = np.ones(1)
    fields = puck.puck_fields(0 * one, 0.3 * one, friction * one)
    engine.reset(one > 0, StateRows(engine.model).rows(placement, 1), fields)
    engine.step(40)  # settles
    state = engine.state()
    x = state[0, 1]
    state[0, 1 + engine.model.nq] = speed
    engine.reset(one > 0, state, {})
    engine.step(800)
    decay = friction * GRAVITY
    # The integrator moves with the speed after each tick: half a tick less than v^2 / 2a.
    expected = speed**2 / (2 * decay) - speed * TIMESTEP / 2
    assert engine.state()[0, 1] - x == pytest.approx(expected, rel=0.02)


def test_a_block_has_the_mass_and_inertia_of_its_boxes():
    """A T with its centre of mass at the origin, against MuJoCo's own sum over the geoms."""
    spec = mujoco.MjSpec()
    body = spec.worldbody.add_body(name="t")
    body.add_freejoint()
    for box in TEE.boxes:
        area = box.half_x * box.half_y
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[box.x, box.y, 0],
            size=[box.half_x, box.half_y, TEE.half_height],
            mass=0.4 * area / sum(b.half_x * b.half_y for b in TEE.boxes),
        )
    model = spec.compile()
    fields = block_fields(TEE, np.array(0.4), np.array(0.3), "t")
    index = model.body("t").id
    assert model.body_mass[index] == pytest.approx(0.4)
    assert np.allclose(model.body_ipos[index], 0, atol=1e-9)
    ours = np.sort(fields["body_inertia", "t"])
    assert np.sort(model.body_inertia[index]) == pytest.approx(ours, rel=1e-6)


def test_the_brick_turns_about_its_own_centre_of_mass():
    fields = brick.brick_fields(np.array(2.0), np.array(0.5), np.array([0.01, -0.01]))
    assert fields["body_ipos", "brick"].tolist() == [0.01, -0.01, 0]
    spec = workshop(timestep=TIMESTEP)
    brick.add_brick(spec)
    assert spec.compile().body("brick").sameframe[0] != int(mujoco.mjtSameFrame.mjSAMEFRAME_BODY)


@pytest.mark.parametrize("clearance", [0.003, 0.008])
def test_the_slot_is_as_wide_as_the_dynamics_say(clearance):
    env = TaskVectorEnv(TASKS["push-slot"], 1, threads=1)
    env.reset(seed=0, options={"dynamics": {"clearance": clearance}})
    model, _ = env._crews[0].engine.world(0)
    left, right = model.geom("slot_1"), model.geom("slot_2")
    room = left.pos[1] - right.pos[1] - left.size[1] - right.size[1]
    assert room == pytest.approx(2 * (puck.DISC_RADIUS + clearance))
    assert left.pos[0] + left.size[0] == pytest.approx(slot.MOUTH)
