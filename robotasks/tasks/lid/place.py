"""Set a loose lid on a bottle."""

from __future__ import annotations

from robotasks.physics.objects import bottle, lid, snap
from robotasks.tasks.lid.caps import seat, seated
from robotasks.tasks.lid.lid_task import LidTask
from robotasks.tasks.span import Span


class LidPlace(LidTask):
    """Fetch the loose lid, set it on the bottle, let go.

    Randomised: the bottle's place; clearance and mass of the lid; where lid and tool start.
    Success: the lid flat on the rim within 1 mm, the fingers open.
    """

    name = "lid-place"
    dynamics = Span(clearance=(0.0005, 0.0025), mass=(0.02, 0.1))
    horizon = 150
    depth = snap.GUIDED

    def fit(self, neck, cap):
        snap.add_ribs(cap, "lid", bottle.NECK, lid.UNDERSIDE)

    def fields(self, dynamics):
        ribs = snap.rib_fields(dynamics.clearance, bottle.NECK, lid.UNDERSIDE, "lid")
        return ribs | lid.mass_fields(dynamics.mass, "lid")

    def closed(self, now, goal):
        return seated(now, seat(goal.bottle_xy))
