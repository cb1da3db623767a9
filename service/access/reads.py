"""Looking keys up."""

import hmac

from service.access.rules import hash_secret, read_token
from service.access.types import Key, StoredKey
from service.db import Db
from service.web.auth import Client


async def client_of(db: Db, token: str) -> Client | None:
    """The client of a token; None where it is unknown, expired, revoked or malformed."""
    parts = read_token(token)
    if parts is None:
        return None
    stored = await db.one(StoredKey, "access.key_by_id", parts.key_id)
    if stored is None or not hmac.compare_digest(stored.secret_hash, hash_secret(parts.secret)):
        return None
    return Client(
        client_id=stored.client_id,
        name=stored.name,
        key_id=stored.key_id,
        scopes=frozenset(stored.scopes),
        locations=None if stored.locations is None else frozenset(stored.locations),
        expires=stored.expires_at.timestamp(),
    )


async def all_keys(db: Db) -> list[Key]:
    """Every key, newest first."""
    return await db.many(Key, "access.all_keys")
