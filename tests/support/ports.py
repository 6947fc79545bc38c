"""Ports for servers that tests start, and for other servers to be told of."""

import random
import socket
from contextlib import suppress


def free_port(host: str = "127.0.0.1") -> int:
    """One that is free for UDP and TCP, and below what the system gives to clients.

    A port above 32,768 may become some client's own between this call and the server's bind.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(10_000, 32_000)
        with (
            suppress(OSError),
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((host, port))
            udp.bind((host, port))
            return port
