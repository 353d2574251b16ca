"""What a sending came to."""

from __future__ import annotations

from dataclasses import dataclass, field

_MAX_PROBLEMS = 20  #: words kept of one digest; the ledger has them all


@dataclass(slots=True)
class Sent:
    """What a sending came to, by digest."""

    mails: dict[str, int] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    is_stopped: bool = False  #: somebody told it to end before all was done
    left: int = 0  #: mails that are still due
    left_out: dict[str, int] = field(default_factory=dict)  #: problems that are not in words

    def count(self, digest: str) -> None:
        """One mail more went out."""
        self.mails[digest] = self.mails.get(digest, 0) + 1

    def note(self, digest: str, problem: str) -> None:
        """Keep a problem in words; the same words once, and not too many."""
        words = self.problems.setdefault(digest, [])
        if problem in words:
            return
        if len(words) >= _MAX_PROBLEMS:
            self.left_out[digest] = self.left_out.get(digest, 0) + 1
        else:
            words.append(problem)
