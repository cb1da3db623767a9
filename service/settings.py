"""Settings: one frozen Struct, read from the environment once.

A wrong value stops the start with one line that names the variable.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used; the message names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator may decide. Field `x` is read from `HYLDE_X`; names in upper case."""

    database_url: str | None = None
    owner_database_url: str | None = None
    data_dir: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    log_level: Annotated[str, Meta(pattern=r"\A(debug|info|warning|error)\Z")] = "info"
    log_format: Annotated[str, Meta(pattern=r"\A(json|console)\Z")] = "json"
    pool_size: Annotated[int, Meta(ge=2, le=64)] = 8
    rate_limit: Count = 5_000
    holds_per_client: Positive = 50_000
    holds_per_customer: Positive = 5
    hold_ttl_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 900
    review_quantity: Positive = 10_000
    review_days: Positive = 7
    review_future_minutes: Positive = 10
    few_left: Count = 3
    count_tolerance: Count = 1
    read_inflight: Positive = 512
    command_inflight: Positive = 1_024
    till_inflight: Positive = 2_048
    check_minutes: Positive = 5
    bench: bool = False

    def folder(self) -> Path | None:
        """The data folder that was named, or None for the platform's own."""
        return Path(self.data_dir) if self.data_dir else None


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read `HYLDE_*` variables; an empty one counts as unset.

    Raises:
        SettingsError: a value is of the wrong type or out of range.
    """
    source = os.environ if environ is None else environ
    found: dict[str, str] = {}
    for field in Settings.__struct_fields__:
        value = source.get(f"HYLDE_{field.upper()}", "").strip()
        if value:
            found[field] = value
    for field, value in found.items():
        try:
            msgspec.convert({field: value}, Settings, strict=False)
        except msgspec.ValidationError as error:
            reason = str(error).split(" - at")[0]
            raise SettingsError(f"HYLDE_{field.upper()}: {reason}") from error
    return msgspec.convert(found, Settings, strict=False)
