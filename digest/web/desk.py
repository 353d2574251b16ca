"""What every page has at hand: a setup for this moment, the words, the templates."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from digest.config import Config
from digest.errors import BadConfig
from digest.run import Setup, archive, editions
from digest.store import Store
from digest.templating import filled
from digest.types import Issue

#: The first words of our own addresses; no digest can be called so.
RESERVED = frozenset(
    "address api archive check-mail confirm erase favicon.ico healthz leave link metrics move"
    " opinion page.css preferences privacy readyz robots.txt snippet subscribe unsubscribe".split()
)
_CACHED_ISSUES = 16


class Desk:
    """Made once; all requests share it, in any thread."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Callable[[], datetime],
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        for name in config.digests:
            if name in RESERVED:
                raise BadConfig(
                    f"[digests.{name}]: /{name} is a page of ours; give the digest another name"
                )
        self.config = config
        #: When the clock that makes what is due last woke; None: no clock runs in this process.
        self.clock_at: datetime | None = None
        self._clock = clock
        self._setup = Setup(config=config, store=store, now=clock(), notify=notify)
        self._keys_at = self._stamp()
        self.words = self._setup.words
        self._environment = editions.templates(config)
        self.css = filled(self._environment, "page.css", {})
        self._css_url = self.url(f"page.css?{sha256(self.css.encode()).hexdigest()[:12]}")
        self._issues: OrderedDict[str, Issue] = OrderedDict()
        self._lock = Lock()

    def setup(self) -> Setup:
        """One for this moment."""
        stamp = self._stamp()
        if stamp != self._keys_at:  # a key was added; mails that are signed with it come soon
            self._setup, self._keys_at = replace(self._setup), stamp
        return self._setup.at(self._clock())

    def wake(self) -> Setup:
        """The same for the clock, which shows thereby that it runs."""
        setup = self.setup()
        self.clock_at = setup.now
        return setup

    def _stamp(self) -> int:
        # Asking for the keys makes the file where there is none.
        assert self._setup.keys
        try:
            return self.config.keys.stat().st_mtime_ns
        except OSError:
            return 0

    # --- addresses -------------------------------------------------------------------------------

    def url(self, path: str = "") -> str:
        """The address of a page as other pages link to it."""
        return f"{urlsplit(self.config.pages_url).path}/{path}"

    def absolute(self, path: str = "") -> str:
        """The same with the host, for what is read elsewhere."""
        return f"{self.config.pages_url}/{path}"

    def client(self, request: Request) -> str:
        """The IP address that a request comes from.

        Behind proxies of ours it is what the outermost of them says; nobody else is believed.
        """
        peer = request.client.host if request.client else ""
        hops = self.config.web.hops
        said = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        if not hops or len(said) < hops:
            return peer
        try:
            return str(ip_address(_without_port(said[-hops].strip())))
        except ValueError:
            return peer

    # --- issues ----------------------------------------------------------------------------------

    def issue(self, setup: Setup, name: str, slot: str) -> Issue | None:
        """An issue that is out; the ones last asked for are at hand."""
        id = f"{name}/{slot}"
        with self._lock:
            if id in self._issues:
                self._issues.move_to_end(id)
                return self._issues[id]
        found = archive.issue(setup, name, slot)
        if found:
            with self._lock:
                self._issues[id] = found
                while len(self._issues) > _CACHED_ISSUES:
                    self._issues.popitem(last=False)
        return found

    # --- pages -----------------------------------------------------------------------------------

    def say(self, key: str, **values: object) -> str:
        """The words of a key, with values in the place of their names in braces."""
        words = self.words[f"page.{key}"]
        for name, value in values.items():
            words = words.replace(f"{{{name}}}", str(value))
        return words

    @property
    def site(self) -> str:
        """What the whole is called."""
        return self.config.operator.name or self.say("site")

    def day(self, day: date) -> str:
        """A day in words."""
        months, weekdays = self.say("months").split(), self.say("weekdays").split()
        return self.say(
            "day",
            weekday=weekdays[day.weekday()],
            day=day.day,
            month=months[day.month - 1],
            year=day.year,
        )

    def fragment(self, template: str, **context: Any) -> Markup:
        """What a template makes, to be put into another one."""
        return Markup(filled(self._environment, template, self._context() | context))  # noqa: S704 - escaped by the template

    def page(
        self,
        template: str,
        title: str,
        *,
        status: int = 200,
        is_private: bool = False,
        **context: Any,
    ) -> HTMLResponse:
        """A page; a private one is neither kept nor found by anybody."""
        around = self._context() | {"title": title, "is_private": is_private}
        html = filled(self._environment, template, around | context)
        headers = {"X-Robots-Tag": "noindex", "Cache-Control": "no-store"} if is_private else {}
        return HTMLResponse(html, status, headers)

    def _context(self) -> dict[str, Any]:
        return {
            "say": self.say,
            "url": self.url,
            "absolute": self.absolute,
            "day_words": self.day,
            "quote": lambda text: quote(text, safe=":"),
            "language": self.words["language"],
            "site": self.site,
            "operator": self.config.operator,
            "css_url": self._css_url,
            "feed_url": "",
        }


def _without_port(host: str) -> str:
    """An IP address as proxies write it: 192.0.2.1:443, [2001:db8::1]:443, or nothing but it."""
    if found := re.fullmatch(r"\[([^\]]*)\](:[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}", host, re.ASCII):
        return found[1] or found[3] or ""
    return host
