# SPDX-License-Identifier: Apache-2.0
"""Part "index": bytes for each token, put in random order."""


def run(bench, data):
    rows = []
    for count in bench.args.sizes:
        index = data.index(count)
        rows.append({"tokens": count, "live": index.live_bytes / count,
                     "file": index.file_bytes / count,
                     "built_s": index.built_s})
    return {"rows": rows}
