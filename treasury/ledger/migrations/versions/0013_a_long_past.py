"""Lets a tick cost the same however long the past is.

Finds what was judged lately, and what a recipient was held for, without reading all the rest. A
look that is forgotten is no longer searched for in the whole history of balances: a foreign key
without an index of its own made every calm tick do that.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNNAMED = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
"""SQLite keeps no names of foreign keys: while they are dropped they get some."""


def upgrade() -> None:
    op.create_index("outflows_by_time", "outflow", ["pool", "at"])
    op.drop_index("outflows_to_recipient", table_name="outflow")
    op.create_index("outflows_to_recipient", "outflow", ["pool", "recipient", "verdict"])
    with op.batch_alter_table("observation", naming_convention=_UNNAMED) as batch:
        batch.drop_constraint("fk_observation_tick_id", type_="foreignkey")
