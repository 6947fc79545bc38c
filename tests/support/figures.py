"""What a resolver's metrics are collected from, in one that has heard of nothing."""

from zonegit_resolver.following.tracks import Tracks
from zonegit_resolver.listening.datagrams import Losses
from zonegit_resolver.reporting.metrics import Figures, Propagation
from zonegit_resolver.transfers.notify import Notifier
from zonegit_resolver.transfers.outgoing import Outgoing


def figures(tracks: Tracks) -> Figures:
    """Those of what ``tracks`` serve; the bus is up and the configuration good."""
    return Figures(
        tracks,
        Losses(),
        Propagation(),
        bus_is_up=lambda: True,
        replies_refused=lambda: 0,
        config_is_good=lambda: True,
        outgoing=Outgoing(tracks.zones),
        notifier=Notifier(lambda zone: (), dict),
    )
