"""Drops an index that no question used, and that every look at the chain paid for.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("history_of_cell", table_name="observation")
