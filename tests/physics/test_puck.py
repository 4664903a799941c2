"""Pucks of every shape, mass and friction, side by side in one batch as the tasks have them."""

import itertools
import math

import mujoco
import numpy as np
import pytest

from robotasks.arrays import yaw_quat
from robotasks.physics.engine import Placement, StateRows, make_engine, sensor_layout
from robotasks.physics.objects import puck
from robotasks.physics.robots.placing import part_at
from robotasks.physics.scene import workshop

GRAVITY, TIMESTEP = 9.81, 0.005
SUNK = 5e-5  # how deep a resting puck lies in the table (m), contacts being soft
GRID = np.array(
    list(
        itertools.product(
            [puck.DISC, puck.SQUARE, puck.BAR],
            [0.1, 0.5],  # mass
            [0.2, 0.4, 0.6],  # friction
            [0.4, 0.8],  # speed
            [0.0, 0.5, 2.5],  # angle of the way
        )
    )
)


class Pucks:
    """One puck a world, on the table; everything (n,) but the velocity (n, 6)."""

    def __init__(self, shape, mass, friction, turn, velocity=None):
        spec = workshop(TIMESTEP)
        puck.add_puck(spec)
        self.engine = make_engine(spec, len(shape), threads=1)
        at = np.tile([0.5, 0.0, puck.HALF_HEIGHT - SUNK], (len(shape), 1))
        velocity = np.zeros((len(shape), 6)) if velocity is None else velocity
        placement = part_at("puck", at, yaw_quat(turn)) | Placement(velocities={"puck": velocity})
        states = StateRows(self.engine.model).rows(placement, len(shape))
        fields = puck.puck_fields(shape, mass, friction)
        self.engine.reset(np.ones(len(shape), dtype=bool), states, fields)
        self.now = sensor_layout(self.engine.model).view(self.engine.sensors)


def test_a_puck_stops_where_coulomb_says():
    shape, mass, friction, speed, angle = GRID.T
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    velocity = np.zeros((len(GRID), 6))
    velocity[:, :2] = speed[:, None] * way
    pucks = Pucks(shape, mass, friction, 0.3 + 0 * angle, velocity)
    start, stopping_time = pucks.now.puck_pos.copy(), speed / (friction * GRAVITY)
    pucks.engine.step(round((stopping_time.max() + 0.2) / TIMESTEP))
    slid = (pucks.now.puck_pos - start)[:, :2]
    along = (slid * way).sum(axis=1)
    # Semi-implicit steps move with the speed at their end: half a tick's way is missing.
    assert along == pytest.approx(speed * (stopping_time - TIMESTEP) / 2, rel=0.02)
    assert np.abs(slid - along[:, None] * way).max() < 2e-3
    assert np.abs(pucks.now.puck_vel).max() < 1e-5


@pytest.mark.parametrize("shape", [puck.DISC, puck.SQUARE, puck.BAR], ids=["disc", "square", "bar"])
def test_a_puck_at_rest_stays(shape):
    turns = np.linspace(-math.pi, math.pi, 60)
    one = np.ones(len(turns))
    pucks = Pucks(shape * one, 0.3 * one, 0.4 * one, turn=turns)
    start = pucks.now.puck_pos.copy()
    for _ in range(100):
        pucks.engine.step(round(0.05 / TIMESTEP))
        assert np.abs(pucks.now.puck_vel).max() < 2e-3
        assert np.abs(pucks.now.puck_angvel).max() < 5e-3
    assert np.abs(pucks.now.puck_pos - start).max() < 1e-4


def test_fields_are_those_of_the_chosen_shape():
    """Mass and inertia are what MuJoCo computes of a solid body with that shape and density."""
    for shape, kind, size in (
        (puck.DISC, "CYLINDER", (puck.DISC_RADIUS, puck.HALF_HEIGHT, 0)),
        (puck.SQUARE, "BOX", (puck.SQUARE_HALF, puck.SQUARE_HALF, puck.HALF_HEIGHT)),
        (puck.BAR, "BOX", (*puck.BAR_HALF, puck.HALF_HEIGHT)),
    ):
        spec = mujoco.MjSpec()
        body = spec.worldbody.add_body()
        body.add_geom(type=getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"), size=size, mass=0.3)
        solid = spec.compile()
        fields = puck.puck_fields(*(np.array([value]) for value in (float(shape), 0.3, 0.4)))
        assert np.allclose(fields["body_mass", "puck"], solid.body_mass[1])
        assert np.allclose(fields["body_inertia", "puck"][0], solid.body_inertia[1])
