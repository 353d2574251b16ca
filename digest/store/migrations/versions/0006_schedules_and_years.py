"""schedules and their slots, when readers are due, what is forgotten"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DUE = sa.text("due_at IS NOT NULL AND state = 'confirmed'")
_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "schedules",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("after", moment, nullable=False),
        sa.Column("next_at", moment),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_next_at"), "schedules", ["next_at"])
    op.create_table(
        "slots",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("settled_at", moment, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("issue_id", sa.String()),
        sa.PrimaryKeyConstraint("digest", "slot", name=op.f("pk_slots")),
    )
    op.create_index(op.f("ix_slots_digest_due_at"), "slots", ["digest", "due_at"])
    # What was done with before there were rows for it.
    op.execute(
        "INSERT INTO slots (digest, slot, due_at, settled_at, outcome)"
        " SELECT digest, slot, MIN(run_at), MIN(run_at), MIN(reason) FROM reports"
        " WHERE reason NOT IN ('stale', 'late', 'blocked', 'down', 'not-due')"
        " GROUP BY digest, slot"
    )
    op.create_table(
        "alerts",
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.PrimaryKeyConstraint("about", name=op.f("pk_alerts")),
    )
    op.add_column("issues", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "issues", sa.Column("is_queued", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("subscriptions", sa.Column("due_at", moment))
    # Who has wishes of her own is looked at once, which sets the moment right.
    subscriptions = sa.table(
        "subscriptions",
        sa.column("preferences", sa.JSON()),
        sa.column("due_at", moment),
        sa.column("confirmed_at", moment),
    )
    op.execute(
        subscriptions.update()
        .where(sa.cast(subscriptions.c.preferences, sa.Text()) != "{}")
        .values(due_at=subscriptions.c.confirmed_at)
    )
    op.create_index(
        "ix_subscribers_pending",
        "subscribers",
        ["created_at"],
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.drop_index("ix_subscriptions_digest_state", "subscriptions")
    op.create_index(
        op.f("ix_subscriptions_digest_state_subscriber_id"),
        "subscriptions",
        ["digest", "state", "subscriber_id"],
    )
    op.create_index(
        "ix_subscriptions_due",
        "subscriptions",
        ["due_at", "digest"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )
    op.add_column("papers", sa.Column("retired_on", sa.Date()))
    op.add_column("listings", sa.Column("seen_on", sa.Date()))
