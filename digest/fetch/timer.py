"""Spans of time that run out."""

from __future__ import annotations

from collections.abc import Callable


class Timer:
    """A span of time that began when this was made."""

    def __init__(self, span_s: float, monotonic: Callable[[], float]) -> None:
        self.span_s = span_s
        self._monotonic = monotonic
        self._began_s = monotonic()

    def left_s(self) -> float:
        """Seconds until it is over; 0 from then on."""
        return max(0.0, self._began_s + self.span_s - self._monotonic())

    def part(self, span_s: float) -> Timer:
        """A span that begins now and ends with this one at the latest."""
        return Timer(min(span_s, self.left_s()), self._monotonic)
