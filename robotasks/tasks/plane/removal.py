"""Take a part off its seat and lay it on the table: what the tasks share that do."""

from __future__ import annotations

from robotasks.layout import Array, View
from robotasks.physics.objects.airframe import Seat
from robotasks.tasks.handling import Job, yaw_of
from robotasks.tasks.planar import above
from robotasks.tasks.plane.plane_task import SEATED, Place, job_of

LIFT = 0.115
"""How high above the table a part is carried, over all that stands there (m)."""
SPOT = 0.02
"""How near its spot a part is there (m)."""


def removal(now: View, name: str, seat: Seat, spot_xy: Array) -> Job:
    """Return the job of taking a part off its seat and laying it on a spot of the table.

    It stays turned as it is.
    """
    place = Place(above(spot_xy, 0.0), yaw_of(getattr(now, f"{name}_xaxis")))
    return job_of(now, name, seat.kind, place, LIFT)._replace(low=seat.z)


def laid_there(job: Job) -> Array:
    """Whether a part lies on its spot, (...) bool."""
    gap = job.gap
    return (gap.up < SEATED) & (gap.aside < SPOT)
