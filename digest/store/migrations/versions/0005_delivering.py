"""senders and their claims, limits, bounces"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("next_at", sa.DateTime(timezone=True)))
    op.add_column(
        "deliveries", sa.Column("sender", sa.String(), nullable=False, server_default="")
    )
    op.add_column(
        "deliveries",
        sa.Column("is_urgent", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("issues", sa.Column("held", sa.Text(), nullable=False, server_default=""))
    op.drop_index(op.f("ix_deliveries_state"), "deliveries")
    for name, columns, condition in (
        (
            "queued",
            [sa.text("is_urgent DESC"), "issue_id", "edition", "subscriber_id"],
            "state = 'queued'",
        ),
        ("deferred", ["next_at"], "state = 'deferred'"),
        ("claims", ["sender"], "state IN ('claimed', 'sending')"),
    ):
        op.create_index(
            f"ix_deliveries_{name}",
            "deliveries",
            columns,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "senders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_senders")),
    )
    op.create_table(
        "turns",
        sa.Column("of", sa.String(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("of", name=op.f("pk_turns")),
    )
    op.create_table(
        "bounces",
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_bounces_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "day", name=op.f("pk_bounces")),
    )
