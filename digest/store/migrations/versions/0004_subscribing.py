"""subscribing: asks, consents, notices, changes of address, suppressions, arrivals"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _subscribers()
    _subscriptions()
    with op.batch_alter_table("editions") as batch_op:
        batch_op.add_column(
            sa.Column("is_welcome", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("edition_items") as batch_op:
        batch_op.add_column(sa.Column("own", sa.JSON()))
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.add_column(sa.Column("queued_at", _MOMENT))
    op.execute("UPDATE deliveries SET queued_at = updated_at")
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.alter_column("queued_at", existing_type=_MOMENT, nullable=False)
    op.create_table(
        "asks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asks")),
    )
    op.create_index(op.f("ix_asks_outcome_asked_at"), "asks", ["outcome", "asked_at"])
    op.create_table(
        "consents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_consents_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_subscriber_id"), "consents", ["subscriber_id"])
    op.create_table(
        "notices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("in_reply_to", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("is_answered", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("message_id", name=op.f("uq_notices_message_id")),
    )
    op.create_index(op.f("ix_notices_mailbox"), "notices", ["mailbox"])
    op.create_index(op.f("ix_notices_state_next_at"), "notices", ["state", "next_at"])
    op.create_index(op.f("ix_notices_made_at"), "notices", ["made_at"])
    op.create_table(
        "address_changes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_address_changes_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_changes")),
    )
    op.create_index(op.f("ix_address_changes_subscriber_id"), "address_changes", ["subscriber_id"])
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "tallies",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what", "key", "hour", name=op.f("pk_tallies")),
    )
    op.create_table(
        "arrivals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("came_at", _MOMENT, nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrivals")),
    )
    op.create_index(op.f("ix_arrivals_came_at"), "arrivals", ["came_at"])
    op.create_index(op.f("ix_arrivals_mailbox"), "arrivals", ["mailbox"])


def _subscribers() -> None:
    with op.batch_alter_table("subscribers") as batch_op:
        batch_op.add_column(sa.Column("mailbox", sa.String()))
    op.execute("UPDATE subscribers SET mailbox = lower(address)")
    with op.batch_alter_table("subscribers") as batch_op:
        batch_op.alter_column("mailbox", existing_type=sa.String(), nullable=False)
        batch_op.create_index(op.f("ix_subscribers_mailbox"), ["mailbox"])


def _subscriptions() -> None:
    """Each gets an id of its own; it cannot be guessed."""
    with op.batch_alter_table("subscriptions") as batch_op:
        batch_op.add_column(sa.Column("id", sa.String()))
        batch_op.add_column(
            sa.Column("preferences", sa.JSON(), nullable=False, server_default="{}")
        )
    table = sa.table(
        "subscriptions", sa.column("id"), sa.column("subscriber_id"), sa.column("digest")
    )
    connection = op.get_bind()
    query = sa.select(table.c.subscriber_id, table.c.digest)
    rows = [
        {"new": secrets.token_hex(8), "subscriber": row.subscriber_id, "name": row.digest}
        for row in connection.execute(query)
    ]
    change = sa.update(table).where(
        table.c.subscriber_id == sa.bindparam("subscriber"), table.c.digest == sa.bindparam("name")
    )
    if rows:
        connection.execute(change.values(id=sa.bindparam("new")), rows)
    with op.batch_alter_table("subscriptions") as batch_op:
        batch_op.alter_column("id", existing_type=sa.String(), nullable=False)
        batch_op.create_unique_constraint(op.f("uq_subscriptions_id"), ["id"])
