"""vectors, picks, opinions and drafts"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vectors",
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("encoder", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("text_hash", "encoder", name=op.f("pk_vectors")),
    )
    op.create_table(
        "picks",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("paper_id", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("picked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issue_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_picks_paper_id")),
        sa.PrimaryKeyConstraint("digest", "paper_id", name=op.f("pk_picks")),
    )
    op.create_table(
        "opinions",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("paper_id", sa.String(), nullable=False),
        sa.Column("is_liked", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_opinions_paper_id")),
        sa.PrimaryKeyConstraint(
            "digest", "subscriber_id", "paper_id", name=op.f("pk_opinions")
        ),
    )
    op.create_index(op.f("ix_opinions_paper_id"), "opinions", ["paper_id"])
    with op.batch_alter_table("edition_items") as batch_op:
        batch_op.add_column(sa.Column("because", sa.JSON()))
    with op.batch_alter_table("issues") as batch_op:
        batch_op.add_column(sa.Column("draft_until", sa.DateTime(timezone=True)))
    with op.batch_alter_table("issue_items") as batch_op:
        batch_op.add_column(sa.Column("put_by", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
