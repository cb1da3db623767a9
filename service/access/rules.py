"""The form of a token: `hyl_live_<key id>_<secret><checksum>` (reliability.md §4).

The prefix and the CRC let scanners find leaked tokens and let us refuse typos without a look-up.
"""

import hashlib
import re
import zlib
from typing import NamedTuple

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_ID_LENGTH = 8
SECRET_LENGTH = 43
CHECK_LENGTH = 6
_FORM = re.compile(r"hyl_live_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)


class Token(NamedTuple):
    """The parts of a well-formed token."""

    key_id: str
    secret: str


def base62(value: int, length: int) -> str:
    """A number in base 62, padded to `length`."""
    digits = []
    for _ in range(length):
        value, rest = divmod(value, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))


def make_token(random_bytes: bytes) -> tuple[str, Token]:
    """A token from 38 random bytes (6 for the id, 32 for the secret): its text and its parts."""
    key_id = base62(int.from_bytes(random_bytes[:6], "big"), KEY_ID_LENGTH)
    secret = base62(int.from_bytes(random_bytes[6:38], "big"), SECRET_LENGTH)
    return f"hyl_live_{key_id}_{secret}{_check(key_id, secret)}", Token(key_id, secret)


def read_token(text: str) -> Token | None:
    """The parts of a token, or None where it is not well formed."""
    found = _FORM.fullmatch(text)
    if found is None or _check(found[1], found[2]) != found[3]:
        return None
    return Token(found[1], found[2])


def hash_secret(secret: str) -> bytes:
    """What is stored: a plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def _check(key_id: str, secret: str) -> str:
    return base62(zlib.crc32(f"{key_id}_{secret}".encode()), CHECK_LENGTH)
