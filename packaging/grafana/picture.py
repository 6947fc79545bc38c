"""Draw the panels of the dashboard as SVG, with the values of a real stack.

``python packaging/grafana/picture.py docs/monitoring.svg`` starts a stack of two resolvers and a
Prometheus that reads its metrics each second. It sends queries and commits changes for a minute,
then asks Prometheus for the expressions of ``zonegit.json``. It needs ``zonegit`` and
``prometheus`` in PATH.
"""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

DASHBOARD: Final = Path(__file__).with_name("zonegit.json")
SECONDS: Final = 60
ZONE: Final = "example.com."
RATE_INTERVAL: Final = "10s"
TIMEOUT_S: Final = 10.0
UNIT: Final = (50, 30)
"""Pixels of a unit of the grid of Grafana, which has 24 columns."""
COLOURS: Final = ("#56a64b", "#3274d9", "#e0752d", "#a352cc", "#c4162a", "#b877d9", "#37872d")
MAX_LEGEND: Final = 7

Series = list[tuple[float, float]]


def main(target: Path) -> None:
    """Measure for a minute and write the picture to ``target``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        run_stack(Path(folder)) as (metrics, dns),
        run_prometheus(Path(folder), metrics) as prometheus,
    ):
        start = time.time()
        make_traffic(dns, start + SECONDS)
        panels = json.loads(DASHBOARD.read_text())["panels"]
        parts = [draw_panel(panel, prometheus, start + 12, time.time()) for panel in panels]
    width = 24 * UNIT[0]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {rows * UNIT[1]}"'
        ' font-family="sans-serif" font-size="12" fill="#24292e">\n'
        f'<rect width="100%" height="100%" fill="#f4f5f5"/>\n{"".join(parts)}</svg>\n'
    )


@contextmanager
def run_stack(folder: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """Run a stack with one zone; yield the addresses of its metrics and its DNS."""
    os.environ["ZONEGIT_DATA"] = str(folder / "data")
    command = ["up", "--detach", "--json", "--resolvers", "2", "--listen", "127.0.0.1:0"]
    up = json.loads(zonegit(*command, "--metrics", "127.0.0.1:0"))
    try:
        zonegit("init", ZONE)
        zonegit("set", "@", "SOA", "3600", "ns1 hostmaster 1 2h 1h 2w 1h")
        zonegit("set", "@", "NS", "3600", "ns1")
        zonegit("set", "ns1", "A", "3600", "192.0.2.53")
        host, _, port = up["dns"][0].rpartition(":")
        yield urllib.parse.urlsplit(up["metrics"]).netloc, (host, int(port))
    finally:
        zonegit("down")


@contextmanager
def run_prometheus(folder: Path, metrics: str) -> Iterator[str]:
    """Run a Prometheus that reads the metrics each second; yield its URL."""
    scrape = {"job_name": "zonegit", "static_configs": [{"targets": [metrics]}]}
    (folder / "prometheus.yml").write_text(
        json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]})
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "tsdb",
        "web.listen-address": address,
    }
    command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def zonegit(*arguments: str) -> str:
    """Run a command and return its output."""
    done = subprocess.run(["zonegit", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def make_traffic(dns: tuple[str, int], until: float) -> None:
    """Send a few hundred queries a second, and commit a change every second or two."""
    changing = threading.Thread(target=make_changes, args=(until,))
    changing.start()
    generator = random.Random(1)
    while time.time() < until:
        # Each socket is a client of its own, so the kernel spreads them over the resolvers.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(TIMEOUT_S)
            sock.connect(dns)
            for _ in range(generator.randrange(10, 40)):
                zone = ZONE if generator.random() < 0.95 else "elsewhere.test."
                sock.send(make_query(f"host{generator.randrange(30)}.{zone}"))
                sock.recv(4096)
        time.sleep(0.05)
    changing.join()


def make_changes(until: float) -> None:
    """Commit changes until a time."""
    generator = random.Random(2)
    while time.time() < until:
        address = f"192.0.2.{generator.randrange(1, 255)}"
        zonegit("set", f"host{generator.randrange(20)}", "A", "300", address)
        time.sleep(1)


def make_query(name: str) -> bytes:
    """Return a query for the addresses of a name (RFC 1035 section 4.1)."""
    labels = (label.encode() for label in name.rstrip(".").split("."))
    question = b"".join(bytes((len(label),)) + label for label in labels)
    return bytes((0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)) + question + bytes((0, 0, 1, 0, 1))


def ask(prometheus: str, expression: str, start: float, end: float) -> list[tuple[Any, Series]]:
    """Return the series of an expression, each with its labels."""
    query = expression.replace("$__rate_interval", RATE_INTERVAL)
    asked = {"query": query, "start": f"{start}", "end": f"{end}", "step": "1"}
    url = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(url) as reply:
        found = json.load(reply)["data"]["result"]
    return [
        (each["metric"], [(t, float(value)) for t, value in each["values"] if value != "NaN"])
        for each in found
    ]


def draw_panel(panel: dict[str, Any], prometheus: str, start: float, end: float) -> str:
    """Return the SVG of one panel.

    Raises:
        ValueError: An expression has no values.
    """
    found: list[tuple[str, Series]] = []
    for target in panel["targets"]:
        for labels, series in ask(prometheus, target["expr"], start, end):
            name = target["legendFormat"]
            for label, value in labels.items():
                name = name.replace("{{" + label + "}}", value)
            found.append((name, series))
    if not any(series for _, series in found):
        raise ValueError(f"{panel['title']}: no values")
    at = panel["gridPos"]
    x, y, width, height = (
        at[key] * UNIT[number % 2] for number, key in enumerate(("x", "y", "w", "h"))
    )
    unit = panel["fieldConfig"]["defaults"]["unit"]
    draw = draw_stat if panel["type"] == "stat" else draw_lines
    return (
        f'<g transform="translate({x} {y})">'
        f'<rect x="4" y="4" width="{width - 8}" height="{height - 8}" fill="#fff" stroke="#ccc"/>'
        f'<text x="14" y="24" font-weight="bold">{escape(panel["title"])}</text>'
        f"{draw(found, width, height, unit)}</g>\n"
    )


def draw_stat(found: list[tuple[str, Series]], width: int, height: int, unit: str) -> str:
    """Return the last value as large text."""
    shown = format_value(found[0][1][-1][1], unit)
    return (
        f'<text x="{width // 2}" y="{height - 34}" font-size="34" text-anchor="middle"'
        f' fill="{COLOURS[0]}">{shown}</text>'
    )


def draw_lines(found: list[tuple[str, Series]], width: int, height: int, unit: str) -> str:
    """Return the lines of the series with the largest values, an axis and a legend."""
    found = sorted(found, key=lambda each: -max((v for _, v in each[1]), default=0))[:MAX_LEGEND]
    left, right, top, bottom = 74, width - 16, 38, height - 46
    times = [t for _, series in found for t, _ in series]
    high = max(v for _, series in found for _, v in series) or 1.0
    first, span = min(times), max(times) - min(times) or 1.0
    parts = []
    for step in range(3):
        y = bottom - (bottom - top) * step / 2
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="#ddd"/>'
            f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">'
            f"{format_value(high * step / 2, unit)}</text>"
        )
    at, row = 14.0, bottom + 16
    for (name, series), colour in zip(found, COLOURS, strict=False):
        points = " ".join(
            f"{left + (right - left) * (t - first) / span:.1f},"
            f"{bottom - (bottom - top) * value / high:.1f}"
            for t, value in series
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        room = 24 + 7 * len(name)
        if at + room > width:
            at, row = 14.0, row + 12
        parts.append(
            f'<circle cx="{at}" cy="{row - 4}" r="4" fill="{colour}"/>'
            f'<text x="{at + 8}" y="{row}" font-size="11">{escape(name)}</text>'
        )
        at += room
    return "".join(parts)


def format_value(value: float, unit: str) -> str:
    """Return a value with its unit, as Grafana shows it approximately."""
    if unit == "s" and value < 1:
        return f"{value * 1e6:.0f} µs" if value < 1e-3 else f"{value * 1e3:.1f} ms"
    if unit == "s":
        return f"{value:.1f} s"
    if unit == "bytes":
        return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"
    if unit == "percentunit":
        return f"{value:.1%}"
    return f"{value:.3g}" + ("/s" if unit == "reqps" else "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
