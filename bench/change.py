# SPDX-License-Identifier: Apache-2.0
"""A policy change that touches every owner, while decisions go on.

The group "staff" of all owners becomes, and ceases to be, a group of
administrators: every owner's record is written anew before the answer.
nginx answers by itself, on one core together with its load, so that nothing
but posternd and the index is shared; posternd has the other cores.
"""
import threading
import time

import installation
import load
import pairs
import rig

GROUP = "staff"


def serve(bench, site):
    port = rig.free_port()
    mask = bin(1 << rig.first_core()[0])[2:]
    body = f"""
    postern_index {site.folder}/index;
    server {{
        listen 127.0.0.1:{port};
        location / {{ postern required; postern_app {installation.APP};
                      empty_gif; }}
    }}"""
    bench.keep(rig.Nginx(bench.root, "decides", body, modules=bench.module,
                         affinity=f"worker_cpu_affinity {mask};")).wait(port)
    return port


def put_policy(site, edit):
    """Seconds that the change took until its answer."""
    local = site.local
    policy = local.get("/policy")
    doc = policy.json
    edit(doc)
    began = time.perf_counter()
    reply = local.put("/policy", doc,
                      headers={"If-Match": policy.headers["ETag"]})
    took = time.perf_counter() - began
    local.close()
    site.expect(reply, 200)
    return took


def touch_everybody(site):
    def edit(doc):
        doc["admin_groups"] = [] if doc["admin_groups"] else [GROUP]
    return put_policy(site, edit)


def touch_nobody(site):
    """Whether a policy's grants name everyone is one record."""
    def edit(doc):
        grant = doc["creation"]["grants"][0]
        days = grant["max_lifetime_days"]
        grant["max_lifetime_days"] = 365 if days is None else None
    return put_policy(site, edit)


def beside(site, ask):
    """The rate of decisions while changes are made, one after the other."""
    took, over = [], threading.Event()

    def change():
        while not over.is_set():
            took.append(touch_everybody(site))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        return ask(), took
    finally:
        over.set()
        thread.join()


def measure(bench, site, values):
    port, args = serve(bench, site), bench.args

    def ask():
        return load.wrk(port, 2 * args.seconds, 16, values,
                        cores=rig.first_core()).checked("decisions").rate

    quick = [touch_nobody(site) for _ in range(2 * args.rounds)]
    alone = [touch_everybody(site) for _ in range(args.rounds)]
    calm, busy, during = [], [], []
    for _ in range(args.rounds):
        calm.append(ask())
        rate, took = beside(site, ask)
        busy.append(rate)
        during += took
    return {"one_record_ms": pairs.summary(1e3 * s for s in quick),
            "everybody_s": pairs.summary(alone),
            "under_load_s": pairs.summary(during),
            "calm_rps": pairs.summary(calm), "rps": pairs.summary(busy),
            "ratio": pairs.summary(b / c for b, c in zip(busy, calm))}
