"""Keeps address lists that others publish.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "denylist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("dated", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("addresses", sa.Integer(), nullable=False),
        sa.Column("loaded_at", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "digest", name="one_list_each"),
    )
    op.create_table(
        "denied",
        sa.Column("denylist_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["denylist_id"], ["denylist.id"]),
        sa.PrimaryKeyConstraint("denylist_id", "address"),
    )
    op.create_index(op.f("ix_denied_address"), "denied", ["address"], unique=False)
