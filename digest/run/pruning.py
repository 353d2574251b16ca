"""prune(): what is no longer needed goes, after the days that [keep] says."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from digest.run.setup import Setup
from digest.store import Connection, pruning, tables

T = TypeVar("T")
Forget = Callable[[Connection, Sequence[pruning.Key]], int]

#: Whoever wants to write meanwhile waits no longer than about twice that.
STEP_S = 0.04
_FIRST, _MOST = 200, 2000  #: rows in one transaction

#: What the outbox makes: `outbox/DIGEST/SLOT/`, a slot being a moment or, built by hand, two days.
_SLOT = re.compile(r"(\d{4}-\d\d-\d\d)(T[\d:+]+|--\d{4}-\d\d-\d\d)[\w:+-]*")
_DIGEST = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_OURS = re.compile(r"[\w.@+-]+\.(eml|html|md|txt)|\.[\w.@+-]+\.\d+", re.ASCII)


def prune(setup: Setup, *, dry_run: bool = False) -> dict[str, int]:
    """Remove what is older than [keep] says; returns how much of what, of all kinds there are.

    With `dry_run` nothing is removed. What becomes superfluous only by it is not counted then.
    """
    work = _Work(setup, dry_run=dry_run)
    with setup.store.exclusive("prune"):
        _issues(work)
        _papers(work)
        _computed(work)
        _notes(work)
        _outbox(work)
    return work.counts


def vacuum(setup: Setup) -> int:
    """Give the file system what the store does not use; returns how many bytes that were."""
    return setup.store.vacuum()


@dataclass
class _Work:
    setup: Setup
    dry_run: bool
    counts: dict[str, int] = field(default_factory=dict)
    pace: int = _FIRST

    def before(self, days: int) -> datetime | None:
        """What is older is not kept; None: everything is."""
        return self.setup.now - timedelta(days=days) if days else None

    def found(self, what: Callable[[Connection], list[T]]) -> list[T]:
        with self.setup.store.read() as connection:
            return what(connection)

    def step(self, change: Callable[[Connection, int], T]) -> T:
        """One short transaction, of as many rows as such a time takes; then it is others' turn."""
        start = time.perf_counter()
        with self.setup.store.write() as connection:
            done = change(connection, self.pace)
        took = time.perf_counter() - start
        if took > STEP_S:
            self.pace = max(1, self.pace // 2)
        elif took < STEP_S / 3:
            self.pace = min(_MOST, self.pace * 2)
        time.sleep(min(took, STEP_S) / 2)
        return done

    def drain(
        self,
        name: str,
        keys: Sequence[pruning.Key],
        forget: Forget,
        *,
        lock: str = "",
    ) -> None:
        """Forget rows by their keys, a few at a time.

        Whoever holds the lock has looked at what there is, and goes on with it.
        """
        self.counts.setdefault(name, 0)
        if self.dry_run:
            self.counts[name] += len(keys)
            return
        at = 0
        while at < len(keys):
            some = keys[at : at + self.pace]
            with self.setup.store.exclusive(lock) if lock else nullcontext():
                self.counts[name] += self.step(partial(_forget, forget, some))
            at += len(some)

    def until_none(self, name: str, forget: Callable[[Connection, int], int]) -> None:
        """Forget rows until there are no more."""
        while gone := self.step(forget):
            self.counts[name] += gone


def _forget(forget: Forget, keys: Sequence[pruning.Key], connection: Connection, _: int) -> int:
    return forget(connection, keys)


def _issues(work: _Work) -> None:
    keep, today = work.setup.config.keep, work.setup.now.date()
    work.counts |= {"deliveries": 0, "editions": 0, "issues": 0}
    if before := work.before(keep.deliveries_days):
        ids = work.found(partial(pruning.issues_to_settle, before=before))
        if work.dry_run:
            with work.setup.store.read() as connection:
                work.counts["deliveries"] += pruning.deliveries_of(connection, ids)
            ids = []
        for id in ids:
            _settle(work, id, today)
    if before := work.before(keep.issues_days):
        ids = work.found(partial(pruning.issues_to_forget, before=before))
        work.counts["issues"] = len(ids)
        for id in ids if not work.dry_run else ():
            work.step(partial(_forget_issue, id, today))


def _settle(work: _Work, id: str, today: date) -> None:
    """First nobody gets its papers any more; then it is forgotten who had them."""
    work.step(lambda connection, _: pruning.retire(connection, id, today))
    work.until_none("deliveries", lambda c, most: pruning.forget_deliveries(c, id, most))
    work.until_none("editions", lambda c, most: pruning.forget_editions(c, id, most))


def _forget_issue(id: str, today: date, connection: Connection, _: int) -> int:
    return pruning.forget_issue(connection, id, today)


def _papers(work: _Work) -> None:
    work.counts |= {"papers": 0, "retired papers emptied": 0}
    moment = work.before(work.setup.config.keep.papers_days)
    if moment is None:
        return
    before, today = moment.date(), work.setup.now.date()
    if not work.dry_run:
        work.step(lambda connection, _: pruning.begin(connection, today))
    stale = work.found(partial(pruning.papers_unseen_since, before=before))
    work.drain("papers", stale, partial(pruning.forget_papers, before=before), lock="papers")
    husks = work.found(partial(pruning.papers_to_empty, before=before))
    empty = partial(pruning.empty_papers, before=before)
    work.drain("retired papers emptied", husks, empty, lock="papers")


def _computed(work: _Work) -> None:
    before = work.before(work.setup.config.keep.vectors_days)
    for table in (tables.vectors, tables.summaries):
        keys: list[pruning.Key] = []
        if before:
            keys = work.found(partial(pruning.made_before, table=table, before=before))
        work.drain(table.name, keys, partial(pruning.forget_rows, table=table))


def _notes(work: _Work) -> None:
    keep = work.setup.config.keep
    if before := work.before(keep.reports_days):
        for table, found in (
            (tables.reports, partial(pruning.reports_before, before=before)),
            (tables.slots, partial(pruning.slots_before, before=before)),
            (tables.coverage, partial(pruning.coverage_before, before=before.date())),
            (tables.validators, partial(pruning.validators_before, before=before)),
        ):
            work.drain(table.name, work.found(found), partial(pruning.forget_rows, table=table))
    if keep.deliveries_days:
        # Those of the last three months decide whether somebody's mails end.
        day = (work.setup.now - timedelta(days=max(keep.deliveries_days, 100))).date()
        keys = work.found(partial(pruning.bounces_before, before=day))
        work.drain("bounces", keys, partial(pruning.forget_rows, table=tables.bounces))
    if not work.dry_run:
        work.step(lambda connection, _: pruning.forget_traces(connection, work.setup.now))


# --- files ---------------------------------------------------------------------------------------


def _outbox(work: _Work) -> None:
    work.counts |= {"notices in the outbox": 0, "folders": 0}
    asked = work.setup.now - timedelta(days=work.setup.config.keep.requests_days)
    for file in _old_notices(work.setup.config.outbox, asked):
        work.counts["notices in the outbox"] += work.dry_run or _unlinked(file)
    before = work.before(work.setup.config.keep.outbox_days)
    if before is None:
        return
    for folder in _old_folders(work.setup.config.outbox, before.date()):
        work.counts["folders"] += work.dry_run or _removed(folder)


def _old_folders(outbox: Path, before: date) -> list[Path]:
    found = []
    for home in _folders(outbox):
        if not _DIGEST.fullmatch(home.name):
            continue
        for folder in _folders(home):
            if (day := _last_day(folder)) and day < before:
                found.append(folder)
    return found


def _old_notices(outbox: Path, before: datetime) -> list[Path]:
    """Mails to one person, who may never have confirmed: their folder is of no slot."""
    found = []
    for home in _folders(outbox):
        place = home / "notices"
        if not _DIGEST.fullmatch(home.name) or place not in _folders(home):
            continue
        with suppress(OSError), os.scandir(place) as entries:
            found += [
                place / one.name
                for one in entries
                if _OURS.fullmatch(one.name)
                and one.is_file(follow_symlinks=False)
                and one.stat(follow_symlinks=False).st_mtime < before.timestamp()
            ]
    return found


def _unlinked(file: Path) -> bool:
    try:
        file.unlink()
    except OSError:
        return False
    return True


def _folders(place: Path) -> list[Path]:
    """The folders there; a link to one is none of ours."""
    try:
        with os.scandir(place) as entries:
            names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [place / name for name in sorted(names)]


def _last_day(folder: Path) -> date | None:
    """The day a folder is of, or when it was last written, whatever is later; None: not ours."""
    shape = _SLOT.fullmatch(folder.name)
    try:
        named = date.fromisoformat(shape[1]) if shape else None
        written = datetime.fromtimestamp(folder.lstat().st_mtime, UTC).date()
    except (ValueError, OSError):
        return None
    # What was built by hand is of whatever days were asked for.
    return named and (written if shape and shape[2].startswith("--") else named)


def _removed(folder: Path) -> bool:
    """Remove what we wrote; what somebody else put there stays, with the folder."""
    try:
        with os.scandir(folder) as entries:
            ours = [
                one.name
                for one in entries
                if _OURS.fullmatch(one.name) and one.is_file(follow_symlinks=False)
            ]
        for name in ours:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    except OSError:
        return False
    return True
