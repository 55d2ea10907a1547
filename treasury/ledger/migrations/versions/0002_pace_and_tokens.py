"""Asks for pace quickly, and keeps what tokens did and which of them are quarantined.

Revision ID: 0002
Revises: 0001b
"""

import sqlalchemy as sa
from alembic import op

from treasury.ledger.columns import JsonText, WeiText

revision = "0002"
down_revision = "0001b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("transfer") as batch:
        batch.add_column(sa.Column("moved_out", WeiText(), nullable=True))
        batch.add_column(sa.Column("moved_in", WeiText(), nullable=True))
        batch.create_index("transfers_by_purpose", ["chain_id", "purpose", "created_at"])
    op.create_table(
        "token",
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("is_quarantined", sa.Boolean(), nullable=False),
        sa.Column("reasons", JsonText(), nullable=False),
        sa.Column("facts", JsonText(), nullable=True),
        sa.Column("judged_at", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "address"),
    )
