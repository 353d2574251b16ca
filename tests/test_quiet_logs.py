"""A whole run with subscribers, with logs that say all there is to say: nobody is in them."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from desk import ADA, BEN, CY, Desk, listed
from returns import Sent, about

from digest import logs, run
from digest.config import Log
from digest.run import notifying, reporting, subscribing
from digest.run.receiving import receive
from digest.store import ledger
from digest.store.tables import metadata
from digest.tokens import PATTERN
from digest.types import DeliveryState, Reason, Report

OURS = "digest@papers.example.org"


def live(desk: Desk) -> None:
    """Sign-up, confirmation, welcome, an issue, a bounce, leaving, and what goes wrong."""
    desk.keep(listed("sparse first thing", 1))
    desk.join()
    desk.join(BEN)
    desk.ask(CY)
    notifying.welcome(desk.setup)
    desk.at(hours=1)
    desk.keep(listed("sparse thing", 2))
    desk.build()
    with desk.setup.store.read() as connection:
        (hers,) = [
            one for one in ledger.in_state(connection, list(DeliveryState)) if one.address == ADA
        ]
    came = Sent(
        return_id=hers.message_id[:16],
        message_id=hers.message_id,
        subscription=hers.subscription,
        to=ADA,
    )
    assert receive(desk.setup, about("postfix-unknown-user", desk.setup, came)) == "bounced"
    subscribing.unsubscribe(desk.setup, desk.token("unsubscribe", BEN))
    desk.at(transport="no.such:Transport")
    with pytest.raises(Exception, match="no"):
        run.attend(desk.setup)
    detail = f"550 5.1.1 <{ADA}>: no such user; {hers.message_id}"
    report = Report(digest="d", slot="2026-06-22T08:00", reason=Reason.SENT, detail=detail)
    reporting.tell(report)
    try:
        raise KeyError(f"/unsubscribe/{desk.token('unsubscribe', BEN)} of {hers.subscription}")
    except KeyError:
        logging.getLogger("digest.web.guard").exception("GET /unsubscribe/{token} failed")


def marks(desk: Desk) -> set[str]:
    """All by which somebody could be known."""
    found = {ADA, BEN, CY}
    for mail in desk.mails():
        found |= set(re.findall(PATTERN, mail.as_string()))
    columns = {"id", "subscriber_id", "address", "mailbox", "address_hash", "message_id"}
    people = ("subscribers", "subscriptions", "notices", "asks", "deliveries", "suppressions")
    with desk.setup.store.read() as connection:
        for table in map(metadata.tables.get, people):
            assert table is not None
            wanted = [one for one in table.c if one.name in columns]
            for row in connection.execute(table.select().with_only_columns(*wanted)):
                found |= {str(value) for value in row}
    return found


@pytest.mark.parametrize("format", ["json", "text"])
def test_nobody_is_in_the_logs_of_a_whole_run(tmp_path: Path, format: Any) -> None:
    file = tmp_path / "digest.log"
    desk = Desk(tmp_path, inbox={"address": OURS})
    # Ids as they are made in earnest: those of a test begin with zeros, as other numbers do.
    desk.ids = (f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" for n in range(1, 10_000))
    desk.at()
    logs.begin(Log(level="debug", format=format, file=file))
    try:
        live(desk)
    finally:
        logs.end()
    said = file.read_text("utf-8")
    secret = marks(desk)
    desk.setup.store.close()
    assert len(secret) > 20
    assert [mark for mark in secret if mark.lower() in said.lower()] == []
    assert "@" not in said
    # And yet they say what was done.
    done = (
        "asks: confirm 1",
        "notices sent 1 of 1",
        "mails sent 2",
        "mail came in: bounced",
        "550 5.1.1 <[address]>: no such user",
        "KeyError: '/unsubscribe/[token] of [id]'",
    )
    for words in done:
        assert words in said
    if format == "json":
        lines = [json.loads(line) for line in said.splitlines()]
        assert {"digest.run.sending", "digest.run.reporting"} <= {one["logger"] for one in lines}
