"""Finds the history of a cell by its address alone: the wide index cost a third of a busy look.

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
    op.create_index("history_of_address", "observation", ["address"])
