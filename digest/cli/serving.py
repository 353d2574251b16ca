"""What runs all the time: the pages, the clock and the sender, or the clock and the sender."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.frame import ConfigFile, app, complain, moment, opened
from digest.errors import Misuse

if TYPE_CHECKING:
    from digest.attending import Children
    from digest.config import Config
    from digest.run import Setup


log = logging.getLogger(__name__)


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="To listen on; else [web] host.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", help="0 takes any that is free; else [web] port.", min=0, max=65535
        ),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Show the pages where people subscribe, and send what is due. Ctrl-C ends it."""
    import uvicorn

    from digest import config as configs
    from digest import web

    stop = Event()

    class Server(uvicorn.Server):
        """It looks twice a second whether it is to end; ten times is half of what idling costs."""

        async def main_loop(self) -> None:
            while not await self.on_tick(0):
                await asyncio.sleep(0.5)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            stop.set()  # all end at once, and not one after the other
            super().handle_exit(sig, frame)

    with opened(context, config, None, busy_s=5, is_lasting=True) as setup:  # people wait
        settings = setup.config
        if not settings.digests:
            raise Misuse(
                "there is no digest in the configuration; describe one under [digests.NAME]"
            )
        where = host or settings.web.host
        listening = _listen(where, settings.web.port if port is None else port)
        own = listening.getsockname()[1]
        if port is not None and not settings.base_url:
            # Links in mails lead to these pages, wherever they are.
            settings = _with_port(settings, own)
        desk = web.Desk(settings, setup.store, lambda: moment(None), log.debug)
        server = Server(
            uvicorn.Config(
                web.create_app(desk),
                log_config=None,
                access_log=False,  # it would hold the tokens of links
                server_header=False,
                proxy_headers=False,  # [web] hops says whom to believe
                lifespan="off",
                timeout_graceful_shutdown=3,
            )
        )
        # uvicorn sends itself the signal again once it has stopped, and there is more to end.
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        shown = f"[{where}]" if ":" in where else where
        if port and not setup.config.base_url and own != setup.config.web.port:
            complain(
                f"mails that `digest run` makes lead to {setup.config.pages_url}; say [web] port ="
                f" {own} or base_url in digest.toml"
            )
        print(f"listening on http://{shown}:{own}/, known as {settings.pages_url}", flush=True)
        children = _children(context, config, configs.environment(port=own), stop)
        try:
            with _all_the_time(desk.setup, desk.wake, children, stop):
                server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            listening.close()
            signal.signal(signal.SIGTERM, before)


@app.command()
def schedule(context: typer.Context, config: ConfigFile = None) -> None:
    """Send what is due when it is due, without the pages. Ctrl-C ends it."""
    with opened(context, config, None, is_lasting=True) as setup:
        from digest import config as configs
        from digest.run import outlook, slots

        if not setup.config.digests:
            raise Misuse(
                "there is no digest in the configuration; describe one under [digests.NAME]"
            )
        slots.sync(setup)
        with setup.store.read() as connection:
            coming = outlook.coming(setup, connection)
        for name, one in coming.items():
            at = one.next and outlook.shown(one.next.due_at, one.zone)
            print(f"{name}: next at {at}", flush=True)

        def at_this_moment() -> Setup:
            return setup.at(moment(None))

        stop, ended = Event(), Event()
        before = {
            number: signal.signal(number, lambda *_: ended.set())
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        children = _children(context, config, configs.environment(), stop)
        try:
            with _all_the_time(at_this_moment, at_this_moment, children, stop):
                ended.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def _all_the_time(
    setup: Callable[[], Setup], wake: Callable[[], Setup], children: Children, stop: Event
) -> Iterator[None]:
    """The clock and the sender, beside whatever is in the block; the clock asks by `wake`."""
    from digest import clock
    from digest.attending import attending, turn

    with clock.running(lambda: turn(wake, children)):
        try:
            with attending(setup, children, stop):
                yield
        finally:
            stop.set()  # a turn waits for its child


def _children(
    context: typer.Context, config: Path | None, environment: Mapping[str, str], stop: Event
) -> Children:
    """Commands of ours, with the configuration as it is here."""
    from digest import config as configs
    from digest.attending import Children

    file = configs.find(config or context.obj)
    command = [sys.executable, "-m", "digest", "--attended", "--config", str(file)]
    return Children(command, environment, stop)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as why:
        raise Misuse(
            f"cannot listen on {host} port {port}: {why.strerror or why};"
            " --host and --port choose another"
        ) from why


def _with_port(settings: Config, port: int) -> Config:
    web: Any = settings.web.model_copy(update={"port": port})
    return settings.model_copy(update={"web": web})
