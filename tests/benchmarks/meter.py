"""Run a command and report its cost to a file descriptor; `python -I -S meter.py
DESCRIPTOR COMMAND...`.

A process of its own, because the kernel lets a child begin with the peak memory of the
process that started it: this one is small, the benchmark is not.
"""

import os
import sys
import time


def main() -> int:
    """Write `wall_s cpu_s peak_kib` and return the command's exit status."""
    report, command = int(sys.argv[1]), sys.argv[2:]
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(report)
        os.execvp(command[0], command)
    _, status, used = os.wait4(child, 0)
    wall_s = time.perf_counter() - began
    peak_kib = used.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    os.write(
        report, f"{wall_s} {used.ru_utime + used.ru_stime} {peak_kib}".encode()
    )
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
