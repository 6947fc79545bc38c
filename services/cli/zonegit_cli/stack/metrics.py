"""Serve the metrics of all services of a stack as one page, each sample with a ``service`` label,
those of resolvers with a ``resolver`` label as well.

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

Labels = Mapping[str, str]


@asynccontextmanager
async def serve(
    address: str, stores: Mapping[str, str], resolvers: Mapping[str, str]
) -> AsyncIterator[None]:
    """Serve the merged pages of the services while the context is open.

    Args:
        address: ``HOST:PORT`` to listen on.
        stores: the address of each store's metrics, by name.
        resolvers: the same of each resolver.

    Raises:
        Unavailable: the address cannot be bound.
    """

    async def write_metrics() -> HttpReply:
        labels = {
            **{name: {"service": name} for name in stores},
            **{name: {"service": "resolver", "resolver": name} for name in resolvers},
        }
        replies = await _ask_all({**stores, **resolvers}, "/metrics")
        found = [(labels[name], reply) for name, reply in replies.items()]
        texts = [(each, reply.body.decode()) for each, reply in found if reply]
        up = _make_up([(each, reply is not None) for each, reply in found])
        return HttpReply(200, merge(texts, [up]), CONTENT_TYPE_LATEST)

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


def _make_up(found: Iterable[tuple[Labels, bool]]) -> Metric:
    """Return the metric of which services answered."""
    family = Metric(
        "zonegit_service_up", "1 if the service answered when this page was made.", "gauge"
    )
    for labels, is_up in found:
        family.add_sample("zonegit_service_up", dict(labels), float(is_up))
    return family


def merge(texts: Iterable[tuple[Labels, str]], more: Iterable[Metric] = ()) -> bytes:
    """Merge expositions into one; each sample gets the labels of its service.

    Args:
        texts: each exposition with its labels.
        more: further metrics.
    """
    families: dict[str, Metric] = {family.name: family for family in more}
    for labels, text in texts:
        for family in text_string_to_metric_families(text):
            known = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type, family.unit)
            )
            known.samples.extend(_add_labels(family.samples, labels))
    registry = CollectorRegistry()
    registry.register(_Families(families.values()))
    return generate_latest(registry)


def _add_labels(samples: Iterable[Sample], labels: Labels) -> Iterator[Sample]:
    for sample in samples:
        yield sample._replace(labels={**labels, **sample.labels})


class _Families(Collector):
    """A collector of families that were collected before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
