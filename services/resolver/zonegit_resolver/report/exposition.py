"""Write metrics as text, in slices.

Thousands of zones have tens of thousands of lines, which the writer of the library creates in one
step while queries wait. A test checks that both write the same octets.
"""

from collections.abc import AsyncIterator, Iterable

from prometheus_client.core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from zonegit_resolver.scheduling import Scheduler

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def write_text(families: Iterable[Metric], scheduler: Scheduler) -> str:
    """Write metrics in the exposition format of Prometheus, version 0.0.4."""
    return "".join([line async for line in _write_lines(families, scheduler)])


async def _write_lines(families: Iterable[Metric], scheduler: Scheduler) -> AsyncIterator[str]:
    for family in families:
        name, kind = _format_name(family)
        yield f"# HELP {name} {_escape(family.documentation)}\n# TYPE {name} {kind}\n"
        for sample in family.samples:
            yield _write_line(sample)
            await scheduler.checkpoint()


def _format_name(family: Metric) -> tuple[str, str]:
    """Return the name and type of a metric in this version of the format."""
    match family.type:
        case "counter":
            return f"{family.name}_total", "counter"
        case "info":
            return f"{family.name}_info", "gauge"
        case kind:
            return family.name, kind


def _write_line(sample: Sample) -> str:
    labels = ",".join(
        f'{name}="{_escape(value, quotes=True)}"' for name, value in sorted(sample.labels.items())
    )
    braces = f"{{{labels}}}" if labels else ""
    return f"{sample.name}{braces} {_write_number(sample.value)}\n"


def _write_number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _escape(value: str, *, quotes: bool = False) -> str:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped
