"""The fingerprint of the model that began to draw a job, or a line of a batch; empty until then."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    for table in ("jobs", "batch_lines"):
        op.add_column(table, sa.Column("began_with", sa.Text))
