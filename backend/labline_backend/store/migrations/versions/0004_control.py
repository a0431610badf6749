"""How a run was asked to go, and whether its values are kept for good."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("control", sa.Text))
    op.add_column("runs", sa.Column("kept", sa.Boolean, nullable=False, server_default="0"))
