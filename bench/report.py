# SPDX-License-Identifier: Apache-2.0
"""Tables of all parts measured so far: bench/results/*.md.

summary.md also stands in the README; report.md has all of it.
"""
import json

import machine
import plot
import targets
from rig import human
from targets import bounds, percent, spread

PARTS = ["gate", "storm", "index", "revoke", "store", "audit", "rivals"]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def targets_table(parts):
    return table(["what", "target", "measured", ""],
                 [(r.what, r.target, r.figure, r.verdict)
                  for r in targets.rows(parts)])


def comparison(parts):
    """Everything that stood before the same upstream."""
    rows = []
    for part in ("gate", "rivals"):
        for r in parts.get(part, {}).get("rows", []):
            if not rows:
                rows.append(("nothing (no authentication)",
                             spread(r["base_us"]), "–", "1"))
            if any(r["label"] == row[0] for row in rows):
                continue  # ours, measured once more beside the rivals
            rows.append((r["label"], spread(r["us"]),
                         percent(r["cpu_ratio"])[0],
                         bounds(r["rps_ratio"], 3)))
    return table(["behind the same upstream",
                  "µs of CPU a request: median (range)",
                  "against nothing: median, 95 % interval",
                  "requests/s, ratio to nothing"], rows) if rows else ""


def origins(parts):
    """What each part was measured on; parts of one run share a line."""
    lines = {}
    for name, part in parts.items():
        text = (f"{part['when']} on {machine.sentence(part['machine'])}; "
                f"{part['pairs']} alternating pairs of {part['seconds']:g} s, "
                f"{part['rounds']} rounds")
        lines.setdefault(text, []).append(name)
    return "\n" + "".join(f"* {', '.join(names)}: {text}\n"
                          for text, names in lines.items())


def counted(gate):
    counts, text = gate["counts"], ""
    if counts:
        text = (f"A request without the module: {counts['plain']:,.0f} "
                f"instructions, {counts['plain_mallocs']:.2f} mallocs.\n\n")
        text += table(
            ["tokens", "instructions added", "… with all rules",
             "mallocs added"],
            [(human(s["tokens"]), f"{s['hot']['added']:,.0f}",
              f"{s['ruled']['added']:,.0f}",
              f"{s['hot']['mallocs_added']:.2f}") for s in counts["sizes"]])
    for key, calls in (gate["system_calls"] or {}).items():
        who = {"plain": "without", "hot": "with"}[key]
        names = ", ".join(f"{name} {n:.2f}" for name, n in calls.items())
        text += f"\nSystem calls a request {who} the module: {names}.\n"
    return text


def index_table(index):
    return table(["tokens", "bytes a token, live", "in the file",
                  "made by mkindex in"],
                 [(human(r["tokens"]), f"{r['live']:.0f}", f"{r['file']:.0f}",
                   f"{r['built_s']:.0f} s") for r in index["rows"]])


def revoke_text(part):
    return (f"{part['revokes']} revokes under load, {part['workers']} workers,"
            f" {part['callers']} connections, {human(part['tokens'])} tokens: "
            f"{part['wrong']} requests that were sent after the answer were "
            f"allowed. From the answer to the first refusal on any connection "
            f"{spread(part['first_ms'])} ms, on the last one "
            f"{spread(part['last_ms'])} ms; the load generator, one thread, "
            "takes most of that.\n")


def store_text(store):
    creates, change = store["creates"], store["change"]
    start = store["start"]
    text = table([f"page of a list ({human(store['tokens'])} tokens)",
                  "ms: median (range)"],
                 [(name, spread(s)) for name, s in store["lists"].items()])
    text += "\n" + table(
        ["posternd's memory, MiB", "own", "with mapped files", "peak"],
        [(k, *(f"{m[c]:.0f}" for c in ("anon", "rss", "peak")))
         for k, m in store["memory_mib"].items()]) + "\n"
    lines = [
        f"creates, {creates['clients']} clients: {spread(creates['rate'], 0)}"
        f" a second, p50 {spread(creates['p50_ms'])} ms, p99 "
        f"{spread(creates['p99_ms'])} ms; 4 KiB made durable alone take "
        f"{store['machine']['sync_us']} µs here",
        f"a change of policy in one record: {spread(change['one_record_ms'])}"
        " ms",
        f"one that touches {store['owners']:,} owners: "
        f"{spread(change['everybody_s'])} s, under load "
        f"{spread(change['under_load_s'])} s; decisions a second "
        f"{spread(change['calm_rps'], 0)} calm, {spread(change['rps'], 0)} "
        f"meanwhile",
        f"preview of a lower maximum lifetime, {human(store['tokens'])} tokens:"
        f" {spread(store['preview_s'])} s; enforced now on "
        f"{human(store['enforce']['tokens'])}: "
        f"{spread(store['enforce']['seconds'])} s",
        f"start with {human(start['tokens'])} tokens (store "
        f"{start['store_bytes'] / 2**30:.1f} GiB): "
        f"{spread(start['uncached'], 3)} s, files cached "
        f"{spread(start['cached'], 3)} s",
        f"index of {human(start['tokens'])} tokens made anew by posternd: "
        f"{start['rebuild_s']:.0f} s, {start['rebuild_peak_mib']:.0f} MiB",
    ]
    return text + "".join(f"* {line}\n" for line in lines)


def audit_text(audit):
    after = audit["after_mib"]
    return (f"{human(audit['events'])} events ("
            f"{audit['store_bytes'] / 2**20:.0f} MiB): `postern audit export` "
            f"{spread(audit['export_s'])} s, `postern audit verify` "
            f"{spread(audit['verify_s'])} s. posternd's memory: "
            f"{audit['before_mib']['peak']:.0f} MiB at most before, "
            f"{after['peak']:.0f} MiB meanwhile ({after['anon']:.0f} MiB own "
            "afterwards).\n")


SECTIONS = [("gate", "Counted", counted), ("index", "Index", index_table),
            ("revoke", "Revoke", revoke_text),
            ("store", "posternd", store_text),
            ("audit", "Audit", audit_text)]


def write(out):
    """All tables and plots in out, from its PART.json; the summary."""
    parts = {p: json.loads((out / f"{p}.json").read_text())
             for p in PARTS if (out / f"{p}.json").exists()}
    plots = [f"![{title}]({name})" for name, title in plot.write(out, parts)]
    summary = "\n".join(filter(None, [
        targets_table(parts), comparison(parts), *plots[:1], origins(parts)]))
    report = "# Measured\n\n" + summary
    for part, title, make in SECTIONS:
        if part in parts:
            report += f"\n## {title}\n\n{make(parts[part])}"
    report += "\n## Plots\n" + "".join(f"\n{p}\n" for p in plots[1:])
    (out / "report.md").write_text(report)
    summary += "\n[All figures](report.md)\n"
    (out / "summary.md").write_text(summary)
    return summary
