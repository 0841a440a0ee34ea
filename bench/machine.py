# SPDX-License-Identifier: Apache-2.0
"""What machine a figure is from, and how busy it was."""
import os
import pathlib
import platform
import re
import statistics
import subprocess
import tempfile
import time


def version(*argv):
    got = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (got.stdout + got.stderr).strip().splitlines()[0]


def sync_us():
    """Median of what writing 4 KiB durably takes where stores are put."""
    took = []
    with tempfile.TemporaryFile() as f:
        for _ in range(50):
            f.write(bytes(4096))
            f.flush()
            start = time.perf_counter()
            os.fdatasync(f.fileno())
            took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e6


def describe():
    cpu = re.search(r"model name\s*: (.*)",
                    pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "kernel": f"{platform.system()} {platform.release()}",
        "nginx": version("nginx", "-v").removeprefix("nginx version: "),
        "sync_us": round(sync_us()),
        "load_at_end": round(os.getloadavg()[0], 1),
    }


def sentence(found):
    return (f"{found['cpu']}, {found['cores']} cores, "
            f"{found['memory_gib']} GiB, {found['kernel']}, "
            f"{found['nginx']}")
