"""One conversation with a mail server: commands in as few writes as it allows, replies in order.

A protocol with its own buffer and not streams, and one lazy timer instead of a timeout around each
wait: that halves what a mail costs here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from digest.errors import InDoubt, Permanent, Refused, Temporary, Withdrawn
from digest.transports import Ready
from digest.transports.smtp.parcel import Parcel
from digest.transports.smtp.replies import Broken, Reader, Reply, refusal

_QUIT_S = 2.0
_CLOSING = 421
_GO_AHEAD = 354
_AGREED = [250, 250, _GO_AHEAD]  #: what nearly every mail hears
#: Bad order, or log in first: that is between the server and us, and no mail is to blame.
_BETWEEN_US = frozenset({503, 530, 538})
_BUFFER_BYTES = 4096
_MOST_UNASKED = 16  #: replies that may wait to be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a server said it can do."""

    pipelining: bool = False
    eight_bit: bool = False
    size: int | None = None  #: None: it does not know the word; 0: it tells no limit
    starttls: bool = False
    auth: frozenset[str] = frozenset()


class Connection(asyncio.BufferedProtocol):
    """Speaks, listens, and carries one mail after the other."""

    def __init__(self, name: str, *, timeout_s: float, dot_timeout_s: float) -> None:
        self.name = name
        self.features = Features()
        self.mails = 0  #: carried or refused, so that the server is known to work
        self._timeout_s, self._dot_timeout_s = timeout_s, dot_timeout_s
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._replies: deque[Reply] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._fault = ""  #: why the conversation is over
        self._is_paused = False
        self._is_tls = False
        self._must_reset = False
        self._transport: asyncio.Transport

    # --- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there, or encrypted now."""
        assert isinstance(transport, asyncio.Transport)
        self.is_now(transport)

    def is_now(self, transport: asyncio.Transport) -> None:
        """Go on over this."""
        self._transport = transport
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        # So that "paused" means: not every byte has left this process.
        transport.set_write_buffer_limits(high=0)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """More of a reply."""
        try:
            self._replies.extend(self._reader.feed(bytes(self._buffer[:count])))
        except Broken as why:
            self._end(str(why))
            return
        if len(self._replies) > _MOST_UNASKED:
            self._end("the server answers what nobody asked")
        elif self._waiter and len(self._replies) >= self._wanted:
            self._wake()

    def connection_lost(self, why: Exception | None) -> None:
        """It is gone."""
        self._fault = self._fault or f"the connection was lost: {why or 'the server closed it'}"
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def pause_writing(self) -> None:
        """Not all bytes are out."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """All bytes are out."""
        self._is_paused = False

    # --- talking ---------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Can it take another mail, as far as we know?"""
        return not (self._fault or self._replies or self._transport.is_closing())

    @property
    def is_quiet(self) -> bool:
        """Has the server said nothing that was not read?"""
        return not self._replies and self._reader.is_between

    @property
    def transport(self) -> asyncio.Transport:
        """What lies below."""
        return self._transport

    async def ask(self, command: bytes) -> Reply:
        """Say one line, without its end, and hear the answer.

        Raises: Broken.
        """
        if b"\r" in command or b"\n" in command:
            raise Permanent("a command for a mail server has a line break in it")
        self._write(command + b"\r\n")
        return await self.hear()

    async def hear(self) -> Reply:
        """Wait for one reply.

        Raises: Broken.
        """
        await self._wait(1, self._timeout_s)
        return self._replies.popleft()

    def abort(self) -> None:
        """Leave without a word; whatever has not left yet never will."""
        self._end("it was closed")

    async def close(self) -> None:
        """Say goodbye, but do not wait for long."""
        if self.is_open:
            with suppress(Broken):
                self._write(b"QUIT\r\n")
                await self._wait(1, min(_QUIT_S, self._timeout_s))
        self.abort()

    def _write(self, data: bytes) -> None:
        # Whoever answers before being asked answers something else.
        if not self.is_open or not self._reader.is_between:
            said = f"the server said unasked: {self._replies[0]}" if self._replies else ""
            self._end(said or "the server spoke out of turn")
            raise Broken(self._fault)
        self._transport.write(data)

    async def _wait(self, wanted: int, limit_s: float) -> None:
        """Until so many replies are there.

        Raises: Broken.
        """
        if len(self._replies) < wanted and not self._fault:
            self._deadline = self._loop.time() + limit_s
            if not self._timer or self._timer.when() > self._deadline:
                self._set_timer()
            self._wanted = wanted
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        # What came before the end still counts: servers say 421 and close.
        if len(self._replies) < wanted:
            raise Broken(self._fault)

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self._waiter:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._end("the server did not answer in time")

    def _end(self, fault: str) -> None:
        self._fault = self._fault or fault
        self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    # --- mails -----------------------------------------------------------------------------------

    async def carry(self, parcel: Parcel, ready: Ready) -> Reply:
        """Carry one mail; the reply that took it.

        Raises: Broken (nothing was sent), Withdrawn, InDoubt, Refused, Temporary, Permanent. The
        connection can be used again after the last three, if it is open.
        """
        self._check(parcel)
        commands = parcel.commands(has_size=self.features.size is not None)
        try:
            if self.features.pipelining:
                replies = await self._at_once(commands, parcel, ready)
            else:
                replies = await self._one_by_one(commands, parcel, ready)
            if [reply.code for reply in replies] != _AGREED:
                await self._judge(replies)
            return await self._finish(parcel)
        except (Refused, Temporary):
            self._must_reset = True
            raise
        except BaseException:
            self.abort()
            raise

    def _check(self, parcel: Parcel) -> None:
        size = self.features.size
        if size and parcel.size > size:
            raise Refused(f"the mail has {parcel.size} bytes and {self.name} takes {size}")
        if not parcel.is_7bit and not self.features.eight_bit:
            raise Refused(f"the mail has bytes above 127, which {self.name} does not take")

    async def _at_once(
        self, commands: tuple[bytes, ...], parcel: Parcel, ready: Ready
    ) -> list[Reply]:
        """All commands in one write. Source: RFC 2920, 3.1: DATA is the last of a group."""
        if self._must_reset:
            commands = (b"RSET\r\n", *commands)
        self._write(b"".join(commands))
        # Replies come in meanwhile.
        await self._ask_ready(parcel, ready)
        try:
            await self._wait(len(commands), self._timeout_s)
        except Broken:
            # A server may refuse the sender and hang up without a word to the rest.
            if not any(reply.code >= 400 for reply in self._replies):
                raise
        replies = list(self._replies)
        self._replies.clear()
        if len(replies) > len(commands):
            raise Broken(f"the server said unasked: {replies[-1]}")
        if self._must_reset:
            self._was_reset(replies.pop(0))
        return replies

    async def _one_by_one(
        self, commands: tuple[bytes, ...], parcel: Parcel, ready: Ready
    ) -> list[Reply]:
        if self._must_reset:
            self._was_reset(await self.ask(b"RSET"))
        replies: list[Reply] = []
        for command in commands:
            self._write(command)
            if command is commands[-1]:
                await self._ask_ready(parcel, ready)
            replies.append(await self.hear())
            if replies[-1].code >= 300:
                break
        return replies

    async def _ask_ready(self, parcel: Parcel, ready: Ready) -> None:
        if not parcel.is_ready:
            parcel.is_ready = await ready()
        if not parcel.is_ready:
            raise Withdrawn("the mail was withdrawn while it was on its way")

    def _was_reset(self, reply: Reply) -> None:
        if reply.code != 250:
            raise Broken(f"RSET: {reply}")
        self._must_reset = False

    async def _judge(self, replies: list[Reply]) -> None:
        """Did the server agree to all commands?"""
        last = replies[-1]
        for at, reply in zip(("MAIL", "RCPT", "DATA"), replies, strict=False):
            if reply.code == _GO_AHEAD if at == "DATA" else 200 <= reply.code < 300:
                continue
            is_shy = reply.code == _CLOSING and not self.mails
            is_of_mail = reply.code >= 400 and reply.code not in _BETWEEN_US
            if not is_of_mail or (reply.code == _CLOSING and not is_shy):
                # 421 to the next mail over a kept connection may be the end of its idle time.
                raise Broken(f"{at}: {reply}")
            error = refusal(reply, f"{self.name}, {at}", is_of_sender=at == "MAIL")
            if reply.code == _CLOSING or last.code == _CLOSING:
                self._end(str(last))
            elif last.code == _GO_AHEAD:
                await self._take_back(replies)
            self.mails += 1
            raise error

    async def _take_back(self, replies: list[Reply]) -> None:
        """The server waits for a mail that has no recipient: one without content, then."""
        if replies[1].code < 400:  # it has one after all, who would get it
            self._end("the server took a recipient without a sender")
            return
        with suppress(Broken):
            self._write(b".\r\n")
            await self.hear()

    async def _finish(self, parcel: Parcel) -> Reply:
        """The content, the final dot, and what the server says to it."""
        self._write(parcel.body)
        has_failed = self._transport.is_closing() and not self._is_tls
        try:
            await self._wait(1, self._dot_timeout_s)
        except Broken as why:
            # Over TLS what left this process is not known so well.
            if has_failed or (self._is_paused and not self._is_tls):
                raise
            raise InDoubt(f"{self.name}, after the last byte: {why}") from why
        reply = self._replies.popleft()
        if reply.code < 200 or 300 <= reply.code < 400 or self._replies:
            raise InDoubt(f"{self.name}, after the last byte: {reply}")
        self.mails += 1
        if reply.code == _CLOSING:
            self._end(str(reply))
        if reply.code >= 400:
            raise refusal(reply, f"{self.name}, after the content")
        return reply
