"""Seconds of stages that have no column of their own, by name: another stage needs no migration."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("more_stage_seconds", sa.JSON(none_as_null=True)))
