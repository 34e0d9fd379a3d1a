"""The average colour of a job's picture, noted when it is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("average_color", sa.String(7)))
