"""The pages where people subscribe."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.frame import ConfigFile, app, complain, moment, opened
from digest.errors import Misuse

if TYPE_CHECKING:
    from digest.config import Config


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
    """Show the pages where people subscribe, and answer them by mail. Ctrl-C ends it."""
    import uvicorn

    from digest import config as configs
    from digest import web
    from digest.web.attending import attending

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
        server = uvicorn.Server(
            uvicorn.Config(
                web.create_app(desk),
                log_config=None,
                access_log=False,  # it would hold the tokens of links
                server_header=False,
                proxy_headers=False,  # [web] hops says whom to believe
                lifespan="off",
                timeout_graceful_shutdown=5,
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
        try:
            with attending(desk, _sender(context, config), configs.environment(port=own)):
                server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            listening.close()
            signal.signal(signal.SIGTERM, before)


def _sender(context: typer.Context, config: Path | None) -> list[str]:
    """The command that sends what is due, with the configuration as it is here."""
    from digest import config as configs

    file = configs.find(config or context.obj)
    return [sys.executable, "-m", "digest", "--config", str(file), "send"]


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
