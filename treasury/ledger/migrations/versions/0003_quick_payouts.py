"""Finds what a transfer carries out, who was paid before and what was signed lately, quickly.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("transfers_by_destination", "transfer", ["chain_id", "destination"])
    op.create_index("attempts_by_time", "attempt", ["signed_at"])
    op.create_index("ix_refill_transfer_id", "refill", ["transfer_id"])
    op.create_index("ix_withdrawal_transfer_id", "withdrawal", ["transfer_id"])
