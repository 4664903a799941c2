"""Values as chances of evenly spaced atoms (Bellemare et al. 2017, arXiv 1707.06887)."""

from __future__ import annotations

import torch
from torch import Tensor


def projected(values: Tensor, chances: Tensor, atoms: Tensor) -> Tensor:
    """Chances (n, k) of the evenly spaced `atoms` (k,), for those of `values` (n, k).

    Each value gives to its two neighbours, so that the mean stays; beyond the ends to the last one.
    """
    low, high = atoms[0], atoms[-1]
    place = (values.clamp(low, high) - low) / (atoms[1] - atoms[0])
    below = place.floor().clamp(max=len(atoms) - 2)
    upper = chances * (place - below)
    index = below.long()
    found = torch.zeros_like(chances).scatter_add_(1, index, chances - upper)
    return found.scatter_add_(1, index + 1, upper)
