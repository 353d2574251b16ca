"""What is liked and disliked: by a digest's editors for all its readers, and by each of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from digest.store.tables import opinions
from digest.store.upsert import upsert

EDITORS = ""  #: whose opinion is the digest's own


def say(
    connection: Connection, digest: str, subscriber: str, paper: str, is_liked: bool, now: datetime
) -> None:
    """Keep an opinion, in the place of the one there was."""
    key = {"digest": digest, "subscriber_id": subscriber, "paper_id": paper}
    upsert(connection, opinions, [{**key, "is_liked": is_liked, "said_at": now}])


def take_back(connection: Connection, digest: str, subscriber: str, paper: str) -> None:
    """Forget an opinion."""
    theirs = (opinions.c.digest == digest, opinions.c.subscriber_id == subscriber)
    connection.execute(delete(opinions).where(*theirs, opinions.c.paper_id == paper))


def of(connection: Connection, digest: str, subscriber: str) -> list[Row[Any]]:
    """Paper, whether it is liked, and since when; the newest first."""
    query = select(opinions.c.paper_id, opinions.c.is_liked, opinions.c.said_at)
    query = query.where(opinions.c.digest == digest, opinions.c.subscriber_id == subscriber)
    return list(connection.execute(query.order_by(opinions.c.said_at.desc(), opinions.c.paper_id)))


def whose(connection: Connection, digest: str) -> set[str]:
    """The subscribers who have an opinion of their own."""
    query = select(opinions.c.subscriber_id).where(opinions.c.digest == digest).distinct()
    return set(connection.execute(query).scalars()) - {EDITORS}
