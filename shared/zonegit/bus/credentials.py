"""Check the settings of a connection, and explain why it cannot be opened."""

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import nats.errors

from zonegit.bus.transport import EndedError, PlaintextError
from zonegit.config import BusSettings
from zonegit.errors import Denied, Invalid, Unavailable, ZonegitError

SCHEMES: Final = ("nats", "tls", "ws", "wss")
_WRONG_NAME: Final = (62, 64)
"""OpenSSL's ``X509_V_ERR_HOSTNAME_MISMATCH`` and ``X509_V_ERR_IP_ADDRESS_MISMATCH``."""


def read_user(url: str) -> str | None:
    """Return the user in the URL of a bus; None if it has none."""
    name = urlsplit(url).username
    return unquote(name) if name else None


def earlier_inbox(url: str) -> str:
    """Return the prefix of the inboxes of the earlier release."""
    name = urlsplit(url).username
    return f"_INBOX_{name}" if name else "_INBOX"


def check(settings: BusSettings) -> None:
    """Check the URL of the bus.

    Raises:
        Invalid: The URL is malformed. It is not shown, because it may contain a password.
    """
    try:
        parts = urlsplit(settings.url)
        good = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid("the URL of the bus is malformed", hint="for example nats://HOST:4222")


def requires_tls(settings: BusSettings) -> bool:
    """Return whether the URL requires TLS."""
    return urlsplit(settings.url).scheme in ("tls", "wss")


def make_tls_context(settings: BusSettings) -> ssl.SSLContext | None:
    """Return the TLS context of a connection; None for the default (the authorities of the system,
    no client certificate).

    Raises:
        Invalid: A file of certificates or the key is unusable; the error names it.
    """
    if settings.ca is None and settings.cert is None:
        if settings.key is not None:
            raise Invalid(
                f"the key {settings.key} has no certificate",
                hint="set ZONEGIT_NATS_CERT to its certificate",
            )
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"cannot use the certificates in {settings.ca}: {error}") from error
    if settings.cert is not None:
        _load_certificate(context, settings.cert, settings.key)
    return context


def _load_certificate(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    def refuse() -> str:  # else OpenSSL prompts on the terminal, and a service would wait
        raise Invalid(
            f"the key {key or cert} is encrypted",
            hint="store it without a password, in a file of mode 600",
        )

    try:
        context.load_cert_chain(cert, key, password=refuse)
    except (OSError, ssl.SSLError) as error:
        files = f"{cert} and the key in {key or cert}"
        raise Invalid(f"cannot use the certificate in {files}: {error}") from error


def explain_error(error: Exception, settings: BusSettings) -> ZonegitError:
    """Return the error to report for a failed attempt to connect."""
    text = str(error) or type(error).__name__
    shown = settings.shown
    match error:
        case ModuleNotFoundError():
            return Invalid(
                f"credentials files need the package {error.name}",
                hint=f"pip install {error.name}",
            )
        case nats.errors.AuthorizationError():
            return _make_denied_error(settings)
        case nats.errors.Error() if "authorization" in text.casefold():
            return _make_denied_error(settings)
        case ssl.SSLCertVerificationError():
            return _untrusted(error, settings)
        case PlaintextError():
            return Unavailable(
                f"the bus {shown} does not speak TLS, so it was sent no credentials",
                hint="use nats:// for a bus without TLS, or set up TLS on the server",
            )
        case ssl.SSLError() | EndedError(is_encrypted=True):
            return Unavailable(
                f"the bus {shown} ended the TLS connection before it answered{_reason(error)}",
                hint="if it requires a client certificate, set ZONEGIT_NATS_CERT",
            )
        case TimeoutError():
            return Unavailable(
                f"the bus {shown} accepts connections, but did not answer in time",
                hint="check that it is a NATS server and not overloaded",
            )
        case _:
            return Unavailable(
                f"the bus {shown} cannot be reached: {text}",
                hint="start one with zonegit up, or set ZONEGIT_NATS_URL",
            )


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return f": {reason.replace('_', ' ').lower()}" if reason else ""


def _make_denied_error(settings: BusSettings) -> Denied:
    return Denied(
        f"the bus {settings.shown} refuses this user",
        hint="check the user and password of its URL, or the credentials file",
    )


def _untrusted(error: ssl.SSLCertVerificationError, settings: BusSettings) -> Unavailable:
    shown = settings.shown
    if error.verify_code in _WRONG_NAME:
        return Unavailable(
            f"the certificate of the bus {shown} is for another host: {error.verify_message}",
            hint="use the name or address that the certificate is for",
        )
    trusted = f"the authorities in {settings.ca}" if settings.ca else "the system's authorities"
    return Unavailable(
        f"the certificate of the bus {shown} is not trusted by {trusted}: {error.verify_message}",
        hint="set ZONEGIT_NATS_CA, or ca in a context, to the certificate of its authority",
    )
