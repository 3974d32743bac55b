"""What it costs to look on: spans off and on, their export, the page of metrics."""
import collections
import os
import random
import re
import statistics
import subprocess
import sys
import time

import coverage as phases
from client import Client
from containers import Held
from figures import median
from volumes import Volumes
from world import HERE, SLOTS, Daemon, Lives, say, words


def facade(world, table):
    """one span, off and on"""
    say("tracing façade")
    program = world.release / "FacadeBenchmark"
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    took = {name: float(value) for name, value in re.findall(r"^(.*): ([0-9.]+) ns per call$", lines, re.M)}
    table.add("a span that is off, five attributes, over a plain call",
              max(0, took["off, five attributes"] - took["plain call"]), "ns", target="≤ 5 ns")
    counts = [allocations(world, program, calls) for calls in (1_000, 101_000)]
    table.add("the same, allocations", (counts[1] - counts[0]) / 100_000, target="≤ 0")
    table.add("a span that is recorded, five attributes", took["on, five attributes"], "ns", target="≤ 500 ns")
    table.add("the same, each attribute set by itself", took["on, five attributes, each by itself"], "ns")
    encoding = took["encoding of a span with five attributes"]
    table.add("encoding of that span for a collector", encoding / 1000, "µs", target="≤ 2 µs")


def allocations(world, program, calls):
    environment = os.environ | {"LD_PRELOAD": str(world.bin / "allocations.so")}
    done = subprocess.run([program, "calls", str(calls)], env=environment, capture_output=True, text=True, check=True)
    return int(re.search(r"allocations=(\d+)", done.stderr)[1])


def export(world, table):
    """everything recorded and exported, against nothing"""
    pairs, lives = (6, 20) if world.quick else (40, 30)
    say(f"lives with and without telemetry, {pairs} times {lives} of each")
    port = world.next_port()
    collector = subprocess.Popen([sys.executable, HERE / "collector.py", str(port)])
    off = Daemon(world, "off")
    on = Daemon(world, "on", operations=True, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
    rootfs = f"raw://{world.mount_slot(SLOTS)}"
    clients = {daemon: Lives(daemon, "--limits", "--rootfs", rootfs, "--prefix", daemon.name, *flags)
               for daemon, flags in ((off, ()), (on, ("--traceparent",)))}
    walls, used = {off: [], on: []}, {off: [], on: []}
    generator = random.Random(4)
    for number in range(-1, pairs):
        order = [off, on]
        generator.shuffle(order)
        before = {daemon: daemon.processor() for daemon in order}
        took = {daemon: median(sum(clients[daemon].one().values()) for _ in range(lives)) for daemon in order}
        # Both counted over the same time, so that what is sent behind a reply counts for the one that sends it.
        if number >= 0:
            for daemon in order:
                walls[daemon].append(took[daemon] / 1e3)
                used[daemon].append((daemon.processor() - before[daemon]) * 1e3 / lives)
    for client in clients.values():
        client.close()
    time.sleep(0.5)
    table.compare("a life with full telemetry, wall", walls[on], walls[off], "ms", target="≤ 1.03")
    table.compare("the same, CPU of worker and container", used[on], used[off], "ms", target="≤ 1.03")
    table.note("the ratios' standard errors: "
               + " and ".join(f"{error(values[on], values[off]):.3f}" for values in (walls, used))
               + f"; {exported(on) / ((pairs + 1) * lives):.0f} spans of each life went to a collector")
    world.unmount_slot(SLOTS)
    for process in (collector,):
        process.kill()
        process.wait()
    off.stop()
    on.stop()


def error(figures, bases):
    """The standard error of the median of ratios: a quarter more than that of the mean."""
    ratios = [a / b for a, b in zip(figures, bases)]
    return 1.25 * statistics.stdev(ratios) / len(ratios) ** .5


def exported(daemon):
    """How many spans a worker's exporter has delivered, by its own count."""
    with daemon.operations_client() as client:
        page = client.request("GET", "/metrics").decode()
    return sum(float(value) for value in re.findall(r"^otel_sdk_exporter_span_exported_total\S* (\S+)$", page, re.M))


def flood(world, table):
    """requests while 100,000 spans a second end in the same process, in another one, and while none do"""
    pairs, requests = (6, 300) if world.quick else (30, 1000)
    say(f"{pairs} times {requests} requests without a flood of spans, beside one, and in the midst of it")
    port = world.next_port()
    collector = subprocess.Popen([sys.executable, HERE / "collector.py", str(port)])
    asked, other = programs = [Flood(world, f"http://127.0.0.1:{port}", name) for name in ("asked", "other")]
    states = {"calm": None, "beside": other, "within": asked}
    medians, slowest = ({state: [] for state in states} for _ in range(2))
    floods, order, generator = [], list(states), random.Random(8)
    with Client(asked.port) as client:
        for number in range(-1, pairs):
            generator.shuffle(order)
            for state in order:
                flooded = states[state]
                if flooded:
                    flooded.say("flood")
                # Until the exporter is at it, or has sent what was left.
                time.sleep(0.2 if flooded else 0.7)
                samples = sorted(timed(client) for _ in range(requests))
                if flooded:
                    flooded.say("calm")
                    floods.append(flooded.answer())
                if number >= 0:
                    medians[state].append(samples[requests // 2])
                    slowest[state].append(samples[requests * 99 // 100])
    for process in programs:
        process.end()
    collector.kill()
    collector.wait()
    for values, what in ((medians, "median"), (slowest, "the slowest hundredth")):
        table.compare(f"a request amid 100,000 spans a second, {what}, against calm", values["within"], values["calm"],
                      "ms")
        # Half a processor's work beside it makes any request slower; what it costs to be in the same process is the
        # question. One of a hundred varies too much for a target.
        table.compare("the same, against that flood in another process", values["within"], values["beside"], "ms",
                      target="≤ 1.1" if values is medians else "")
    made, dropped, used = (median(one[key] for one in floods) for key in ("rate", "dropped", "cpu"))
    errors = (f"{error(values['within'], values[base]):.3f}" for values in (medians, slowest)
              for base in ("calm", "beside"))
    table.note(f"the ratios' standard errors: {', '.join(errors)}; {made:.0f} spans a second, of which {dropped:.0f} a "
               f"round found no room, took {100 * used:.0f} % of a processor")


class Flood:
    """The server that answers pings, with spans when it is told so."""

    def __init__(self, world, collector, name):
        self.process = subprocess.Popen(
            [world.release / "FloodBenchmark", collector, world.scratch / f"flood-{name}"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.answer()["port"])

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def answer(self):
        return words(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def timed(client):
    began = time.perf_counter()
    client.request("POST", "/ping", b"{}")
    return (time.perf_counter() - began) * 1e3


def metrics(world, table):
    """the page of metrics while many containers live"""
    count = 100 if world.quick else 1000
    say(f"/metrics with {count} containers")
    daemon = Daemon(world, "many", operations=True)
    with Held(daemon, count, world.image), daemon.operations_client() as client:
        samples, size = [], 0
        for _ in range(3 if world.quick else 20):
            began = time.perf_counter()
            size = len(client.request("GET", "/metrics"))
            samples.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.1)
    daemon.stop()
    table.add(f"/metrics with {count} containers", median(samples), "ms", target="≤ 20 ms")
    table.note(f"{size >> 10} KiB; the slowest of {len(samples)} took {max(samples):.1f} ms")


def coverage(world, table):
    """how much of the work's time its phases account for"""
    count = 20 if world.quick else 100
    say(f"phases of {count} containers and volumes")
    trace = world.out / "coverage.jsonl"
    daemon = Daemon(world, "phases", "--trace-output", "otlp-json", "--trace-file", trace, folder=world.disk,
                    volumes=True)
    lives = Lives(daemon, "--limits", "--rootfs", f"raw://{world.mount_slot(SLOTS)}", "--network")
    api = Volumes(daemon)
    for _ in range(count):
        lives.one()
        api.destroy(api.copy("", parent := api.empty()))
        api.destroy(parent)
    lives.close()
    daemon.stop()
    world.unmount_slot(SLOTS)
    for name in ("container.create", "volume.create"):
        shares = list(covered(trace, name))
        table.add(f"time of `{name}` that its phases cover, median", 100 * median(shares), "%", target="≥ 97")
        table.note(f"{name}: {len(shares)} times, the least {100 * min(shares):.1f} %")


def covered(path, name):
    """For every span of that name the share of its time that its children account for."""
    parents, children = [], collections.defaultdict(list)
    with open(path) as lines:
        for span in phases.read(lines):
            children[span["traceId"], span.get("parentSpanId", "")].append(span)
            if span["name"] == name:
                parents.append(span)
    for parent in parents:
        begin, end = phases.interval(parent)
        missing = sum(length for _, _, length in phases.gaps(parent, children[parent["traceId"], parent["spanId"]]))
        yield 1 - missing / (end - begin)
