"""Every metric of a resolver is explained in docs/operations.md, with its labels."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from zonegit_resolver.answering.zones import Zones
from zonegit_resolver.following.tracks import Tracks
from zonegit_resolver.listening.datagrams import Losses
from zonegit_resolver.reporting.metrics import Figures, Propagation
from zonegit_resolver.settings.plan import Plan
from zonegit_resolver.transfers.notify import Notifier
from zonegit_resolver.transfers.outgoing import Outgoing

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def test_every_metric_is_explained_and_every_explained_one_exists() -> None:
    registry = CollectorRegistry()
    tracks = Tracks(Zones(), Plan())
    registry.register(
        Figures(
            tracks,
            Losses(),
            Propagation(),
            lambda: True,
            lambda: True,
            Outgoing(tracks.zones),
            Notifier(lambda zone: (), dict),
        )
    )
    exposed = re.findall(r"^# TYPE (\w+) ", generate_latest(registry).decode(), re.MULTILINE)
    documented = re.findall(r"^\| `(zonegit_\w+)` \| [^|]*\| ", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(exposed)
