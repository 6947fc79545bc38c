"""Serve the metrics of several resolvers as one page, each sample with a ``resolver`` label.

A single resolver has the label too, so that dashboards work for any number of resolvers.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from zonegit import http
from zonegit.errors import Unavailable
from zonegit.http import HttpReply
from zonegit_cli.parse.addresses import parse_address

SCRAPE_TIMEOUT_S: Final = 3.0


@asynccontextmanager
async def serve(address: str, resolvers: Mapping[str, str]) -> AsyncIterator[None]:
    """Serve the merged pages of the resolvers while the context is open.

    Args:
        address: ``HOST:PORT`` to listen on.
        resolvers: the address of each resolver's metrics, by name.

    Raises:
        Unavailable: the address cannot be bound.
    """

    async def write_metrics() -> HttpReply:
        replies = await _ask_all(resolvers, "/metrics")
        texts = {name: reply.body.decode() for name, reply in replies.items() if reply}
        return HttpReply(200, merge(texts), CONTENT_TYPE_LATEST)

    async def report_ready() -> HttpReply:
        replies = await _ask_all(resolvers, "/readyz")
        ok = all(reply is not None and reply.status == 200 for reply in replies.values())
        lines = [_format_reply(name, reply) for name, reply in sorted(replies.items())]
        return HttpReply(200 if ok else 503, "".join(lines).encode())

    async def report_live() -> HttpReply:
        return HttpReply(200, b"ok\n")

    host, port = parse_address(address)
    pages = {"/metrics": write_metrics, "/readyz": report_ready, "/livez": report_live}
    async with http.serve(host, port, pages):
        yield


def _format_reply(name: str, reply: HttpReply | None) -> str:
    text = reply.body.decode("utf-8", "replace").strip() if reply else "does not answer"
    return f"{name}: {text}\n"


async def _ask_all(resolvers: Mapping[str, str], path: str) -> dict[str, HttpReply | None]:
    replies = await asyncio.gather(*(_ask(address, path) for address in resolvers.values()))
    return dict(zip(resolvers, replies, strict=True))


async def _ask(address: str, path: str) -> HttpReply | None:
    host, port = parse_address(address)
    try:
        return await http.get(host, port, path, timeout=SCRAPE_TIMEOUT_S)
    except Unavailable:
        return None


def merge(texts: Mapping[str, str]) -> bytes:
    """Merge expositions into one; each sample gets the label of its resolver."""
    families: dict[str, Metric] = {}
    for name, text in texts.items():
        for family in text_string_to_metric_families(text):
            known = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type, family.unit)
            )
            known.samples.extend(_add_label(family.samples, name))
    registry = CollectorRegistry()
    registry.register(_Families(families.values()))
    return generate_latest(registry)


def _add_label(samples: Iterable[Sample], resolver: str) -> Iterator[Sample]:
    for sample in samples:
        yield sample._replace(labels={"resolver": resolver, **sample.labels})


class _Families(Collector):
    """A collector of families that were collected before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
