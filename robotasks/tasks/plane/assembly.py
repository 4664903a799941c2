"""Put parts from the table on their seats."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from robotasks.layout import View
from robotasks.tasks.handling import TOOL, hand_around, open_hand
from robotasks.tasks.planar import above
from robotasks.tasks.plane.plane_task import Place, PlaneTask, in_hand, job_of, seated
from robotasks.tasks.push.tabletop import laid
from robotasks.tasks.span import Span

HELD = TOOL | Span(slip=(-0.003, 0.003))
"""A start with the part in the hand, off along the fingers (m): for training alone."""


class Assembly(PlaneTask):
    """Fetch parts from the table and put them on the seats of mounts that stand where a goal says.

    A task of this kind gives its spans (`<mount>_xy` and `<mount>_yaw` in the goal; `<part>_xy`,
    `<part>_yaw` and the fields of `TOOL` in a start), its mounts and parts, and their places.
    Success: every part on its seat, within 1.5 mm and 5 degrees, the fingers open.
    """

    @abstractmethod
    def places(self, goal: View) -> Mapping[str, Place]:
        """Return where each part belongs."""

    def place(self, start, goal, dynamics):
        placement = self.furnish(goal)
        if "tcp_pos" in start:
            placement |= open_hand(start)
        for name, kind in self.parts.items():
            if f"{name}_xy" in start:
                xy, yaw = getattr(start, f"{name}_xy"), getattr(start, f"{name}_yaw")
                placement |= laid(name, xy, yaw, kind.half[2])
                if "tcp_off" in start:
                    placement |= hand_around(start, above(xy, kind.half[2] + kind.grasp_up), yaw)
            else:
                placement |= in_hand(name, kind, start)
        return placement

    def observe(self, now):
        return self.sensed_parts(now)

    def cue(self, now, goal):
        return self.sensed_mounts(now) | self.to_go(now, goal)

    def jobs(self, now, goal):
        places = self.places(goal)
        jobs = {
            name: job_of(now, name, kind, places[name], kind.pins)
            for name, kind in self.parts.items()
        }
        return [(job, seated(now, name, job)) for name, job in jobs.items()]
