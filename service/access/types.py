"""Clients, keys and scopes."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

SCOPES = frozenset(
    [
        "catalog:write",
        "locations:write",
        "stock:read",
        "stock:write",
        "availability:read",
        "pos:write",
        "pos:backfill",
        "reservations:write",
        "orders:read",
        "orders:write",
        "orders:fulfil",
        "returns:write",
        "counts:write",
        "transfers:write",
        "customers:read",
        "customers:write",
        "carts:write",
        "offers:write",
        "insights:read",
        "returns:blind",
        "policies:write",
        "events:read",
        "webhooks:write",
        "admin",
    ]
)

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\A[^\x00-\x1f]+\Z")]


class Key(msgspec.Struct, frozen=True):
    """A key as `keys list` shows it: never its secret."""

    key_id: str
    name: str
    scopes: list[str]
    locations: list[str] | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class StoredKey(msgspec.Struct, frozen=True):
    """What a token is checked against: the SHA-256 of its secret, and what it may do."""

    key_id: str
    client_id: int
    name: str
    secret_hash: bytes
    scopes: list[str]
    locations: list[str] | None
    expires_at: datetime
