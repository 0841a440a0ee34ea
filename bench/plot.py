# SPDX-License-Identifier: Apache-2.0
"""Plots of what was measured, as SVG, drawn by gnuplot."""
import subprocess

HEAD = """
set terminal svg noenhanced size 820,{height} font 'sans-serif,13' background 'white'
set output '{file}'
set grid
set border 3
set tics nomirror
{settings}
plot {plot}
"""


def draw(out, name, height, settings, plot, **data):
    """data: named blocks of rows."""
    blocks = "".join(f"${key} << EOD\n" + "\n".join(rows) + "\nEOD\n"
                     for key, rows in data.items())
    script = blocks + HEAD.format(height=height, file=out / name,
                                  settings=settings, plot=plot)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    # It is committed, and no line there ends in blanks.
    drawn = (out / name).read_text(encoding="utf-8").splitlines()
    (out / name).write_text("".join(line.rstrip() + "\n" for line in drawn),
                            encoding="utf-8")
    return name


def quoted(label):
    return '"' + label.replace('"', "'").replace("`", "") + '"'


def dots(out, name, title, axis, rows, lines=(), scale="set logscale x"):
    """A row for each (label, {median, min, max}): its median and range."""
    count = len(rows)
    data = [f"{quoted(label)} {s['median']} {s['min']} {s['max']} "
            f"{count - i}" for i, (label, s) in enumerate(rows)]
    marks = "".join(
        f"set arrow from {x}, graph 0 to {x}, graph 1 nohead lc 'gray40' dt 2;"
        f"set label '{text}' at {x}, graph 1.03 center tc 'gray40';"
        for x, text in lines)
    return draw(
        out, name, 90 + 26 * count,
        f"set title '{title}' offset 0,1; set xlabel '{axis}'; {scale};"
        f"unset key; set yrange [0.4:{count}.6]; {marks}",
        "$rows using 2:5:3:4:ytic(1) with xerrorbars pt 7 ps 0.8 lw 1.5 "
        "lc '#1f5fa8'", rows=data), title


def compared(parts):
    seen = {}
    for part in ("gate", "rivals"):
        for row in parts.get(part, {}).get("rows", []):
            seen.setdefault(row["label"], row)
    return list(seen.values())


def write(out, parts):
    """[(file, title)] of the plots that the measured parts give."""
    made, rows = [], compared(parts)
    if rows:
        base = rows[0]["base_us"]["median"]
        made.append(dots(
            out, "cpu.svg", "CPU for each request", "µs: median and range",
            [("nothing", rows[0]["base_us"])]
            + [(r["label"], r["us"]) for r in rows], [(base, "nothing")]))
        made.append(dots(
            out, "throughput.svg", "Requests a second against nothing",
            "ratio: median and range",
            [(r["label"], r["rps_ratio"]) for r in rows], [(1, "nothing")]))
    sizes = (parts.get("gate", {}).get("counts") or {}).get("sizes", [])
    if len(sizes) > 1:
        title = "Instructions added to a request"
        made.append((draw(
            out, "instructions.svg", 340,
            f"set title '{title}'; set xlabel 'tokens'; set logscale x;"
            "set yrange [0:*]; set key bottom right;"
            "set format x '%.0s %c'",
            "$rows using 1:2 with linespoints pt 7 lc '#1f5fa8' "
            "title 'valid token', $rows using 1:3 with linespoints pt 5 "
            "lc '#b5542a' title 'with all rules', 10000 lc 'gray40' dt 2 "
            "title 'target'",
            rows=[f"{s['tokens']} {s['hot']['added']} {s['ruled']['added']}"
                  for s in sizes]), title))
    if "store" in parts:
        made.append(dots(
            out, "lists.svg", "One page of a list", "ms: median and range",
            list(parts["store"]["lists"].items()), [(50, "target")]))
    return made
