"""Who draws a job, how long that is known to be so, and which try it is."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_HELD = sa.text("holder IS NOT NULL")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("holder", sa.String(64)))
    op.add_column("jobs", sa.Column("lease_until", sa.Float(53)))
    op.add_column("jobs", sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.create_index("jobs_held", "jobs", ["holder", "lease_until"], sqlite_where=_HELD, postgresql_where=_HELD)
