"""What moves money: transfers, their attempts, and the refills and withdrawals that cause them.

Revision ID: 0001b
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from treasury.ledger.columns import JsonText, WeiText

revision = "0001b"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_transfer()
    _create_attempt()
    _create_refill()
    _create_withdrawal()


def downgrade() -> None:
    raise NotImplementedError("a ledger never goes back: restore a backup instead")


def _create_transfer() -> None:
    op.create_table(
        "transfer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("amount", WeiText(), nullable=False),
        sa.Column("max_fee", WeiText(), nullable=False),
        sa.Column("terms", JsonText(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.Integer(), nullable=True),
        sa.Column("block_hash", sa.String(), nullable=True),
        sa.Column("settled_fee", WeiText(), nullable=True),
        sa.Column("reasons", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cause"),
        sa.UniqueConstraint("order_id"),
    )
    op.create_index(op.f("ix_transfer_state"), "transfer", ["state"], unique=False)
    op.create_index(
        "one_transfer_per_nonce",
        "transfer",
        ["chain_id", "source", "nonce"],
        unique=True,
        sqlite_where=sa.text("nonce IS NOT NULL AND purpose <> 'evacuation'"),
        postgresql_where=sa.text("nonce IS NOT NULL AND purpose <> 'evacuation'"),
    )


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transfer_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("gas_limit", WeiText(), nullable=False),
        sa.Column("max_fee_per_gas", WeiText(), nullable=False),
        sa.Column("max_priority_fee_per_gas", WeiText(), nullable=False),
        sa.Column("l1_fee", WeiText(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("signed_at", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("transfer_id", "number", name="one_attempt_each"),
    )


def _create_refill() -> None:
    op.create_table(
        "refill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("amount", WeiText(), nullable=False),
        sa.Column("max_fee", WeiText(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("terms", JsonText(), nullable=False),
        sa.Column("maker", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Integer(), nullable=False),
        sa.Column("required", sa.Integer(), nullable=True),
        sa.Column("counted", JsonText(), nullable=False),
        sa.Column("release_at", sa.Integer(), nullable=True),
        sa.Column("transfer_id", sa.Integer(), nullable=True),
        sa.Column("reasons", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id"),
    )
    op.create_index(op.f("ix_refill_state"), "refill", ["state"], unique=False)
    op.create_index(
        "one_open_refill",
        "refill",
        ["wallet", "asset"],
        unique=True,
        sqlite_where=sa.text("state IN ('PROPOSED', 'APPROVED', 'RELEASED')"),
        postgresql_where=sa.text("state IN ('PROPOSED', 'APPROVED', 'RELEASED')"),
    )


def _create_withdrawal() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("body_digest", sa.String(), nullable=False),
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("amount", WeiText(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("terms", JsonText(), nullable=True),
        sa.Column("transfer_id", sa.Integer(), nullable=True),
        sa.Column("reasons", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index(op.f("ix_withdrawal_state"), "withdrawal", ["state"], unique=False)
