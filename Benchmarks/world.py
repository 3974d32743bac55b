"""What the measurements run in: folders, one cgroup whose CPU time is counted, workers, and the tools of `peers`.

scripts/bench has given this process mount, network and process namespaces of its own and removes the cgroup and the
folder on the disk afterwards."""
import os
import pathlib
import signal
import subprocess
import sys
import time

from client import Client

CGROUPS = pathlib.Path("/sys/fs/cgroup")
GROUP = "apron-bench"
CONTROLLERS = ("cpuacct", "cpu", "memory", "pids", "cpuset", "devices", "freezer", "blkio")
SLOTS = 8  # lives side by side; two more slots are for containers that stay
HERE = pathlib.Path(__file__).resolve().parent


def say(words):
    print(f"bench: {words}", file=sys.stderr, flush=True)


class Cgroups:
    """One group for all that runs. A group competes like one task: it is given weight."""

    def __init__(self):
        kind = subprocess.run(["stat", "-f", "-c", "%T", CGROUPS], capture_output=True, text=True, check=True).stdout
        self.version = "v2" if kind.strip() == "cgroup2fs" else "v1"
        if self.version == "v2":
            self.counted = CGROUPS / GROUP
            (self.counted / "bench").mkdir(parents=True, exist_ok=True)
            for folder in (CGROUPS, self.counted):
                for controller in ("cpu", "memory", "pids"):
                    self.try_write(folder / "cgroup.subtree_control", f"+{controller}")
            self.try_write(self.counted / "cpu.weight", "9000")
            self.joined = self.counted / "bench"
        else:
            for controller in CONTROLLERS:
                if (CGROUPS / controller).is_dir():
                    (CGROUPS / controller / GROUP).mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                self.try_write(CGROUPS / "cpuset" / GROUP / name, self.read(CGROUPS / "cpuset" / name))
            self.try_write(CGROUPS / "cpu" / GROUP / "cpu.shares", "90000")
            self.counted = self.joined = CGROUPS / "cpuacct" / GROUP

    @staticmethod
    def read(path):
        return path.read_text() if path.exists() else ""

    @staticmethod
    def try_write(path, words):
        try:
            path.write_text(words)
        except OSError:
            pass

    def enter(self, name):
        """For the start of a process: its own group below ours, in whose CPU time its children count, too."""
        group = self.counted / name
        group.mkdir(exist_ok=True)
        places = [group]
        if self.version == "v1":
            places += [CGROUPS / c / GROUP for c in ("cpu", "memory", "pids") if (CGROUPS / c).is_dir()]

        def join():
            for place in places:
                (place / "cgroup.procs").write_text("0")
        return join

    def processor(self, name=""):
        """Seconds of CPU time of a group, or of all, with what has ended; a group that nobody has entered has none."""
        group = self.counted / name
        if not group.exists():
            return 0.0
        if self.version == "v1":
            return int((group / "cpuacct.usage").read_text()) / 1e9
        return int((group / "cpu.stat").read_text().split()[1]) / 1e6


class Daemon:
    """A worker of the release build in a group of its own."""

    def __init__(self, world, name, *flags, folder=None, operations=False, volumes=False, environment=None):
        self.world, self.name = world, name
        self.port, self.operations, self.volumes = (world.next_port() for _ in range(3))
        self.folder = (folder or world.scratch) / f"work-{name}"
        self.log = world.out / f"{name}.log"
        arguments = [
            world.apron, "worker", "--work-dir", self.folder, "--bind-port", self.port, "--bridge-name", f"apb-{name}",
            "--containerd-network-pool", f"10.{80 + len(world.daemons)}.0.0/16", "--containerd-max-containers", 0,
            "--log-level", "error", "--operations-bind-port", self.operations if operations else 0,
            "--baggageclaim-bind-port", self.volumes if volumes else 0, *flags]
        began = time.perf_counter()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | (environment or {}), preexec_fn=world.cgroups.enter(name))
        world.daemons.append(self)
        if subprocess.run([*self.client, "--ping"], stdout=subprocess.DEVNULL).returncode:
            raise RuntimeError(f"{name} did not start: {self.log.read_text()[-2000:]}")
        self.start_seconds = time.perf_counter() - began

    @property
    def pid(self):
        return self.process.pid

    @property
    def client(self):
        """The compiled Garden client's command line."""
        return [str(self.world.bin / "garden_client"), "--addr", f"127.0.0.1:{self.port}"]

    def volume_client(self):
        return Client(self.volumes)

    def operations_client(self):
        return Client(self.operations)

    def ask(self, *arguments):
        """Runs the Garden client to its end: the words "key=value" of its answer."""
        reply = subprocess.run([*self.client, *map(str, arguments)], capture_output=True, text=True)
        if reply.returncode:
            raise RuntimeError(f"garden_client {arguments}: {reply.stderr.strip()}")
        return words(reply.stdout)

    def processor(self):
        return self.world.cgroups.processor(self.name)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Lives:
    """The compiled Garden client as a co-process: each call is one create, run and destroy."""

    def __init__(self, daemon, *arguments):
        self.process = subprocess.Popen(
            [*daemon.client, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def one(self):
        """The microseconds of the three parts."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line or line.rstrip().endswith("!"):
            raise RuntimeError("a life failed")
        return words(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def words(line):
    return {k: v if k == "sha256" else float(v) for k, v in (w.split("=", 1) for w in line.split() if "=" in w)}


class World:
    def __init__(self, options, work, disk):
        self.options, self.work, self.disk = options, work, disk
        self.quick = options.quick
        self.rounds = options.rounds or (12 if self.quick else 60)
        self.repeats = 3 if self.quick else 5
        self.warm = 2 if self.quick else 5
        self.out, self.scratch = work / "out", work / "scratch"
        self.bin, self.spec, self.image = self.out / "bin", self.out / "spec", self.out / "image"
        self.release = HERE.parent / ".build/release"
        self.apron = self.release / "apron"
        self.daemons, self._ports, self._plain = [], iter(range(20000, 30000)), None
        self.prepare()

    def prepare(self):
        def run(*command):
            subprocess.run([str(word) for word in command], check=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "apron-bench", self.work)
        # What a candidate mounts below is seen by the workers, whose view of cgroups may differ.
        run("mount", "--make-shared", self.work)
        self.out.mkdir()
        self.scratch.mkdir()
        # An uplink, so that the host looks like one with a network; nothing leaves it.
        for line in ("link set lo up", "link add uplink0 type veth peer name uplink1", "link set uplink1 up",
                     "addr add 192.0.2.1/24 dev uplink0", "link set uplink0 up", "route add default via 192.0.2.254"):
            run("ip", *line.split())
        try:
            os.nice(-20)
        except PermissionError:
            pass
        self.cgroups = Cgroups()
        os.environ |= {"CGROUP_VERSION": self.cgroups.version, "CGROUP_ROOT": str(CGROUPS)}
        say("building the tools")
        run(HERE / "peers/prepare", self.out, self.scratch, GROUP, SLOTS + 2)

    def next_port(self):
        return next(self._ports)  # in a network namespace of our own all ports are free

    @property
    def plain(self):
        """The worker of most measurements: Garden alone, nothing recorded."""
        if not self._plain:
            self._plain = Daemon(self, "plain")
        return self._plain

    def beside(self, command):
        """crun refuses a host that has both versions mounted: candidates run where an empty version 2 is hidden."""
        unified = CGROUPS / "unified"
        if self.cgroups.version == "v1" and unified.is_mount():
            script = 'umount "$0" && exec "$@"'
            command = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script, unified, *command]
        return [str(word) for word in command]

    def pairbench(self, *arguments):
        """Runs candidates; what it prints."""
        errors = self.out / "errors.log"
        command = [self.bin / "pairbench", "-e", errors, "-c", self.cgroups.counted, "-C", self.cgroups.joined]
        done = subprocess.run(self.beside([*command, *arguments]), capture_output=True, text=True)
        failed = [line for line in done.stderr.splitlines() if line]
        for line in failed[:5]:
            say(line)
        if done.returncode:
            raise RuntimeError(f"pairbench: status {done.returncode}")
        return done.stdout

    def mount_slot(self, number):
        """An overlay of the image that stays; its root."""
        folder = self.scratch / f"slot{number}"
        for name in ("u", "k"):
            (folder / name).mkdir(exist_ok=True)
        options = f"lowerdir={self.image},upperdir={folder}/u,workdir={folder}/k"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "apron-bench", folder / "rootfs"], check=True)
        return folder / "rootfs"

    def unmount_slot(self, number):
        subprocess.run(["umount", self.scratch / f"slot{number}/rootfs"], check=True)

    def stop(self):
        for daemon in self.daemons:
            daemon.stop()
