"""Keeps what payout engines register before they send from a wallet in shared custody.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from treasury.ledger.columns import WeiText

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registered",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("amount", WeiText(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("registered_at", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.Integer(), nullable=True),
        sa.Column("block_hash", sa.String(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=True),
        sa.Column("settled_fee", WeiText(), nullable=True),
        sa.Column("settled_at", sa.Integer(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chain_id", "hash", "part", name="one_part_each"),
    )
    op.create_index("registered_open", "registered", ["chain_id", "settled_at", "is_void"])
    op.create_index("registered_by_block", "registered", ["chain_id", "block_number"])
