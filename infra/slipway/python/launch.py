"""Starts MiniStack as `cargo slipway` wants it: quick, with the functions' output in a file, and never left behind.

The environment says the rest. SLIPWAY_FUNCTIONS_LOG is the file; standard input is a pipe that the parent holds open, and
its end is the order to stop (the parent's death included).
"""

import os
import signal
import socketserver
import sys
import threading

log_path = os.environ.pop("SLIPWAY_FUNCTIONS_LOG")

# Without this each answer of the Lambda Runtime API waits 40 ms for a delayed ACK.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core import lambda_runtime  # noqa: E402  (must see the line above)

# Each invocation waits so long for a first line of output; a worker that logs nothing should not cost 50 ms.
drain = lambda_runtime.Worker._drain_stderr_bounded
drain.__defaults__ = (0.002, *drain.__defaults__[1:])

log = open(log_path, "a", buffering=1, encoding="utf-8")  # noqa: SIM115  (open for the life of the process)
log_lock = threading.Lock()


class Tee:
    """The worker's queue of output lines; what goes into it also goes to the file."""

    def __init__(self, queue, prefix):
        self.queue, self.prefix = queue, prefix

    def put_nowait(self, line):
        self.queue.put_nowait(line)  # raises when it is full; the caller then makes room and comes again
        with log_lock:
            log.write(f"{self.prefix} {line}\n")

    def get_nowait(self):
        return self.queue.get_nowait()


pump = lambda_runtime.ProvidedWorker._pump_output


def pump_to_file(self, stream, log_queue):
    pump(self, stream, Tee(log_queue, f"{self.func_name}[{self._proc.pid}]"))


lambda_runtime.ProvidedWorker._pump_output = pump_to_file


def stop_with_parent():
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=stop_with_parent, daemon=True).start()

import ministack.app  # noqa: E402

sys.argv = ["ministack"]
ministack.app.main()
