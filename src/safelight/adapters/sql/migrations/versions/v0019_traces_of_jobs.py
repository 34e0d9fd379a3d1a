"""The span of the request that a job or a batch came of; empty where nothing is traced."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    for table in ("jobs", "batches"):
        op.add_column(table, sa.Column("traceparent", sa.String(64)))
        op.add_column(table, sa.Column("tracestate", sa.String(512)))
