"""Format authors, committers and taggers, with their times."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from zonegit.objects.model import Identity


def format_time(who: Identity) -> str:
    """Return the time in the time zone of the identity, as ISO 8601 without the T."""
    sign = -1 if who.zone.startswith("-") else 1
    offset = timedelta(hours=int(who.zone[1:3]), minutes=int(who.zone[3:5]))
    try:
        at = datetime.fromtimestamp(who.time, UTC).astimezone(timezone(sign * offset))
    except (ValueError, OverflowError, OSError):
        return f"{who.time} {who.zone}"
    return f"{at:%Y-%m-%d %H:%M:%S} {who.zone}"


def to_json(who: Identity) -> dict[str, Any]:
    """Return an identity for ``--json``."""
    return {"name": who.name, "email": who.email, "time": who.time, "zone": who.zone}
