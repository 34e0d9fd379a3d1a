"""Of which of its prompts a picture's model read only a part."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("prompt_cuts", sa.JSON(none_as_null=True)))
