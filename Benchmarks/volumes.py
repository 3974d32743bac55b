"""Volumes over HTTP, on a real disk: what is made is durable when the reply comes."""
import json
import os
import random
import shutil
import time

import tree
from figures import median
from world import Daemon, say


class Volumes:
    """The Baggageclaim API of a worker, timed."""

    def __init__(self, daemon):
        self.client, self.numbers = daemon.volume_client(), iter(range(1, 1_000_000))
        self.samples = {}

    def timed(self, what, call, *arguments):
        """Milliseconds go to the samples of `what`."""
        began = time.perf_counter()
        result = call(*arguments)
        self.samples.setdefault(what, []).append((time.perf_counter() - began) * 1e3)
        return result

    def create(self, what, strategy, privileged=False):
        """A volume; its handle."""
        handle = f"bench-{next(self.numbers)}"
        value = {"handle": handle, "strategy": strategy, "privileged": privileged}
        self.timed(what, self.client.post, "/volumes", value)
        return handle

    def empty(self, what="empty", privileged=False):
        return self.create(what, {"type": "empty"}, privileged)

    def copy(self, what, parent, privileged=False):
        return self.create(what, {"type": "cow", "volume": parent}, privileged)

    def destroy(self, handle, what="destroy"):
        self.timed(what, self.client.request, "DELETE", f"/volumes/{handle}")

    def privilege(self, handle, value, what):
        self.timed(what, self.client.put, f"/volumes/{handle}/privileged", {"value": value})

    def path(self, handle):
        return json.loads(self.client.request("GET", f"/volumes/{handle}"))["path"]

    def fill(self, archive, privileged=False):
        """An empty volume with an archive streamed into it."""
        handle = self.empty("", privileged)
        encoding = {".gz": "gzip", ".zst": "zstd"}[archive.suffix]
        with open(archive, "rb") as file:
            self.timed(f"stream-in {encoding}", self.client.upload, f"/volumes/{handle}/stream-in?path=.", file,
                       f"Content-Encoding: {encoding}\r\n")
        return handle


class Contents:
    """Trees and their archives, made once: on the disk, and in memory."""

    def __init__(self, world):
        self.folder = world.disk
        self.archives = world.scratch / "archives"
        self.archives.mkdir()
        self.big = self.folder / "tree"
        say(f"making a tree of {tree.FILES} files and {tree.BYTES // 1_000_000} MB")
        tree.make(self.big)
        for suffix in ("gz", "zst"):
            tree.archive(self.big, self.archives / f"big.tar.{suffix}")

    def small(self, files):
        """An archive of so many files of a few bytes."""
        folder = self.archives / f"small-{files}"
        archive = self.archives / f"small-{files}.tar.zst"
        if not archive.exists():
            tree.small(folder, files)
            tree.archive(folder, archive)
            shutil.rmtree(folder)
        return archive


def daemon_of(world):
    """The worker whose volumes are measured, on the disk, and what they are filled with; made when first wanted."""
    if not hasattr(world, "volume_daemon"):
        world.contents = Contents(world)
        world.volume_daemon = Daemon(world, "volumes", folder=world.disk, volumes=True)
    return world.volume_daemon, world.contents


def synchronize(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def durable_creation(folder, number):
    """The least that a durable creation takes: a directory with one file in it, published by a rename."""
    aside = folder / f"aside-{number}"
    aside.mkdir()
    (aside / "record").write_bytes(b"{}" * 100)
    synchronize(aside / "record")
    synchronize(aside)
    aside.rename(folder / f"made-{number}")
    synchronize(folder)


def durable_change(folder):
    """The least that a durable change takes: a small file in another one's place."""
    (folder / "new").write_bytes(b"{}" * 100)
    synchronize(folder / "new")
    (folder / "new").rename(folder / "record")
    synchronize(folder)


def volumes(world, table):
    """creation, copies, privileges, queries and the end of volumes"""
    daemon, contents = daemon_of(world)
    api = Volumes(daemon)
    sizes = (10, 1000, 10_000 if world.quick else 100_000)
    say("filling volumes of " + ", ".join(str(n) for n in sizes) + f" and {tree.FILES} files")
    big = api.fill(contents.archives / "big.tar.zst", privileged=True)
    parents = {size: api.fill(contents.small(size)) for size in sizes}
    os.sync()
    say(f"copies of them, {world.rounds} rounds")
    copies(world, api, big, parents)
    samples = api.samples
    table.compare("empty volume, durable, over HTTP", samples["empty"], samples["creation"], "ms", target="≤ 2 ms")
    for what, name in (("privileged", f"copy of {tree.FILES} files, privileged, against an empty volume"),
                       ("unprivileged", "the same, for unprivileged containers")):
        table.compare(name, samples[what], samples["empty"], "ms", target="≤ 2.0")
    table.compare(f"copy of {sizes[-1]} files, against one of {sizes[0]}", samples[sizes[-1]], samples[sizes[0]], "ms",
                  target="≤ 1.2")
    table.compare("change of privilege of such a copy", samples["privilege"], samples["change"], "ms", target="≤ 2 ms")
    table.compare(f"change of privilege of {tree.FILES} files themselves", samples["privilege of all"],
                  samples["change"], "ms", target="≤ 2 ms")
    table.compare("task cache: import of our own path", samples["import"], samples["creation"], "ms", target="≤ 5 ms")
    table.note("what is told is durable: floors are the same by two calls of fsync(2) for a change and three for a "
               "creation, so a slow disk is in both")
    queries(world, api, table)
    ends(world, api, table, [big, *parents.values()])


def copies(world, api, big, parents):
    """Paired rounds of all that makes a volume; each is destroyed again."""
    generator = random.Random(2)
    cache = api.copy("", big)
    with open(world.contents.small(10), "rb") as file:
        api.client.upload(f"/volumes/{cache}/stream-in?path=.", file, "Content-Encoding: zstd\r\n")
    own_path = api.path(cache)
    folder = world.disk / "floor"
    folder.mkdir()
    for number in range(-world.warm, world.rounds):
        calls = [
            lambda: api.timed("creation", durable_creation, folder, number),
            lambda: api.empty(),
            lambda: api.copy("privileged", big, True), lambda: api.copy("unprivileged", big, False),
            *(lambda size=size, parent=parent: api.copy(size, parent) for size, parent in parents.items()),
            lambda: api.create("import", {"type": "import", "path": own_path, "follow_symlinks": False})]
        generator.shuffle(calls)
        made = [handle for call in calls if (handle := call())]
        changed = api.copy("", big, True)
        for value in (False, True):
            api.timed("change", durable_change, folder)
            api.privilege(changed, value, "privilege")
            api.privilege(big, value, "privilege of all")
        for handle in [changed, *made]:
            api.destroy(handle, "destroy of a copy or a new one")
        if number < 0:
            api.samples.clear()
    api.destroy(cache, "")
    shutil.rmtree(folder)


def queries(world, api, table):
    """GET of one, and of a thousand"""
    count = 200 if world.quick else 1000
    say(f"{count} volumes")
    handles = [api.empty("many") for _ in range(count)]
    for _ in range(300):
        api.timed("get", api.client.request, "GET", f"/volumes/{handles[0]}")
    for _ in range(20):
        api.timed("list", api.client.request, "GET", "/volumes")
    table.add("GET of one volume", median(api.samples["get"]), "ms", target="≤ 0.3 ms")
    table.add(f"list of {count} volumes", median(api.samples["list"]), "ms", target="≤ 10 ms")
    for handle in handles:
        api.destroy(handle, "destroy of an empty one")


def ends(world, api, table, full):
    """What a destroy takes to answer, whatever is in the volume."""
    for handle in full:
        api.destroy(handle, "destroy of a full one")
    for what in ("an empty one", "a copy or a new one", "a full one"):
        samples = sorted(api.samples[f"destroy of {what}"])
        most = " (the slowest)" if what == "a full one" else ""
        table.add(f"answer to the destroy of {what}{most}", samples[-1] if most else median(samples), "ms",
                  target="≤ 5 ms")
