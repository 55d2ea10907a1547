"""Drops the index of the newest cells by revision: every written row moved its entry.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("cells_by_revision", table_name="cell")
