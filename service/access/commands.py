"""Making and revoking keys."""

import secrets
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from service.access.rules import hash_secret, make_token
from service.db import Command, Db


class KeyOutcome(msgspec.Struct, frozen=True):
    """What happened, and to how many keys."""

    code: Literal["created", "revoked", "not_found"]
    keys: int = 1


class CreateKey(Command[KeyOutcome], frozen=True, kw_only=True):
    """A key for a client, which is made when it is new."""

    function: ClassVar[str] = "access.create_key"
    outcome: ClassVar[type[Any]] = KeyOutcome
    name: str
    key_id: str
    secret_hash: str
    scopes: list[str]
    locations: list[str] | None
    expires_at: datetime


class RevokeKey(Command[KeyOutcome], frozen=True, kw_only=True):
    """Revoke a key by its id, or all keys of a client by its name."""

    function: ClassVar[str] = "access.revoke_key"
    outcome: ClassVar[type[Any]] = KeyOutcome
    which: str


async def create_key(
    db: Db, name: str, scopes: list[str], locations: list[str] | None, expires_at: datetime
) -> str:
    """Make a key; gives the token, which is never shown again."""
    text, token = make_token(secrets.token_bytes(38))
    await db.run(
        CreateKey(
            name=name,
            key_id=token.key_id,
            secret_hash=hash_secret(token.secret).hex(),
            scopes=scopes,
            locations=locations,
            expires_at=expires_at,
        )
    )
    return text


async def revoke_key(db: Db, which: str) -> int:
    """Revoke by id or name; gives how many keys stopped working."""
    outcome = await db.run(RevokeKey(which=which))
    return outcome.keys
