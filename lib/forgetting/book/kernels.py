"""Kernels that start at once: forked from a process that has imported what most pages import.

Each page has a kernel of its own, which keeps pages apart. Started afresh, a kernel spends longer
on imports than most pages on computing. So the first one starts a server (Python's own fork
server), which imports those packages once and computes nothing; every kernel is forked from it.
"""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from multiprocessing.forkserver import ensure_running
from threading import Lock
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

# Sets print in one order, kernels side by side do not fight over the cores, and a figure that is
# left open is displayed, so that it is noticed.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
PRELOADED = [
    "forgetting.book",
    "forgetting.derived",
    "forgetting.measure.member_subsets",
    "forgetting.measure.pairwise",
    "forgetting.predictions",
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "scipy.stats",
    "rich.progress",  # this and typer, because each kernel reads the command's own module
    "typer",
]
_starting = Lock()
_running: set[ForkServerProcess] = set()


class ForkedKernels(AsyncKernelManager):
    """Manages one kernel, which starts by forking."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.provisioner = _ForkingProvisioner(
            kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
        )


@contextmanager
def kernel_threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that wait for kernels; an interrupt ends the kernels, too.

    Args:
        number: How many tasks run at a time.
    """
    with ThreadPoolExecutor(max(1, number)) as pool:
        try:
            yield pool
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(_running):
                process.kill()
            raise


class _ForkingProvisioner(LocalProvisioner):
    """Forks a kernel where its parent class would start `python -m ipykernel_launcher`."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        context = get_context("forkserver")
        process = context.Process(target=_serve, args=(arguments, dict(options["env"])))
        with _starting:  # pages that start side by side share the server and this environment
            context.set_forkserver_preload(PRELOADED)
            unset = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
            os.environ.update(unset)
            try:
                ensure_running()  # the server keeps the environment that it starts in
            finally:
                for name in unset:
                    del os.environ[name]
            process.start()
        _running.add(process)
        # It is declared a Popen; `_Process` has the methods of one that provisioners call.
        self.process = _Process(process)  # type: ignore[assignment]
        self.pid = self.pgid = process.pid
        return self.connection_info


class _Process:
    """A forked process with the methods of `subprocess.Popen` that provisioners call."""

    stdin = stdout = stderr = None

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    def poll(self) -> int | None:
        if self._process.exitcode is not None:
            _running.discard(self._process)
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        if self.poll() is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def _serve(arguments: list[str], environment: dict[str, str]) -> None:
    """Be a kernel in `environment` until it is told to shut down or its server has gone."""
    os.setsid()  # an interrupt from the keyboard is for the command, which stops its kernels
    os.environ.clear()
    os.environ.update(ENVIRONMENT | environment)
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(argv=[*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])
