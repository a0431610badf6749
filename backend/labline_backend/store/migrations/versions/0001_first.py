"""Runs, steps, events, cache."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("notebook", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("started", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("cache", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("experiment_id", sa.Text),
        sa.Column("mlflow_run_id", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("runs_by_notebook", "runs", ["notebook"])
    op.create_index("runs_by_state", "runs", ["state"])
    op.create_table(
        "steps",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("cache_key", sa.Text),
        sa.Column("cache_note", sa.Text),
        sa.Column("cached_from", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("mlflow_run_id", sa.Text),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cache",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("ingredients", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_index("cache_by_step", "cache", ["pipeline", "step", "created"])
