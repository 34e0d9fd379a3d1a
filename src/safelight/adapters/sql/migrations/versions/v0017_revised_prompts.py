"""What a chat model made of a job's prompt; empty where it is drawn as it was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("revised_prompt", sa.Text))
