"""The tables as code sees them. What the database looks like is said by the migrations; a test compares the two.

Moments are integers of microseconds since 1970 in UTC, so that both databases compare and store them alike. Amounts
are integers of minor units beside their currency.
"""

from __future__ import annotations

import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite counts rows by itself only in a column that is exactly INTEGER PRIMARY KEY.
_Id = BigInteger().with_variant(Integer, "sqlite")

customers = Table(
    "customers",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("name", Text, nullable=False),  # sealed
    Column("language", String(16)),
    Column("birth_date", String(10)),  # in clear, of older versions; emptied when it was sealed
    Column("customer_class", String(16), server_default="standard", nullable=False),
    Column("birth_sealed", Text),
    Column("bars", Text, server_default="", nullable=False),  # sorted, with commas: "sms:transfers,*:loans"
)
lines = Table(
    "lines",
    metadata,
    Column("number_index", String(20), primary_key=True),  # blind; the number itself is sealed
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("registered_us", BigInteger, nullable=False),
    Column("sealed", Text),
)
payees = Table(
    "payees",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("short_number", String(2), nullable=False),
    Column("alias", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("account_number", String(34), nullable=False),
    Column("added_us", BigInteger, nullable=False),
    UniqueConstraint("customer_id", "short_number"),
)
cards = Table(
    "cards",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("last4", String(4), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", String(16)),
    Column("blocked_us", BigInteger),
)
pins = Table(
    "pins",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("pin_hash", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
)
attempts = Table(
    "attempts",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("in_flight", Integer, nullable=False),  # slots taken and not settled: being hashed now
    Column("not_before_us", BigInteger, nullable=False),
    Column("tried_us", BigInteger, nullable=False),
    Column("shadow", Boolean, server_default=false(), nullable=False),  # of a number that no customer has
    Index("ix_attempts_shadow_tried_us", "shadow", "tried_us"),
)
_OWED = "told_us IS NULL AND authorised_us IS NOT NULL"
intents = Table(
    "intents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("request_id", String(128), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("debtor_account", String(34), nullable=False),
    Column("debtor_last4", String(4), nullable=False),
    Column("payee_id", _Id),  # empty: no registered payee
    Column("payee_name", Text, nullable=False),
    Column("creditor_number", String(34), nullable=False),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor > 0", "positive"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("prepared_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("authorised_us", BigInteger),
    Column("authorised_by", String(128)),
    Column("reference", String(16)),
    Column("code_mac", LargeBinary),
    Column("code_expires_us", BigInteger),
    Column("code_used_by", String(128)),
    Column("purpose", String(16), server_default="payee", nullable=False),
    Column("fee_minor", BigInteger, CheckConstraint("fee_minor >= 0", "fee"), server_default="0", nullable=False),
    Column("payee_added_us", BigInteger),
    Column("text", Text, server_default="", nullable=False),
    Column("cancel_us", BigInteger),
    Column("told_us", BigInteger),
    UniqueConstraint("customer_id", "request_id"),
    Index("ix_intents_state", "state"),
    # Whoever is owed a text: few at any time, however many transfers there were.
    Index("ix_intents_owed", "authorised_us", sqlite_where=text(_OWED), postgresql_where=text(_OWED)),
    Index("ix_intents_customer_id_authorised_us", "customer_id", "authorised_us"),
)
message_stops = Table(
    "message_stops",
    metadata,
    Column("party", String(64), primary_key=True),
    Column("stopped_us", BigInteger, nullable=False),
)
consents = Table(
    "consents",
    metadata,
    Column("party", String(64), primary_key=True),  # keyed hash of the line
    Column("consent", String(32), primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("given_us", BigInteger, nullable=False),
)
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
callbacks = Table(
    "callbacks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("reference", String(16), nullable=False, unique=True),
    Column("number_index", String(20), nullable=False),  # blind
    Column("queue", String(32), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("asked_by", String(64)),
    Column("customer_id", ForeignKey("customers.id")),
    Column("language", String(16)),
    Column("asked_us", BigInteger, nullable=False),
    Column("due", String(10), nullable=False),
    Column("notes", Text, nullable=False),  # JSON, at most MAX_NOTES of them
    Column("state", String(16), nullable=False),
    Column("taken_by", String(64)),
    Column("taken_us", BigInteger),
    Column("closed_by", String(64)),
    Column("closed_us", BigInteger),
    Column("outcome", Text),
    Column("sealed", Text),  # the number to call
    Index("ix_callbacks_state_due", "state", "due"),
    Index("ix_callbacks_asked_by", "asked_by"),
    # One that waits for each number and queue: two at once that ask for the same are one.
    Index("uq_callbacks_waiting", "number_index", "queue", unique=True, sqlite_where=text("state <> 'closed'"),
          postgresql_where=text("state <> 'closed'")),
)  # fmt: skip
callback_requests = Table(
    "callback_requests",  # which asking made or joined which callback, so that the same one again is the same
    metadata,
    Column("request_id", String(128), primary_key=True),
    Column("callback_id", ForeignKey("callbacks.id"), nullable=False),
)
staff = Table(
    "staff",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("roles", String(64), nullable=False),  # sorted, with commas
    Column("added_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
)

# --- the ledger --------------------------------------------------------------------------------------------------

accounts = Table(
    "accounts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("number", String(34), nullable=False, unique=True),
    Column("customer_id", ForeignKey("customers.id"), index=True),  # empty: an account of the bank itself
    Column("product", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("is_default", Boolean(create_constraint=False), nullable=False),
    Column("frozen", Boolean(create_constraint=False), nullable=False),
    Column("floor_minor", BigInteger),  # empty: no floor, as for the bank's own accounts
    Column("booked_minor", BigInteger, nullable=False),
    Column("held_minor", BigInteger, CheckConstraint("held_minor >= 0", "held"), nullable=False),
    CheckConstraint("floor_minor IS NULL OR booked_minor - held_minor >= floor_minor", "floor"),
)
journals = Table(
    "journals",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("reference", String(16), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("intent_id", String(64)),
    Column("booked_us", BigInteger, nullable=False),
    UniqueConstraint("intent_id", "kind"),
)
entries = Table(
    "entries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("journal_id", ForeignKey("journals.id"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("text", Text, nullable=False),
    Column("booked_us", BigInteger, nullable=False),
    Index("ix_entries_account_id_id", "account_id", "id"),
    Index("ix_entries_booked_us", "booked_us"),  # one day's entries, without a walk over all of them
)
holds = Table(
    "holds",
    metadata,
    Column("intent_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("order_digest", String(64), nullable=False),
    Column("debtor_id", ForeignKey("accounts.id")),
    Column("creditor_number", String(34), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("text", Text, nullable=False),
    Column("held_us", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, server_default="0", nullable=False),
)

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def to_us(at: datetime.datetime) -> int:
    """Answer a moment as microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime.datetime:
    """Answer the moment of :func:`to_us`."""
    return _EPOCH + datetime.timedelta(microseconds=us)
