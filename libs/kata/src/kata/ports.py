import socket


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that was free a moment ago; the kernel hands out another at each call."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
