"""Twist the nose cone onto the nose of the airplane."""

from __future__ import annotations

import mujoco

from robotasks.physics.objects import bottle
from robotasks.physics.objects.airframe import dress_cone, dress_nose
from robotasks.tasks.lid.twist_on import TwistOn


class Nose(TwistOn):
    """Fetch the nose cone, put it on the nose, lock it with a twist, let go.

    The fuselage stands on its tail end, the neck of its nose up; neck and cone are those of a lug
    cap, so all but the looks is as in `lid-twist-on`.
    Randomised: the fuselage's place and yaw; clearance and friction of the cone; where cone and
    tool start. Success: the cone on the rim, its lugs under the ramps, the fingers open.
    """

    name = "plane-nose"
    family = "plane"

    def fit(self, neck: mujoco.MjsBody, cap: mujoco.MjsBody) -> None:
        super().fit(neck, cap)
        dress_nose(neck, bottle.RIM)
        dress_cone(cap)
