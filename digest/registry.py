"""Names of plug-ins → what they stand for: "arxiv", or "mylab.feeds:factory" for anyone's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from digest.errors import BadConfig, Misuse

T = TypeVar("T")


def make(kind: str, plugin: str, builtin: Mapping[str, Callable[..., T]], /, **settings: Any) -> T:
    """The plug-in itself.

    Raises: BadConfig when it cannot be made.
    """
    maker = find(kind, plugin, builtin)
    try:
        return maker(**settings)
    except Misuse:
        raise
    except Exception as why:
        raise BadConfig(f"{kind} {plugin!r} cannot be made: {type(why).__name__}: {why}") from why


def find(kind: str, name: str, builtin: Mapping[str, Callable[..., T]]) -> Callable[..., T]:
    """The maker of a plug-in.

    Raises: BadConfig, naming what there is.
    """
    if name in builtin:
        return builtin[name]
    if ":" not in name:
        known = ", ".join(sorted(builtin))
        raise BadConfig(
            f"{kind} {name!r} is not known; there are {known},"
            " or your own as 'package.module:factory'"
        )
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except Exception as why:  # whatever somebody's own module does while it is imported
        raise BadConfig(f"{kind} {name!r} cannot be loaded: {type(why).__name__}: {why}") from why
    if not callable(found):
        raise BadConfig(f"{kind} {name!r} is not a function that makes one")
    made: Callable[..., T] = found
    return made
