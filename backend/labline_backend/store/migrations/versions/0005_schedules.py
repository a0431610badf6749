"""Recurring runs of this machine."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "schedules",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("notebook", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("cron", sa.Text),
        sa.Column("interval", sa.Integer),
        sa.Column("zone", sa.Text),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("cache", sa.Boolean, nullable=False),
        sa.Column("catch_up", sa.Boolean, nullable=False),
        sa.Column("at_most", sa.Integer, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("begun", sa.Float, nullable=False),
        sa.Column("next", sa.Float, nullable=False),
        sa.Column("problem", sa.Text),
    )
