"""Checks that agents have in common."""

from __future__ import annotations

from collections.abc import Sequence

from robotasks.layout import Layout


def check_options(
    config: object,
    *,
    counts: Sequence[str] = (),
    positive: Sequence[str] = (),
    shares: Sequence[str] = (),
) -> None:
    """Raise ValueError unless the named options are at least 1, above 0, within 0..1; or None."""
    for name in counts:
        if getattr(config, name) is not None and getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, not {getattr(config, name)}.")
    for name in positive:
        if getattr(config, name) is not None and not getattr(config, name) > 0:
            raise ValueError(f"{name} must be positive, not {getattr(config, name)}.")
    for name in shares:
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} must be within 0..1, not {getattr(config, name)}.")


def check_tells_rewards(layout: Layout, who: str) -> None:
    """Raise ValueError unless observations tell the last reward; who: who needs it, for what."""
    if "last_reward" not in layout:
        raise ValueError(
            f"{who}, which the observation does not tell: it has {', '.join(layout)}. "
            "Reveal history (--reveal history)."
        )
