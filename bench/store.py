# SPDX-License-Identifier: Apache-2.0
"""Part "store": posternd with many tokens."""
import os

import change
import creates
import enforce
import installation
import lists
import pairs
from data import bearer
from rig import human, say

OWNERS = 100_000
MEMORY_AT = 1_000_000  # tokens
ENFORCED = 100_000  # tokens


def forget(folder):
    """Drop the files from the kernel's page cache, without root."""
    for path in folder.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def starts(bench, store):
    """Seconds until posternd is ready, its files cached and not."""
    took = {"cached": [], "uncached": []}
    for _ in range(bench.args.rounds):
        for kind, times in took.items():
            if kind == "uncached":
                forget(store.folder)
            site = installation.Site(bench, store.folder)
            try:
                times.append(site.start())
                usage = installation.memory(site.pid)
            finally:
                site.stop()
    say(f"posternd starts with {human(store.count)} tokens in "
        f"{pairs.summary(took['uncached'])['median']:.3f} s")
    return {"tokens": store.count, "memory_mib": usage,
            "store_bytes": store.facts["bytes"],
            "rebuild_s": store.facts["rebuild_s"],
            "rebuild_peak_mib": store.facts["rebuild_peak_mib"],
            **{k: pairs.summary(v) for k, v in took.items()}}


def owners_of(count):
    return min(OWNERS, count)


def run(bench, data):
    sizes, made = bench.args.sizes, installation.rebuild(bench)
    middle = min(sizes, key=lambda n: abs(n - MEMORY_AT))
    store = data.store(middle, owners_of(middle), made)
    hot = bench.root / "hot"
    hot.write_text(bearer([line.split()[1] for line in
                           store.sample.read_text().splitlines()][:100]))
    with installation.running(bench, store) as site:
        result = {"tokens": store.count, "owners": store.owners,
                  "memory_mib": {"started": installation.memory(site.pid)}}
        say("pages of lists")
        result["lists"] = lists.measure(bench, site)
        say("previews of a policy")
        result["preview_s"] = enforce.preview(site, bench.args.rounds)
        say("creates through REST")
        result["creates"] = creates.measure(bench, site)
        result["memory_mib"]["worked"] = installation.memory(site.pid)
        say("changes of policy")
        result["change"] = change.measure(bench, site, hot)
        result["memory_mib"]["changed"] = installation.memory(site.pid)
    fewer = min(ENFORCED, middle)
    with installation.running(bench, data.store(
            fewer, owners_of(fewer), made)) as site:
        say("enforcing a policy now")
        result["enforce"] = {"tokens": fewer,
                             "seconds": enforce.now(site, bench.args.rounds)}
    largest = data.store(sizes[-1], owners_of(sizes[-1]), made)
    return {**result, "start": starts(bench, largest)}
