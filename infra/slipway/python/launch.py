"""Starts MiniStack as `cargo slipway` wants it: quick, with the functions' output in a file, and never left behind.

It also mends a fault of its permissions: `ssm:GetParameters` was judged on the resource `*`, where AWS judges each name.

The environment says the rest. SLIPWAY_FUNCTIONS_LOG is the file; standard input is a pipe that the parent holds open, and
its end is the order to stop (the parent's death included).
"""

import json
import os
import signal
import socketserver
import sys
import threading

log_path = os.environ.pop("SLIPWAY_FUNCTIONS_LOG")

# Without this each answer of the Lambda Runtime API waits 40 ms for a delayed ACK.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # noqa: E402  (must see the line above)

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


class Several(str):
    """The first of several resources of one call; the rest in `others`."""

    others = ()


extract_resource_arn = iam_actions.extract_resource_arn
enforce = iam_evaluator.enforce


def extract_each_parameter(service, method, path, headers, body, query_params, region, account):
    arn = extract_resource_arn(service, method, path, headers, body, query_params, region, account)
    if service == "ssm" and arn == "*":
        try:
            names = json.loads(body or b"{}").get("Names") or []
            first, *others = [f"arn:aws:ssm:{region}:{account}:parameter/{name.lstrip('/')}" for name in names]
        except (AttributeError, ValueError):
            return arn
        arn = Several(first)
        arn.others = others
    return arn


def enforce_on_each(*arguments, resource_arn="*", **keywords):
    for arn in (resource_arn, *getattr(resource_arn, "others", ())):
        denied = enforce(*arguments, resource_arn=arn, **keywords)
        if denied:
            return denied
    return None


iam_actions.extract_resource_arn = extract_each_parameter
iam_evaluator.enforce = enforce_on_each


def stop_with_parent():
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=stop_with_parent, daemon=True).start()

import ministack.app  # noqa: E402
from ministack.services import lambda_svc  # noqa: E402


class Eager:
    """The pollers' wake-up. Nothing sets it when a delayed message becomes visible, which would lie for up to a second then;
    AWS's pollers wait in long polls and take it at once."""

    def __init__(self, event):
        self.set, self.clear, self.wait_for = event.set, event.clear, event.wait

    def wait(self, timeout):
        return self.wait_for(min(timeout, 0.05))


lambda_svc._esm_wake = Eager(lambda_svc._esm_wake)

sys.argv = ["ministack"]
ministack.app.main()
