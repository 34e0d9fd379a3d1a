"""How much of a device a key has beside others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("keys", sa.Column("weight", sa.Float(53), nullable=False, server_default=sa.text("1")))
