"""Runs MiniStack until standard input ends, so that it goes with the test that started it, however that one ends."""

import os
import signal
import socketserver
import sys
import threading

# without this some answers wait 40 ms for a delayed ACK
socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def stop_with_parent():
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=stop_with_parent, daemon=True).start()

import ministack.app  # noqa: E402  (imported late: it reads the environment and takes half a second)

sys.argv = ["ministack"]
ministack.app.main()
