"""What the machine is, how much memory the service takes, and what pgbench reaches."""

import asyncio
import math
import os
import platform
import tempfile
from pathlib import Path

from service.bench.formats import read_log
from service.bench.types import Measured
from service.db import OwnerSession


class BenchFailedError(Exception):
    """Nothing could be measured, or what was measured is wrong; the message is for people."""


async def machine(owner: OwnerSession) -> dict[str, str | int | float]:
    """What a reader of the figures has to know."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": str(await owner.value("show server_version")),
        "workers": 1,
    }


def _cpu() -> str:
    found = Path("/proc/cpuinfo")
    for line in found.read_text().splitlines() if found.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def worker_mb(supervisor: int) -> float:
    """Resident memory of the web worker: the largest child of the supervisor. 0 if not known."""
    sizes = [0.0]
    for child in _children_of(supervisor):
        try:
            status = (Path("/proc") / child / "status").read_text()
        except OSError:
            continue
        kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        sizes += [int(number) / 1024 for number in kilobytes]
    return round(max(sizes), 1)


def worker_cpu_seconds(supervisor: int) -> float:
    """Processor time that the web workers have used so far. 0 if not known."""
    ticks = 0
    for child in _children_of(supervisor):
        try:
            stat = (Path("/proc") / child / "stat").read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children_of(pid: int) -> list[str]:
    tasks = Path("/proc") / str(pid) / "task"
    found = []
    if tasks.is_dir():
        for task in tasks.iterdir():
            found += (task / "children").read_text().split()
    return found


async def pgbench(
    bin_dir: Path, dsn: str, script: str, clients: int, seconds: float, warm: float, *variables: str
) -> Measured:
    """Run a script with the bundled pgbench; its prepared protocol plans a statement once.

    What ends in the first `warm` seconds is left out: each connection plans every statement inside
    the functions for its first calls.

    Raises:
        BenchFailedError: it failed, or a call did.
    """
    with tempfile.TemporaryDirectory(prefix="hylde-pgbench-") as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        defined = [part for variable in variables for part in ("-D", variable)]
        child = await asyncio.create_subprocess_exec(
            str(bin_dir / "pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--file={file}"),
            *(f"--client={clients}", f"--jobs={min(2, clients)}"),
            *(f"--time={math.ceil(seconds + warm)}", "--log"),
            *(f"--log-prefix={folder}/log", *defined, dsn),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await child.communicate()
        if child.returncode:
            raise BenchFailedError(f"pgbench failed: {said.decode(errors='replace')[-500:]}")
        return read_log(_lines_of(folder), warm)


def _lines_of(folder: str) -> list[str]:
    """All logs: each thread of pgbench writes one."""
    logs = Path(folder).glob("log.*")
    return [line for log in logs for line in log.read_text().splitlines()]
