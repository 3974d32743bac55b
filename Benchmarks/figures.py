"""What was measured, beside what it is compared with and what is wanted: rows, tables, Markdown."""
import dataclasses
import statistics

median = statistics.median


def paired(figures, bases):
    """The median of the ratios of one round each: what disturbs a round disturbs both sides of it."""
    return median(a / b for a, b in zip(figures, bases, strict=True) if b > 0)


def text(number, unit):
    if number is None:
        return ""
    digits = 0 if abs(number) >= 200 else 1 if abs(number) >= 20 else 2 if abs(number) >= 1 else 3
    return f"{number:.{digits}f} {unit}".strip()


@dataclasses.dataclass
class Figure:
    """One row. A target such as "≤ 2 ms" is one for the value; without a unit it is for the ratio, if there is one."""
    what: str
    value: float | None
    unit: str = ""
    base: float | None = None
    ratio: float | None = None
    target: str = ""

    @property
    def on_value(self):
        return self.ratio is None or len(self.target.split()) > 2

    @property
    def verdict(self):
        if not self.target:
            return ""
        sign, limit = self.target.split()[:2]
        figure = self.value if self.on_value else self.ratio
        good = figure <= float(limit) if sign == "≤" else figure >= float(limit)
        return "met" if good else "missed"

    @property
    def cells(self):
        ratio = "" if self.ratio is None else f"{self.ratio:.{3 if abs(self.ratio - 1) < .1 else 2}f}"
        return (self.what, text(self.value, self.unit), text(self.base, self.unit), ratio, self.target, self.verdict)


HEADER = ("what", "figure", "floor", "ratio", "target", "")


class Table:
    """The figures of one topic."""

    def __init__(self, title):
        self.title, self.rows, self.notes = title, [], []

    def add(self, what, value=None, unit="", *, base=None, ratio=None, target=""):
        self.rows.append(Figure(what, value, unit, base, ratio, target))

    def compare(self, what, values, bases, unit="", *, target=""):
        """The medians of paired rounds, and their ratio."""
        self.add(what, median(values), unit, base=median(bases), ratio=paired(values, bases), target=target)

    def note(self, line):
        """A sentence below the table: what a reader has to know about how it was measured."""
        self.notes.append(line)

    def plain(self):
        rows = [HEADER] + [row.cells for row in self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
        lines = ["", self.title]
        for row in rows:
            cells = [c.ljust(w) if i in (0, 5) else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines + [f"({note})" for note in self.notes])

    def markdown(self):
        lines = [f"**{self.title}**", ""]
        lines += ["| what | figure | floor | ratio | target |", "| --- | --- | --- | --- | --- |"]
        for row in self.rows:
            what, value, base, ratio, target, verdict = row.cells
            if verdict == "met":
                value, ratio = (f"**{value}**", ratio) if row.on_value else (value, f"**{ratio}**")
            target += ", missed" if verdict == "missed" else ""
            what = what.replace("|", "\\|")  # a pipe in a command is no column
            lines.append(f"| {what} | {value} | {base} | {ratio} | {target} |")
        return "\n".join(lines + [""] + [note + "." for note in self.notes])
