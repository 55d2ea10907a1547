"""Keeps what a registered transaction really took out of its wallet.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from treasury.ledger.columns import WeiText

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("registered") as batch:
        batch.add_column(sa.Column("moved", WeiText(), nullable=True))
