"""The groups that actions form, and mixtures of them: how much of what is learned each is."""

from collections.abc import Sequence

import numpy as np

GROUPS = ("standing", "walking", "everyday", "exercise", "sitting", "floor", "sport", "dance")

EVERYDAY_VIDEO = {
    "standing": 0.12,
    "walking": 0.18,
    "everyday": 0.17,
    "exercise": 0.22,
    "sitting": 0.10,
    "floor": 0.03,
    "sport": 0.12,
    "dance": 0.06,
}
"""Shares as in the videos people send: fitness and therapy, walks, daily life, some sport. There is
too little motion of people on the floor for more."""

PRESET = "everyday-video"


def parsed(shares: Sequence[str]) -> dict[str, float]:
    """Shares by group, of ``standing=0.12`` and the like or of `PRESET`; ValueError if wrong."""
    if list(shares) == [PRESET]:
        return dict(EVERYDAY_VIDEO)
    found: dict[str, float] = {}
    for text in shares:
        name, _, value = text.partition("=")
        if name not in GROUPS or name in found:
            raise ValueError(f"expected each once of {', '.join(GROUPS)}, or {PRESET}: {text}")
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"expected a share like {name}=0.1, found {text}") from None
    if found and not (all(0 <= share < np.inf for share in found.values()) and any(found.values())):
        raise ValueError("expected shares of at least 0, and one above it")
    return found
