#!/usr/bin/env python3
"""A process that has imported Home Assistant, and is forked for each instance: an instance then starts in a third of the time.

zygote.py serve SOCKET INTEGRATION...           import them all, then fork for each request; runs where Home Assistant is installed
zygote.py fork SOCKET LOG CONFIG [NAME=VALUE]...   begin Home Assistant with this configuration and environment; prints its process id
"""

import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import socket
import sys
import threading
from contextlib import suppress

REQUEST_MAX = 65536


def preload(integration):
    """Imports an integration with all its parts; parts that need what is not installed are left out, as Home Assistant does."""
    package = importlib.import_module(f"homeassistant.components.{integration}")
    for part in pkgutil.iter_modules(package.__path__):
        with suppress(Exception):
            importlib.import_module(f"{package.__name__}.{part.name}")


def serve(path, integrations):
    for core in ("__main__", "bootstrap", "config", "runner"):
        importlib.import_module(f"homeassistant.{core}")
    for integration in integrations:
        preload(integration)
    if threading.active_count() > 1:  # they would not be there after a fork, and what they hold would be held for ever
        sys.exit(f"these threads run already: {threading.enumerate()}")
    gc.collect()
    gc.freeze()  # the pages of what is there now stay shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    while True:
        connection, _ = listener.accept()
        message, (log, *_), *_ = socket.recv_fds(connection, REQUEST_MAX, 1)
        pid = os.fork()
        if pid == 0:
            listener.close()
            connection.close()
            become(json.loads(message), log)
        os.close(log)
        connection.send(str(pid).encode())
        connection.close()


def become(request, log):
    """Becomes Home Assistant, in a session of its own."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    random.seed()
    os.environ.update(request["environment"])
    sys.argv = ["homeassistant", "--config", request["config"], "--log-no-color"]
    sys.exit(sys.modules["homeassistant.__main__"].main())


def fork(path, log, config, *environment):
    request = {"config": config, "environment": dict(entry.split("=", 1) for entry in environment)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection, open(log, "wb") as file:
        connection.settimeout(10)
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], [file.fileno()])
        print(connection.recv(64).decode())


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "serve":
        serve(arguments[0], arguments[1:])
    else:
        fork(*arguments)
