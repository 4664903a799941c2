"""Random numbers for libraries that draw from the global generators."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np
import torch

from robotasks.agents.parts.checkpoint import State


class Streams:
    """`with streams:` lends its own to whoever draws from the global ones of numpy and torch.

    The global generators stand afterwards where they stood before; these go on the next time.
    """

    def __init__(self, seed: int) -> None:
        self._numpy: Any = np.random.RandomState(seed).get_state(legacy=False)
        self._torch = torch.Generator().manual_seed(seed).get_state()

    def __enter__(self) -> None:
        self._swap()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._swap()

    def _swap(self) -> None:
        """Exchange ours and the global ones."""
        theirs = np.random.get_state(legacy=False), torch.get_rng_state()
        np.random.set_state(self._numpy)
        torch.set_rng_state(self._torch)
        self._numpy, self._torch = theirs

    def state(self) -> State:
        """The places in both streams, copies; not while they are lent."""
        key = self._numpy["state"]
        rest = [key["pos"], self._numpy["has_gauss"], self._numpy["gauss"]]
        return {
            "numpy.key": key["key"].copy(),
            "numpy.rest": np.array(rest, np.float64),
            "torch": self._torch.numpy().copy(),
        }

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        position, has_gauss, gauss = state["numpy.rest"].tolist()
        self._numpy = {
            "bit_generator": "MT19937",
            "state": {"key": state["numpy.key"].copy(), "pos": int(position)},
            "has_gauss": int(has_gauss),
            "gauss": gauss,
        }
        self._torch = torch.from_numpy(state["torch"].copy())
