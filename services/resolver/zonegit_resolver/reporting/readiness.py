"""Whether a resolver may be sent queries: zones loaded, and none older than it may get."""

import time

from zonegit.http import Reply
from zonegit.zone import names
from zonegit.zone.rrset import soa
from zonegit_resolver.following.tracks import Track, Tracks
from zonegit_resolver.pace import Pace


async def expired(tracks: Tracks, pace: Pace) -> set[str]:
    """Zones, as text, that have not been known to be current for longer than their SOA lets a
    secondary keep them (RFC 1035 section 3.3.13). They are answered all the same: this is the
    primary, and has nothing better."""
    now = time.time()
    found = set()
    for track in tracks:
        age = tracks.age(track, now)
        if age is not None and age > _expire(track):
            found.add(names.text(track.zone))
        await pace.breathe()
    return found


def _expire(track: Track) -> float:
    at_apex = track.current.snapshot.no_data.soa if track.current is not None else None
    return soa(at_apex).expire if at_apex is not None else float("inf")


async def page(tracks: Tracks, pace: Pace, *, is_serving: bool) -> Reply:
    """``/readyz``."""
    if not is_serving:
        return Reply(503, b"zones are being loaded\n")
    old = await expired(tracks, pace)
    if old:
        return Reply(503, f"older than SOA expire: {' '.join(sorted(old)[:20])}\n".encode())
    return Reply(200, b"ready\n")
