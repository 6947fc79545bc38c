"""Which SOA a new commit gets (docs/object-model.md, Serials; RFC 1982). All pure."""

from zonegit.zone.rrset import RRset, soa, with_serial
from zonegit.zone.serial import following, later, latest


def next_soa(
    tip: RRset | None, wanted: RRset | None, highest: int | None, others: bool
) -> RRset | None:
    """The SOA RRset of the next commit, None when there is nothing to commit.

    An edit takes the serial after the tip's; an SOA that was asked for keeps its own serial when
    that is later. ``highest`` is the highest serial the branch ever had, ``others`` whether
    anything beside the SOA changes; ``tip`` None: the branch has no SOA yet.
    """
    if tip is None:
        return wanted
    reached = soa(tip).serial
    if highest is not None:
        reached = latest(reached, highest)
    if wanted is None:
        return with_serial(tip, following(reached)) if others else None
    if later(soa(wanted).serial, reached):
        return wanted
    if others or with_serial(wanted, 0) != with_serial(tip, 0):
        return with_serial(wanted, following(reached))
    return None
