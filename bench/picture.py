"""The picture of README: one group of bars for each bench, one bar for each runtime, out of run's JSON. Processor time,
because it is what a busy machine does not spoil.
"""

import html

SHOWN = ("run", "docker: run", "create", "start", "exec", "docker: exec", "state", "delete")
COLOURS = ("#2f6f4f", "#c8a24a", "#a65a49", "#9a9a9a", "#5a6f9a")
WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 150, 90, 13, 12, 48


def chosen(report):
    """(bench, {label: median ms}) of the benches shown that were measured."""
    measured = {entry["bench"]: entry for entry in report["results"] if entry["metric"] == "cpu"}
    for bench in SHOWN:
        if bench in measured:
            yield bench, {label: figures["median"] for label, figures in measured[bench]["runtimes"].items()}


def text(x, y, words, anchor="start", size=12, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
            f"{html.escape(words)}</text>")


def legend(labels):
    x = LEFT
    for label, colour in zip(labels, COLOURS):
        yield f'<rect x="{x}" y="24" width="{BAR}" height="{BAR}" fill="{colour}"/>'
        yield text(x + BAR + 5, 35, label)
        x += BAR + 30 + 8 * len(label)


def group(bench, medians, labels, y, scale):
    yield text(LEFT - 10, y + len(medians) * BAR / 2 + 4, bench, "end", weight="bold")
    for label, colour in zip(labels, COLOURS):
        if label not in medians:
            continue
        length = min(max(1.0, medians[label] * scale), WIDTH - LEFT - RIGHT)
        yield f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{colour}"/>'
        yield text(LEFT + length + 5, y + BAR - 3, f"{medians[label]:.1f} ms", size=10)
        y += BAR


def draw(report):
    labels = [runtime["label"] for runtime in report["runtimes"]]
    benches = list(chosen(report))
    # One bench that is far slower than all others would make those unreadable: bars end at four times the median.
    longest = sorted(value for _, medians in benches for value in medians.values())
    limit = min(longest[-1], 4 * longest[len(longest) // 2] + 20) if longest else 1
    scale = (WIDTH - LEFT - RIGHT) / limit
    parts, y = [text(LEFT, 16, "milliseconds of processor time, median; shorter is better"), *legend(labels)], TOP
    for bench, medians in benches:
        parts += group(bench, medians, labels, y, scale)
        y += BAR * len(medians) + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" '
            f'font-family="sans-serif" fill="#222">\n<rect width="{WIDTH}" height="{y}" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
