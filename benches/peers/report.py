"""The measured figures as a Markdown table and as JSON."""

import os
import platform
import statistics
from datetime import date
from pathlib import Path

import numpy as np
import pictures
from contenders import Contender, Round

QUIET = 0.15
"""A round counts as undisturbed if other processes kept less than this share of a core busy."""

HEAD = """\
# The program beside other runtimes

Written by `make bench-peers`. {date}, {cpu}, {cores} cores, {versions}.
Command: `{command}`.

Same shipped weights ({modality}), picture and threads; one frame is encoder + self-prompt + decoder. Runtimes take
turns, round by round, each in its own process. *ms*: median of all frames. *cpu ms*: median over the rounds of a
frame's CPU time, for one thread, where it is what the clock says on an idle machine, and it hardly minds a busy
one. *ours ÷ it*: median over the rounds of the ratio within a round, the program in float32 beside float32 and in int8
beside int8 and bfloat16; under 1, the program is faster. *peak*: the process's highest resident memory; *bare*: of it,
Python and numpy alone. *difference*: largest over the mask's logits, and IoU of the masks, from {reference}.
"""
COLUMNS = ("runtime", "precision", "ms", "least ms", "cpu ms", "ours ÷ it", "by cpu", "peak MiB", "bare", "difference",
           "mask IoU")


def cpu_model() -> str:
    """As the kernel names it, with its 8-bit instructions."""
    info = Path("/proc/cpuinfo")
    lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line) if info.exists() else {}
    lines = {k.strip(): v.strip() for k, v in lines.items()}
    known = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "asimddp", "i8mm")
             if f in (lines.get("flags", "") + " " + lines.get("Features", "")).split()]
    return f"{lines.get('model name', platform.machine())} ({' '.join(known)})"


def head(contenders: list[Contender], command: str) -> str:
    """What the figures are of."""
    versions = {c.name: c.version for c in contenders if c.version}
    names = [c.name for c in contenders if c.precision == "float32"]
    return HEAD.format(date=date.today(), cpu=cpu_model(), cores=len(os.sched_getaffinity(0)), command=command,
                       versions=", ".join(f"{k} {v}" for k, v in versions.items()), modality=pictures.MODALITY,
                       reference=f"{names[0]} in float32")


def counted(contender: Contender) -> list[Round]:
    """The undisturbed rounds if they are at least three, else all."""
    quiet = [r for r in contender.rounds if r.others < QUIET]
    return quiet if len(quiet) >= 3 else contender.rounds


def row(contender: Contender, contenders: list[Contender], logits: dict[int, np.ndarray]) -> dict:
    """One contender's figures."""
    rounds = counted(contender)
    ms = [x for r in rounds for x in r.ms]
    out = {"runtime": contender.name, "precision": contender.precision, "ms": statistics.median(ms), "least_ms": min(ms),
           "cpu_ms": statistics.median(r.cpu_ms for r in rounds), "peak_mib": contender.peak_mib,
           "bare_mib": contender.before_mib, "frames": len(ms), "rounds": len(contender.rounds),
           "quiet_rounds": sum(r.others < QUIET for r in contender.rounds)}
    kind = "float32" if contender.precision == "float32" else "int8"
    ours = next((c for c in contenders if c.name == "ours" and c.precision == kind), None)
    if ours:
        pairs = list(zip(ours.rounds, contender.rounds))
        quiet = [p for p in pairs if all(r.others < QUIET for r in p)]
        pairs = quiet if len(quiet) >= 3 else pairs
        out["ratio"] = statistics.median(statistics.median(a.ms) / statistics.median(b.ms) for a, b in pairs)
        out["cpu_ratio"] = statistics.median(a.cpu_ms / b.cpu_ms for a, b in pairs)
    reference, own = logits[id(contenders[0])], logits[id(contender)]
    size = pictures.rgb().shape[:2]
    out["difference"] = float(np.abs(own - reference).max())
    out["mask_iou"] = pictures.iou(pictures.mask(own, *size), pictures.mask(reference, *size))
    return out


def table(side: int, threads: int, rows: list[dict]) -> str:
    """One side and number of threads."""
    lines = [f"\n## {side}², {threads} thread{'s' * (threads > 1)}\n", "| " + " | ".join(COLUMNS) + " |",
             "| --- | --- |" + " ---: |" * (len(COLUMNS) - 2)]
    for r in rows:
        ratio, cpu_ratio = (f"{r[k]:.2f}" if k in r else "" for k in ("ratio", "cpu_ratio"))
        cpu = f"{r['cpu_ms']:.1f}"
        if threads > 1:  # waiting threads spin, and the program's loading weighs as much as its frames
            cpu, cpu_ratio = "", ""
        cells = [r["runtime"], r["precision"], f"{r['ms']:.1f}", f"{r['least_ms']:.1f}", cpu, ratio, cpu_ratio,
                 f"{r['peak_mib']:.0f}", f"{r['bare_mib']:.0f}", f"{r['difference']:.1e}", f"{r['mask_iou']:.4f}"]
        lines.append("| " + " | ".join(cells) + " |")
    peers = [r for r in rows if r["runtime"] != "ours"]
    for name, chosen in (("float32", [r for r in peers if r["precision"] == "float32"]), ("any precision", peers)):
        if chosen:
            best = min(chosen, key=lambda r: r["cpu_ms" if threads == 1 else "ms"])
            lines.append(f"\nFastest peer, {name}: {best['runtime']} {best['precision']}.")
    disturbed = [r for r in rows if r["quiet_rounds"] < 3]
    if disturbed:
        lines.append(f"\nOther processes disturbed {len(disturbed)} of {len(rows)} rows: read the ratios, and with one "
                     "thread the CPU time, rather than the clock.")
    return "\n".join(lines)
