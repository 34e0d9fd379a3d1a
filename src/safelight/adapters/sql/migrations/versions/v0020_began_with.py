"""The fingerprint of the model that began to draw a job: whoever takes it over waits for the same; empty until then."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("began_with", sa.Text))
