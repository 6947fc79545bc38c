"""Connection settings: the URL, its user, certificates; and errors while connecting."""

import ssl
from typing import Final
from urllib.parse import unquote, urlsplit

import nats.errors

from zonegit.config import BusSettings
from zonegit.errors import Denied, Invalid, Unavailable, ZonegitError

SCHEMES: Final = ("nats", "tls", "ws", "wss")


def user(url: str) -> str | None:
    """Return the user that the URL of a bus names, None where it names none."""
    name = urlsplit(url).username
    return unquote(name) if name else None


def earlier_inbox(url: str) -> str:
    """Return the prefix of the inboxes that the release before used."""
    name = urlsplit(url).username
    return f"_INBOX_{name}" if name else "_INBOX"


def check(settings: BusSettings) -> None:
    """Raises:
    Invalid: the URL is none; it is not shown, for who knows where its password is.
    """
    try:
        parts = urlsplit(settings.url)
        good = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid("the URL of the bus is malformed", hint="nats://HOST:4222 is one")


def tls(settings: BusSettings) -> ssl.SSLContext | None:
    """Whom to trust; None: whoever the system trusts, where the URL says TLS at all.

    Raises:
        Invalid: the file of certificates cannot be used; names it.
    """
    if settings.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"cannot use the certificates in {settings.ca}: {error}") from error


def why(error: Exception, settings: BusSettings) -> ZonegitError:
    """What is said of an attempt to connect that failed."""
    text = str(error) or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        return Invalid(
            f"credentials files need the package {error.name}", hint=f"pip install {error.name}"
        )
    if isinstance(error, nats.errors.AuthorizationError) or "authorization" in text.casefold():
        return Denied(
            f"the bus {settings.shown} does not let this user in",
            hint="check the user and password of its URL, or the credentials file",
        )
    return Unavailable(
        f"the bus {settings.shown} cannot be reached: {text}",
        hint="start one with: zonegit up; or name another: ZONEGIT_NATS_URL",
    )
