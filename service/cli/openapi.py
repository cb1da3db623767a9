"""`hylde openapi`: print the contract."""

import sys

import rich_click as click

from service.app import build_app
from service.db import Db
from service.settings import Settings
from service.web.openapi import as_yaml, document


@click.command("openapi")
def command() -> None:
    """Print openapi.yaml, made from the routes; no database is asked.

    \b
    Example:
      hylde openapi > openapi.yaml
    """  # noqa: D301 - \b is click's
    sys.stdout.write(as_yaml(document(build_app(Settings(), Db("")))))
