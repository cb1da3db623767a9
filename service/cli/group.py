"""The group of all commands: loads the one that is asked for, and tells errors in one line.

Exit codes: 0 done · 1 it failed, or the answer is no · 2 wrong use or a wrong HYLDE_* value ·
130 interrupted · 143 terminated.
"""

import importlib
import signal
import sys
from collections.abc import Mapping
from typing import Any

import rich_click as click

HELP = """Hylde: one stock truth for a retailer with shops, a webshop and an app.

\b
Start here:
  hylde serve
  hylde keys create --name webshop --scope availability:read --scope reservations:write
  hylde check

Without HYLDE_DATABASE_URL a bundled PostgreSQL runs in HYLDE_DATA_DIR.
"""
# what a person can do something about: told in one line, without a traceback
_TOLD = {
    "SettingsError": 2,
    "ServerFailedError": 1,
    "MigrationError": 1,
    "CannotConnectError": 1,
    "RolledBackError": 1,
    "NotStarted": 1,
    "OutcomeUnknown": 1,
    "CommandBroken": 1,
    "OSError": 1,
    "PlayError": 1,
}


class Commands(click.RichGroup):
    """Lists commands from the table; imports a command's module when it runs."""

    table: Mapping[str, tuple[str, str]] = {}
    listing = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order."""
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; while help is made a stand-in that imports nothing."""
        if cmd_name not in self.table:
            return None
        module, text = self.table[cmd_name]
        if self.listing:
            return click.Command(cmd_name, help=text)
        try:
            loaded: Any = importlib.import_module(f"service.cli.{module}")
        except ModuleNotFoundError as error:
            if error.name != f"service.cli.{module}":
                raise
            ctx.fail(f"'{cmd_name}' is not part of this installation.")
        command: click.Command = loaded.command
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - rich-click's
        """Help without importing any command."""
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


def run(table: Mapping[str, tuple[str, str]]) -> int:
    """Run the command line; gives the exit code."""
    # so that what was started is stopped: SIGTERM unwinds like ^C
    signal.signal(signal.SIGTERM, _terminated)
    group = Commands(
        name="hylde", help=HELP, context_settings={"help_option_names": ["-h", "--help"]}
    )
    group.table = table
    try:
        result = group.main(prog_name="hylde", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        code = next((_TOLD[k.__name__] for k in type(error).__mro__ if k.__name__ in _TOLD), None)
        if code is None:
            raise
        print(f"hylde: {_line(error)}", file=sys.stderr)
        return code
    return result if isinstance(result, int) else 0


def _line(error: Exception) -> str:
    # a lane tells clients only of what kind its trouble is; people here may know more
    told = error.__cause__ if type(error).__name__ == "NotStarted" and error.__cause__ else error
    text = " ".join(str(told).split()) or type(told).__name__
    # of a command on a database without, or with older, functions
    missing = getattr(error, "code", None) in ("3F000", "42883", "42P01")
    if missing or text == 'role "hylde_app" does not exist':
        return f"{text}: the schema is not current, run `hylde migrate`"
    return text


def _terminated(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)
