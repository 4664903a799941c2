"""Intervals."""

from __future__ import annotations

import math

Z95 = 1.959963984540054


def wilson_interval(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate (Wilson 1927), 95 % by default.

    Unlike the normal one it stays within [0, 1] and says something at 0 and 100 %.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes of {trials} trials")
    rate = successes / trials
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2))
    half /= 1 + z * z / trials
    # At 0 and 100 % one end is the rate itself, but for rounding.
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))
