"""A real SLURM of one node on this machine, started by the tests and stopped after them.

It needs Debian's ``slurm-wlm`` and ``munge`` (``.ci/system-libraries dev`` installs them), no systemd and
nobody's configuration: keys, sockets, ports and states are its own.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PARTITION = "main"
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
_SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"))
#: SLURM before 23.02 has no "disabled"; the folder it then wants is never used.
_CGROUPS = ("CgroupPlugin=disabled\n", "CgroupPlugin=cgroup/v1\nCgroupMountpoint={folder}/cgroup\n")
_START_S = 20.0


class SlurmMissing(AssertionError):
    """SLURM cannot be started here; the message says what to do."""


def _program(name: str) -> str:
    found = shutil.which(name, path=_SYSTEM_PATH)
    if found is None:
        raise SlurmMissing(
            f"These tests need SLURM, and {name} is not here: run `.ci/system-libraries dev`, or let an "
            "administrator install the packages slurm-wlm and munge"
        )
    return found


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


class Slurm:
    """A running SLURM; its commands find it through ``SLURM_CONF``.

    Parameters
    ----------
    folder
        Where everything of it is kept; its path must be short, it holds a socket.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = socket.gethostname().partition(".")[0]
        self.config = folder / "slurm.conf"
        self._programs = {name: _program(name) for name in NEEDED}
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start munge, the controller and the node, and wait until the node is idle."""
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for name in ("state", "spool", "cgroup"):
            (self.folder / name).mkdir()
        self.config.write_text(self._configuration())
        self._launch(
            "munged", "--foreground", "--force", "--num-threads=1", f"--key-file={key}",
            *(f"--{what}={self.folder}/munge.{what.partition('-')[0]}"
              for what in ("socket", "pid-file", "log-file", "seed-file")),
        )  # fmt: skip
        self._wait_for((self.folder / "munge.socket").exists, "munged")
        self._launch("slurmctld", "-D", "-c")
        for text in _CGROUPS:
            (self.folder / "cgroup.conf").write_text(text.format(folder=self.folder))
            node = self._launch("slurmd", "-D")
            with contextlib.suppress(subprocess.TimeoutExpired):
                node.wait(1.5)
                self._running.remove(node)
                continue
            break
        self._wait_for(lambda: "idle" in self.run("sinfo", "--noheader", "--format=%t"), "the node")

    def stop(self) -> None:
        """Cancel what is left and end the three programs."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.run("scancel", "--user", getpass.getuser())
            self._wait_for(lambda: not self.run("squeue", "--noheader").strip(), "the end of all jobs")
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(5)

    def lose_the_node(self) -> None:
        """Let the node be down, as when it has lost its power; :meth:`repair` brings it back."""
        self.run("scontrol", "update", f"nodename={self.host}", "state=down", "reason=test")

    def repair(self) -> None:
        """Bring the node back, and wait until it can be used."""
        if "down" in self.run("sinfo", "--noheader", "--format=%t"):
            self.run("scontrol", "update", f"nodename={self.host}", "state=resume")
            self._wait_for(lambda: "down" not in self.run("sinfo", "--noheader", "--format=%t"), "the node")

    def run(self, *command: str) -> str:
        """Run one of SLURM's commands and return what it printed."""
        done = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def state(self, identifier: str) -> str:
        """Return the state of a job in SLURM's word."""
        return self.run("squeue", "--noheader", "--states=all", f"--jobs={identifier}", "--format=%T").strip()

    def cancel_all(self) -> None:
        """Empty the queue, for the next test."""
        self.run("scancel", "--user", getpass.getuser())
        self._wait_for(lambda: not self.run("squeue", "--noheader").strip(), "an empty queue")

    @contextlib.contextmanager
    def full(self) -> Iterator[str]:
        """Occupy all processors, so that the next job waits; gives the id of the job that does."""
        script = ("--wrap=sleep 300", "--cpus-per-task=2", "--output=/dev/null")
        identifier = self.run("sbatch", "--parsable", *script).strip()
        self._wait_for(lambda: self.state(identifier) == "RUNNING", "a full node")
        try:
            yield identifier
        finally:
            self.run("scancel", identifier)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.config), "PATH": _SYSTEM_PATH}

    def _launch(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.out").open("ab") as log:
            process = subprocess.Popen(
                [self._programs[name], *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def _wait_for(self, condition: object, what: str) -> None:
        assert callable(condition)
        start = time.monotonic()
        while not condition():
            if time.monotonic() - start > _START_S:
                logs = "\n".join(
                    f"{path.name}:\n{path.read_text(errors='replace')[-1500:]}"
                    for path in sorted(self.folder.glob("*.out"))
                )
                raise SlurmMissing(f"SLURM does not work here: {what} did not come.\n{logs}")
            time.sleep(0.1)

    def _configuration(self) -> str:
        host, user = self.host, getpass.getuser()
        controller, node = _free_ports(2)
        folder = self.folder
        return f"""\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=4000
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
KillWait=5
SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=20000 State=UNKNOWN
PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextlib.contextmanager
def running_slurm() -> Iterator[Slurm]:
    """Give a SLURM that runs as long as the block.

    Raises
    ------
    SlurmMissing
        When its programs are not installed, or do not work here.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        slurm = Slurm(Path(folder))
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()
