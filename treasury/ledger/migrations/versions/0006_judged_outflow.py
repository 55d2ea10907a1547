"""Keeps every judged outflow with its verdict, and what the judgement has learned.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from treasury.ledger.columns import JsonText, WeiText

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outflow",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("amount", WeiText(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("is_first_use", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("score", sa.String(), nullable=False),
        sa.Column("reasons", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject"),
    )
    op.create_index("outflows_of_pool", "outflow", ["pool", "id"])
    op.create_table(
        "learned",
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("upto_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("changed_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pool"),
    )
