"""Finds what is open on a chain, and what a pool settled last, however much there ever was.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_transfer_state", "transfer")
    op.create_index("transfers_by_state", "transfer", ["chain_id", "state"])
    op.drop_index("ix_refill_state", "refill")
    op.create_index("refills_by_state", "refill", ["chain_id", "state", "changed_at"])
    op.create_index("refills_by_pool", "refill", ["pool", "state"])
