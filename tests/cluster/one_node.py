"""A real Slurm of one node on this machine: munged, slurmctld and slurmd, in a network of their own that has loopback alone.

The network namespace keeps its ports from every other program, and is what a compute node without network looks like. GPUs are
pretended: null devices that Slurm counts, hands out and names in CUDA_VISIBLE_DEVICES. Time limits are enforced, memory is not.

By hand, as root with slurm-wlm and munge: `python -m tests.cluster.one_node FOLDER -- COMMAND...` runs a command beside it.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "unshare", "nsenter")
PLACE = "/etc/slurm"
SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"  # where daemons are, which is on root's PATH alone


def why_not():
    """Return why no Slurm can be started here; "" if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "Slurm's daemons need Linux and root"
    if missing := [program for program in PROGRAMS if not shutil.which(program, path=_path())]:
        return f"{', '.join(missing)} not found (apt-get install slurm-wlm munge)"
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode:
        return "no namespaces can be made here (unshare --net --mount)"
    return ""


@dataclass(frozen=True)
class Held:
    """A card that a job had, from a time to a time."""

    job: str
    card: str
    start: float
    end: float


class OneNode:
    """Slurm in `folder`, while the block lasts."""

    def __init__(self, folder, cpus=6, gpus=2):
        self.folder = Path(folder)
        self.cpus, self.gpus = cpus, gpus
        self.node = os.uname().nodename.split(".")[0]
        self.environment = os.environ | {"PATH": _path()}
        self._daemons = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._daemons:
            self.call("scancel", "--user=root", check=False)
            deadline = time.monotonic() + 15
            while self.queue() and time.monotonic() < deadline:
                time.sleep(0.2)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def inside(self, *command, folder="/"):
        """Return the command that runs another beside the cluster, in its network, in `folder`."""
        enter = ["nsenter", f"--target={self.network}", "--net", "--mount"]
        return [*enter, "env", f"--chdir={folder}", *command]

    def call(self, *command, check=True):
        """Run a command beside the cluster and return what it prints."""
        options = {"capture_output": True, "text": True, "env": self.environment, "timeout": 60, "check": False}
        made = subprocess.run(self.inside(*command), **options)
        assert not check or made.returncode == 0, made.stderr
        return made.stdout

    def queue(self):
        """Return ids of jobs that wait or run."""
        return self.call("squeue", "--noheader", "--format=%i", check=False).split()

    def jobs(self):
        """Return every job so far, finished ones too: facts by name, as `scontrol show job` says them."""
        shown = self.call("scontrol", "show", "job", "--oneliner", check=False)
        lines = [line for line in shown.splitlines() if line.startswith("JobId=")]
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def cards(self):
        """Return which job that has ended had which card, and when: as the node wrote it down before and after the job."""
        starts, found = {}, []
        for line in (self.folder / "cards").read_text().splitlines():
            what, job, card, seconds = line.split()
            if what == "start":
                starts[job] = card, float(seconds)
            elif job in starts:
                found.append(Held(job, *starts.pop(job), float(seconds)))
        return found

    @property
    def network(self):
        """The process whose network is the cluster's."""
        return self._daemons[0].pid

    def _start(self):
        for name in ("munge", "state", "spool", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "munge").chmod(0o755)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self._configure()
        munge = self.folder / "munge"
        # The first one holds the network that all share. Its second address leads nowhere: with that of loopback alone the
        # system takes it for no network at all, and Slurm finds nothing to listen on.
        network = "ip link set lo up && ip address add 192.0.2.1/32 dev lo"
        # What starts steps of jobs looks for its configuration at this place alone; only the cluster sees it there.
        place = f"mkdir -p {PLACE} && mount --bind {self.folder} {PLACE}"
        self._daemon("unshare", "--net", "--mount", "sh", "-c", f"{network} && {place} && exec sleep infinity")
        self._wait_for(lambda: "192.0.2.1" in self.call("ip", "-brief", "address", check=False), "a loopback network")
        self._daemon(
            *self.inside("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge}/socket"),
            *(f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed"),
        )
        self._wait_for((munge / "socket").exists, "munged")
        self._daemon(*self.inside("slurmctld", "-D", "-c", "-i"))
        self._daemon(*self.inside("slurmd", "-D"))
        self._wait_for(lambda: self.call("sinfo", "--noheader", "--format=%T", check=False).split()[:1] == ["idle"], "the node")

    def _configure(self):
        devices = []
        for index in range(self.gpus):
            device = self.folder / f"gpu{index}"
            if not device.exists():
                os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
            devices.append(f"NodeName={self.node} Name=gpu File={device}\n")
        (self.folder / "gres.conf").write_text("".join(devices))
        (self.folder / "cards").touch()
        for what, name in (("start", "before"), ("end", "after")):
            note = f'echo "{what} $SLURM_JOB_ID $SLURM_JOB_GPUS $(date +%s.%N)" >> {self.folder}/cards'
            script = self.folder / name
            script.write_text(f'#!/bin/sh\n[ -z "$SLURM_JOB_GPUS" ] || {note}\n')
            script.chmod(0o755)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        (self.folder / "slurm.conf").write_text(
            "\n".join(
                [
                    "ClusterName=onenode",
                    f"SlurmctldHost={self.node}(127.0.0.1)",
                    "SlurmUser=root",
                    "AuthType=auth/munge",
                    f"AuthInfo=socket={self.folder}/munge/socket",
                    f"StateSaveLocation={self.folder}/state",
                    f"SlurmdSpoolDir={self.folder}/spool",
                    f"SlurmctldPidFile={self.folder}/slurmctld.pid",
                    f"SlurmdPidFile={self.folder}/slurmd.pid",
                    f"SlurmctldLogFile={self.folder}/log/slurmctld",
                    f"SlurmdLogFile={self.folder}/log/slurmd",
                    # Nothing that needs cgroups, a database or a second machine.
                    *("ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "SwitchType=switch/none", "MpiDefault=none"),
                    *("JobAcctGatherType=jobacct_gather/none", "AccountingStorageType=accounting_storage/none"),
                    *("SelectType=select/cons_tres", "SelectTypeParameters=CR_Core_Memory", "SchedulerType=sched/backfill"),
                    "SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0",
                    # Finished jobs stay in squeue's sight, and what can never run is refused at once.
                    *("MinJobAge=3600", "EnforcePartLimits=ALL", "KillWait=2", "InactiveLimit=0", "ReturnToService=2"),
                    *(f"Prolog={self.folder}/before", f"Epilog={self.folder}/after"),
                    "SlurmdParameters=config_overrides",
                    *(["GresTypes=gpu"] if self.gpus else []),
                    f"NodeName={self.node} NodeAddr=127.0.0.1 CPUs={self.cpus} RealMemory={max(memory, 64000)}"
                    + (f" Gres=gpu:{self.gpus}" if self.gpus else ""),
                    f"PartitionName=cpu Nodes={self.node} Default=YES MaxTime=INFINITE State=UP",
                    f"PartitionName=gpu Nodes={self.node} MaxTime=INFINITE State=UP",
                    "",
                ]
            )
        )

    def _daemon(self, *command):
        with open(self.folder / f"log/{len(self._daemons)}", "w") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "start_new_session": True}
            self._daemons.append(subprocess.Popen(command, env=self.environment, **options))

    def _wait_for(self, ready, what):
        deadline = time.monotonic() + 20
        while not ready():
            logs = "\n".join(path.read_text(errors="replace")[-600:] for path in sorted((self.folder / "log").iterdir()))
            assert time.monotonic() < deadline, f"{what} did not come up:\n{logs}"
            time.sleep(0.1)


def _path():
    return f"{os.environ.get('PATH', os.defpath)}:{SYSTEM}"


def _main(folder, command):
    if reason := why_not():
        sys.exit(reason)
    with OneNode(folder) as slurm:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return subprocess.run(slurm.inside(*command, folder=Path.cwd()), env=slurm.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[3:]))
