"""The same for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from textwrap import fill
from typing import Any

_COLUMNS = 96


def lines(found: Mapping[str, Any]) -> list[str]:
    """What stands where, with what should be looked at on top."""
    now = datetime.fromisoformat(found["now"])
    said = [line for one in found["problems"] for line in _wrapped("! ", one)]
    said += [""] if said else []
    for one in found["digests"]:
        said += _digest(one, now)
    said += [line for one in found["sources"] for line in _wrapped("", _source(one, now))]
    queue = ", ".join(f"{count} {state}" for state, count in sorted(found["queue"].items()))
    said.append(f"deliveries: {queue or 'none yet'}")
    if found["waiting"]["readers"]:
        first = found["waiting"]["next_at"]
        number = found["waiting"]["readers"]
        who = "1 reader waits for an hour of her own" if number == 1 else (
            f"{number} readers wait for hours of their own"
        )  # fmt: skip
        said.append(f"{who}; the next is due {first[:16].replace('T', ' ')} UTC")
    said += [f"disk: {_disk(found['disk'])}"] if found["disk"] else []
    said += _of_people(found["subscribers"])
    return said + [line for one in found["warnings"] for line in _wrapped("warning: ", one)]


def _digest(one: Mapping[str, Any], now: datetime) -> Iterator[str]:
    yield f"{one['digest']}: issues {one['issues']}, mails sent {one['mails']}"
    waiting = f", {one['waiting']} of them waiting for their own hour" if one["waiting"] else ""
    yield f"  readers  {one['readers']}{waiting}"
    span = f", announced {one['first']} to {one['last']}" if one["papers"] else ""
    yield f"  papers   {one['papers']} in the store{span}"
    yield f"  next     {_next(one, now)}"
    if one["open"]:
        yield from _wrapped("  open     ", one["open"]["detail"])
    yield from _wrapped("  last     ", _last(one, now))
    if one["slots"]:
        done = ", ".join(f"{slot['slot']} {slot['outcome']}" for slot in one["slots"])
        yield from _wrapped("  slots    ", done)
    if one["draft"]:
        yield from _wrapped(
            "  draft    ", f"{one['draft']['papers']} papers: {one['draft']['detail']}"
        )
    for pick in one["picks"]:
        note = f": {pick['note']}" if pick["note"] else ""
        yield f"  picked   {pick['id']} {pick['title']}{note}"


def _next(one: Mapping[str, Any], now: datetime) -> str:
    if not one["next"]:
        return "no schedule; `digest run NAME` runs it" if not one["zone"] else "never again"
    at = datetime.fromisoformat(one["next_at"])
    utc = "" if one["zone"] == "UTC" else f" ({at:%H:%M} UTC)"
    return f"{one['next']}{utc}, in {_span((at - now).total_seconds())}"


def _last(one: Mapping[str, Any], now: datetime) -> str:
    report = one["report"]
    if not report:
        return "never run"
    ago = _span((now - datetime.fromisoformat(one["report_at"])).total_seconds())
    faults = [f"{s['source']} {s['reason']}" for s in report["sources"] if s["detail"]]
    why = f" ({', '.join(faults)})" if faults else ""
    return f"{report['slot']}: {report['reason']}{why}, {ago} ago"


def _source(one: Mapping[str, Any], now: datetime) -> str:
    read = one["read_at"]
    when = "never"
    if read:
        at = datetime.fromisoformat(read)
        when = f"{at:%Y-%m-%d %H:%M} UTC, {_span((now - at).total_seconds())} ago"
    said = f"source {one['source']}: last read in full {when}"
    if one["reason"]:
        said += f"; said last: {one['reason']}"
    if one["open"]:
        days = ", ".join(one["open"][:5]) + (" …" if one["open"][5:] else "")
        said += f"; still to be read: {days}"
    return said


def _span(seconds: float) -> str:
    """A length of time, in the words that people would use.

    >>> [_span(s) for s in (20, 300, 7260, 180_000)]
    ['less than a minute', '5 min', '2 h', '2 days']
    """
    minutes = int(max(0.0, seconds)) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def _disk(used: Mapping[str, int | None]) -> str:
    known = {what.replace("_", "-"): number for what, number in used.items() if number}
    return ", ".join(f"{what} {_bytes(number)}" for what, number in known.items())


def _bytes(number: int) -> str:
    if number < 1e9:
        return f"{number / 1e6:.1f} MB"
    return f"{number / 1e9:.1f} GB"


def _of_people(found: Mapping[str, Any]) -> list[str]:
    said = [f"subscribers of {name}: {_counted(of)}" for name, of in found["digests"].items()]
    for what in ("suppressed", "asks", "notices", "arrivals"):
        if found[what]:
            said.append(f"{what}: {_counted(found[what])}")
    return said


def _counted(of: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(of.items()))


def _wrapped(start: str, text: str) -> list[str]:
    return fill(
        text,
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    ).splitlines()
