"""send(): pages are laid out, and every delivery that is due goes to the transport."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from digest import config as configs
from digest import registry, transports
from digest.config import ALL_PAPERS, Config
from digest.errors import BadConfig, DigestError, InDoubt, Temporary, Withdrawn
from digest.run.editions import fit, whole
from digest.run.sending.books import LEASE, Books
from digest.run.sending.engine import Engine
from digest.run.sending.pool import Limits, Pool
from digest.run.sending.sent import Sent
from digest.run.setup import Setup
from digest.store import Connection, issues, sending
from digest.transports import Line, Lines, Ready, Transport
from digest.transports.smtp.servers import Server
from digest.types import DeliveryState, Issue, Mail, Receipt

__all__ = ["Sent", "send", "transport_of"]

log = logging.getLogger(__name__)

_ANY_TIME = timedelta(days=36_500)
_PLAIN_LINES = 4  #: of a transport that takes a mail at a time, where a double does no harm


def send(
    setup: Setup, fresh: Sequence[Issue] = (), *, tag: str = "", most: int | None = None
) -> Sent:
    """Lay out the pages of fresh issues, and send every delivery that is due.

    With a `tag` only those that retry() gave it. One process of a machine sends at a time; who
    waited here finds the ledger as the other left it. Where more than `most` are due, none goes.

    Raises: StoreBusy when the store cannot be written for minutes.
    """
    sent = Sent()
    clock = _clock(setup)
    if setup.config.dkim.selector:
        assert setup.signing_key  # where there is none, no mail is tried in vain
    transport = transport_of(setup.config, _turns(setup, clock))
    with _lease(setup):
        books = Books(setup.store, setup.new_id(), clock)
        with setup.store.write() as connection:
            now = clock()
            sending.arrive(connection, books.sender, _machine(setup), now, now + LEASE)
            _recover(setup, connection, transport, sent, now, tag)
            total = sending.due(connection, now)
            total = 0 if most is not None and total > most else total
            waiting = set(sending.waiting_issues(connection))
        try:
            _publish_all(setup, fresh, waiting, transport, sent)
            if total:
                smtp = setup.config.smtp
                pool = Pool(setup, books, Limits(smtp.overall, smtp.domains), tag)
                engine = Engine(setup, transport, pool, sent, total)
                asyncio.run(engine.run(_lines(transport, total)))
                with setup.store.read() as connection:
                    sent.left = sending.due(connection, clock())
        finally:
            with setup.store.write() as connection:
                sending.leave(connection, books.sender, clock())
        _count(setup, fresh, sent)
    if sent.mails or sent.problems or sent.is_stopped:
        _tell(sent)
    return sent


def _tell(sent: Sent) -> None:
    for name in sorted({*sent.mails, *sent.problems}):
        problems = len(sent.problems.get(name, ())) + sent.left_out.get(name, 0)
        log.info(
            "%s: mails sent %d, problems %d",
            *(name, sent.mails.get(name, 0), problems),
            extra={"digest": name, "mails": sent.mails.get(name, 0), "problems": problems},
        )
    if sent.is_stopped:
        log.info("sending was stopped, mails left %d", sent.left, extra={"left": sent.left})


def transport_of(config: Config, turn: Callable[[str, float], float] | None = None) -> Transport:
    """The transport of the configuration.

    `turn` gives mail servers their turns, where they have limits: they must outlive us.

    Raises: BadConfig.
    """
    settings: dict[str, Any] = {"folder": config.outbox}
    if config.transport == "smtp":
        settings |= {
            "servers": servers(config),
            "timeout_s": config.smtp.timeout_s,
            "ca_file": config.smtp.ca_file,
            "turn": turn,
        }
    elif config.transport == "sendmail":
        settings["command"] = config.smtp.sendmail
    return registry.make("transport", config.transport, transports.BUILTIN, **settings)


def servers(config: Config) -> list[Server]:
    """The mail servers of the configuration, with their passwords.

    Raises: BadConfig, where one has a user and no password.
    """
    found = []
    for name, one in (config.smtp.servers or {"": config.smtp}).items():
        password = configs.smtp_password(name) if one.user else ""
        if one.user and not password:
            raise BadConfig(
                f"[smtp] {one.host} has a user, {one.user!r}, but DIGEST_SMTP_PASSWORD is not set"
            )
        found.append(
            Server(
                name=name,
                host=one.host,
                port=one.port,
                security=one.security,
                user=one.user,
                password=password,
                connections=one.connections,
                weight=one.weight,
                per_second=one.per_second,
            )
        )
    return found


def _clock(setup: Setup) -> Callable[[], datetime]:
    """The time that it is for this run, and goes on from there."""
    began = time.monotonic()
    return lambda: setup.now + timedelta(seconds=time.monotonic() - began)


def _turns(setup: Setup, clock: Callable[[], datetime]) -> Callable[[str, float], float]:
    def turn(of: str, per_second: float) -> float:
        now = clock()
        with setup.store.write() as connection:
            (at,) = sending.take_turns(connection, of, per_second, 1, now, _ANY_TIME)
        return (at - now).total_seconds()

    return turn


def _machine(setup: Setup) -> str:
    """Where only one process sends at a time; a file is one place, whoever uses it."""
    if setup.store.is_file:
        return "file"
    # Not by its name: containers of one name may stand on different machines.
    file = configs.state_folder() / "machine"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text(setup.new_id())
    return file.read_text()


@contextmanager
def _lease(setup: Setup) -> Iterator[None]:
    if setup.store.is_file:
        with setup.store.exclusive("send"):
            yield
        return
    from filelock import FileLock

    folder: Path = configs.state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(setup.config.store.encode()).hexdigest()[:16]
    with FileLock(folder / f"send-{mark}.lock"):
        yield


def _recover(
    setup: Setup,
    connection: Connection,
    transport: Transport,
    sent: Sent,
    now: datetime,
    tag: str,
) -> None:
    """Take over what a sender that died had claimed or begun."""
    is_harmless = transport.is_repeatable or setup.config.smtp.in_doubt == "resend"
    after = DeliveryState.QUEUED if is_harmless else DeliveryState.IN_DOUBT
    for issue in sending.recover(connection, now, after, tag):
        if after is DeliveryState.IN_DOUBT:
            sent.note(issue.partition("/")[0], f"{issue}: mails are in doubt, their sender died")


def _publish_all(
    setup: Setup, fresh: Sequence[Issue], waiting: set[str], transport: Transport, sent: Sent
) -> None:
    for issue in fresh:
        _publish(setup, issue, transport, sent)
    # Pages that could not be laid out when their issue was fresh go with its mails.
    late = waiting - {issue.id for issue in fresh}
    with setup.store.read() as connection:
        old = [issues.load(connection, id) for id in sorted(late)]
    for found in old:
        if found and found.digest in setup.config.digests:
            _publish(setup, found, transport, sent)


def _publish(setup: Setup, issue: Issue, transport: Transport, sent: Sent) -> None:
    try:
        edition, rendered = fit(
            setup, issue.digest, issue, issue.items, format="html", is_public=True
        )
        pages = {
            "issue.html": rendered.html,
            "issue.md": rendered.markdown,
            "issue.txt": rendered.text,
        }
        if edition.more:
            pages[ALL_PAPERS] = whole(setup, issue).html
        if folder := transport.publish(issue.id, pages):
            sent.folders[issue.digest] = str(folder)
    except DigestError as why:
        sent.note(issue.digest, str(why))


def _count(setup: Setup, fresh: Sequence[Issue], sent: Sent) -> None:
    """Another sender may have sent what was queued here."""
    with setup.store.read() as connection:
        for issue in fresh:
            done = sending.counts(connection, issue.id).get(issue.id, {})
            number = done.get(DeliveryState.SENT, 0)
            if number > sent.mails.get(issue.digest, 0):
                sent.mails[issue.digest] = number


# --- lines ---------------------------------------------------------------------------------------


def _lines(transport: Transport, most: int) -> list[Line]:
    if isinstance(transport, Lines):
        return [transport.line() for _ in range(min(transport.lines, most))]
    number = _PLAIN_LINES if transport.is_repeatable else 1
    return [_PlainLine(transport) for _ in range(min(number, most))]


class _PlainLine:
    """A transport that takes a mail at a time, as a line."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def send(self, mail: Mail, issue: str, ready: Ready) -> Receipt:
        """Hand a mail over once it may go."""
        if not await ready():
            raise Withdrawn("it must not go any more")
        try:
            return await asyncio.to_thread(self.transport.send, mail, issue)
        except DigestError:
            raise
        except Exception as why:  # somebody's own transport, whatever it does
            said = f"the transport failed: {type(why).__name__}: {why}"
            raise Temporary(said) if self.transport.is_repeatable else InDoubt(said) from why

    async def close(self) -> None:
        """Nothing was opened."""
