"""who made a summary, and why another than the one asked for"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('summaries', sa.Column('made_by', sa.String(), nullable=False, server_default=''))
    op.add_column('summaries', sa.Column('reason', sa.Text(), nullable=False, server_default=''))
    op.add_column('issue_items', sa.Column('reason', sa.Text(), nullable=False, server_default=''))
    # Until now nothing fell back to anything.
    op.execute('UPDATE summaries SET made_by = summarizer')
