"""Keeps the balance that each judged outflow was seen against, and finds outflows by recipient.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from treasury.ledger.columns import WeiText

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outflow") as batch:
        batch.add_column(sa.Column("balance", WeiText(), nullable=True))
        batch.create_index("outflows_to_recipient", ["pool", "recipient"])
