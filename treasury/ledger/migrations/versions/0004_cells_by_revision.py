"""Numbers the writes of cells, and asks for transfers by block and by nonce without a scan.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cell") as batch:
        batch.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
        batch.create_index("cells_by_revision", ["chain_id", "depth", "revision"])
    op.create_table(
        "cell_revision",
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id"),
    )
    with op.batch_alter_table("transfer") as batch:
        batch.create_index("transfers_by_block", ["chain_id", "block_number"])
        batch.create_index("transfers_by_nonce", ["chain_id", "source", "nonce"])
