"""Choose ports for servers that tests start."""

import random
import socket
from contextlib import suppress


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free for UDP and TCP, below the range of ephemeral ports.

    A port above 32,768 could be taken by a client between this call and the bind of the server.
    The generator of the system is used, because Hypothesis gives the common one the same seed in
    each process, and two processes would then choose the same port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with (
            suppress(OSError),
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((host, port))
            udp.bind((host, port))
            return port
