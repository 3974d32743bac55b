#!/usr/bin/env python3
"""How much of each span's time its children account for.

    coverage.py FILE [NAME ...]

FILE holds what a worker wrote with --trace-output otlp-json --trace-file FILE; `-` reads standard input. Each NAME is
a span's name, by default container.create and volume.create. One line for each: how many spans there were, the median,
least and greatest share of their time, in per cent, that their direct children cover together, and the share of the
sum of their times. Below it where the rest is, on average: before the first child, between two, after the last.
"""

import collections
import json
import statistics
import sys


def read(lines):
    for line in lines:
        for resource in json.loads(line).get("resourceSpans", []):
            for scope in resource["scopeSpans"]:
                yield from scope["spans"]


def interval(span):
    return int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])


def gaps(parent, children):
    """(what precedes, what follows, nanoseconds) of each part of a span that no child covers."""
    begin, end = interval(parent)
    covered, last = begin, "begin"
    for child in sorted(children, key=interval):
        start, stop = interval(child)
        if start > covered:
            yield last, child["name"], min(start, end) - covered
        if stop > covered:
            covered, last = min(stop, end), child["name"]
    if end > covered:
        yield last, "end", end - covered


def report(name, parents, children):
    shares, missing, total = [], collections.Counter(), 0
    for parent in parents:
        begin, end = interval(parent)
        if end == begin:
            continue
        uncovered = 0
        for before, after, length in gaps(parent, children[parent["traceId"], parent["spanId"]]):
            missing[before, after] += length
            uncovered += length
        shares.append(100 * (1 - uncovered / (end - begin)))
        total += end - begin
    if not shares:
        print(f"{name}: no span")
        return
    whole = 100 * (1 - sum(missing.values()) / total)
    print(
        f"{name}: {len(shares)} spans, covered median {statistics.median(shares):.2f} %, least {min(shares):.2f} %, "
        f"greatest {max(shares):.2f} %, of the sum {whole:.2f} %"
    )
    for (before, after), length in missing.most_common():
        print(f"    {before} .. {after}: {length / len(shares) / 1000:.1f} µs, {100 * length / total:.2f} %")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    names = sys.argv[2:] or ["container.create", "volume.create"]
    children, parents = collections.defaultdict(list), collections.defaultdict(list)
    file = sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8")
    with file:
        for span in read(file):
            children[span["traceId"], span.get("parentSpanId", "")].append(span)
            if span["name"] in names:
                parents[span["name"]].append(span)
    for name in names:
        report(name, parents[name], children)


if __name__ == "__main__":
    main()
