"""Format authors, committers and taggers, with their times."""

from datetime import UTC, datetime, timedelta, timezone

from zonegit.objects.model import Identity


def format_time(identity: Identity) -> str:
    """Return the time in the time zone of the identity, as ISO 8601 without the T."""
    sign = -1 if identity.zone.startswith("-") else 1
    offset = timedelta(hours=int(identity.zone[1:3]), minutes=int(identity.zone[3:5]))
    try:
        at = datetime.fromtimestamp(identity.time, UTC).astimezone(timezone(sign * offset))
    except (ValueError, OverflowError, OSError):
        return f"{identity.time} {identity.zone}"
    return f"{at:%Y-%m-%d %H:%M:%S} {identity.zone}"
