"""Rooms, participants, answers, comments, and the access log that can only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFUSAL = "the access log can only grow: its entries are not changed or removed"

SQLITE = (
    f"CREATE TRIGGER log_keeps_entries BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER log_loses_no_entry BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    # INSERT OR REPLACE removes a row without asking the trigger above.
    "CREATE TRIGGER log_replaces_no_entry BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log WHERE seq = NEW.seq) "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
)
POSTGRESQL = (
    "CREATE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
    "CREATE TRIGGER log_keeps_entries BEFORE UPDATE OR DELETE ON log FOR EACH ROW EXECUTE FUNCTION log_only_grows()",
    "CREATE TRIGGER log_keeps_all BEFORE TRUNCATE ON log FOR EACH STATEMENT EXECUTE FUNCTION log_only_grows()",
)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "rooms",
        sa.Column("code", sa.String(6), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("key_sha256", sa.String(64), nullable=False),
        sa.Column("opened", moment, nullable=False),
        sa.Column("closed", moment),
    )
    op.create_table(
        "participants",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("code", sa.String(6), sa.ForeignKey("rooms.code"), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("joined", moment, nullable=False),
        sa.UniqueConstraint("code", "alias", name="one_alias_in_a_room"),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String(6), sa.ForeignKey("rooms.code"), nullable=False),
        sa.Column("participant_id", sa.String(32), sa.ForeignKey("participants.id"), nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("submitted", moment, nullable=False),
        sa.UniqueConstraint("participant_id", "item", "stage", name="one_answer_a_stage"),
        sqlite_autoincrement=True,
    )
    op.create_index("answers_in_order", "answers", ["code", "id"])
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String(6), sa.ForeignKey("rooms.code"), nullable=False),
        sa.Column("participant_id", sa.String(32), sa.ForeignKey("participants.id"), nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("written", moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("comments_in_order", "comments", ["code", "id"])
    op.create_index("comments_by_participant", "comments", ["participant_id"])
    op.create_table(
        "log",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
