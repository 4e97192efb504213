"""What a measurement hands over: figures, each next to its baseline, some with a goal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A limit on a figure's ratio, or on the figure itself."""

    limit: float
    at_most: bool = False
    of_value: bool = False

    def is_met(self, value: float, ratio: float) -> bool:
        """Whether a figure keeps to it."""
        found = value if self.of_value else ratio
        return bool(found <= self.limit if self.at_most else found >= self.limit)

    def text(self, unit: str) -> str:
        """The limit in words."""
        sign, what = "≤" if self.at_most else "≥", f" {unit}" if self.of_value else "×"
        return f"{sign} {self.limit:g}{what}"


@dataclass(frozen=True)
class Figure:
    """One figure, measured in the same run as its baseline and in the same unit."""

    what: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    goal: Goal | None = None

    @property
    def ratio(self) -> float:
        """Of the figure to the baseline: above 1 is better where more is better."""
        return self.value / self.baseline_value


@dataclass(frozen=True)
class Missing:
    """A figure that could not be measured here, and why."""

    what: str
    why: str


FAILED = "FAILED"
"""How the reason begins of a figure that should have been measured."""
Figures = list[Figure | Missing]
