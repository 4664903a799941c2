"""The T of Push-T: a bar and a stem, its centre of mass at the origin of its frame."""

from __future__ import annotations

from robotasks.physics.objects.part import Block, Box

HALF_HEIGHT = 0.0125
HALF_LENGTH = 0.06
"""Half the bar's length, which lies along the T's x axis (m)."""
HALF_WIDTH = 0.015
"""Half the width of bar and stem (m)."""
_STEM = 0.045  # half the stem's length
_APART = HALF_WIDTH + _STEM  # the two middles; bar and stem weigh as much as they are long

BAR = _APART * _STEM / (HALF_LENGTH + _STEM)
"""The bar's middle (y, m); TOP and UNDER are its edges, FOOT is the end of the stem."""
TOP, UNDER = BAR + HALF_WIDTH, BAR - HALF_WIDTH
FOOT = UNDER - 2 * _STEM
TEE = Block(
    (Box(0, BAR, HALF_LENGTH, HALF_WIDTH), Box(0, BAR - _APART, HALF_WIDTH, _STEM)), HALF_HEIGHT
)
ENDS = ((-HALF_LENGTH, BAR), (HALF_LENGTH, BAR), (0.0, FOOT))
"""The three ends of the T (x and y, m)."""
