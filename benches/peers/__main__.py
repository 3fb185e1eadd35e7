"""The program beside onnxruntime, OpenVINO, rten and tract as it comes: same weights, picture and threads.

`make bench-peers` runs it. ncnn is not among them: its converter (pnnx 20261020) refuses the network's windows, whose
reshapes have five axes ("target exceeds ncnn physical rank"), and the self-prompt's comparison.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from pathlib import Path

import graphs
import report
from contenders import Program, Worker, measure, python_worker
from pictures import INDEX, ROOT

OUT = ROOT / "benches/peers.md"


# As oneDNN, which OpenVINO stands on, names instructions. The others take what the machine has: no word of ours limits them.
ONEDNN = {"avx2": "AVX2", "avxvnni": "AVX2_VNNI", "avx512": "AVX512_CORE_VNNI"}


def contenders(arguments: argparse.Namespace, side: int, threads: int) -> list:
    """All that start, in the order of their turns."""
    peers = [("float32", "onnxruntime", "float32", "f32"), ("float32", "openvino", "float32", "f32"),
             ("float32", "openvino", "bfloat16", "bf16"), ("onnxruntime-int8", "onnxruntime", "int8", "f32"),
             ("openvino-int8", "openvino", "int8", "f32"), ("openvino-int8", "openvino", "int8 + bfloat16", "bf16")]

    def program(name: str, precision: str, folder: str, given: str | None):
        def open_it(contender: Program) -> None:
            contender.open(arguments.binary, Path(given.format(side=side)) if given else graphs.folder(folder, side), threads,
                           arguments.cpu)
        return Program(name, precision), open_it

    def python(file: str, kind: str, precision: str, hint: str):
        def open_it(contender: Worker) -> None:
            limit = {"ONEDNN_MAX_CPU_ISA": ONEDNN[arguments.cpu]} if arguments.cpu else {}
            contender.open(python_worker(kind, graphs.graph(file, side), side, threads, hint), limit)
        return Worker(kind, precision), open_it

    def rten():
        def open_it(contender: Worker) -> None:
            contender.open([arguments.rten, graphs.graph("float32", side), side, INDEX], {"RTEN_NUM_THREADS": str(threads)})
        return Worker("rten", "float32"), open_it

    wanted = [program("ours", "float32", "nodes", arguments.ours_float), program("ours", "int8", "nodes-int8", arguments.ours_int8),
              program("tract", "float32", "plain", None), *(python(*p) for p in peers), *([rten()] if arguments.rten else [])]
    if arguments.cpu:
        wanted = [*wanted[:2], *(python(*p) for p in peers if p[1] == "openvino")]
    opened = []
    for contender, open_it in wanted:
        try:
            open_it(contender)
        except Exception as e:  # One that cannot run must not stop the others.
            print(f"{side}², {threads}T: {contender.name} {contender.precision} does not run: {e}", file=sys.stderr)
            continue
        opened.append(contender)
    return opened


def case(arguments: argparse.Namespace, side: int, threads: int) -> tuple[list, list[dict]]:
    """Rounds of all contenders by turns; more of them while the machine is disturbed and patience lasts."""
    opened = contenders(arguments, side, threads)
    runs, done = {}, 0
    for c in opened:
        measure(c, 1)
        runs[id(c)] = max(2, min(arguments.runs, round(1000 * arguments.seconds / statistics.median(c.rounds[0].ms))))
        c.rounds.clear()
    start = time.monotonic()
    while done < arguments.rounds or (time.monotonic() - start < arguments.patience
                              and any(sum(r.others < report.QUIET for r in c.rounds) < 3 for c in opened)):
        for c in opened:
            measure(c, runs[id(c)])
        done += 1
    logits = {id(c): c.logits(side) for c in opened}
    for c in opened:
        c.close()
    return opened, [report.row(c, opened, logits) for c in opened]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=Path, default=ROOT / "target/release/espmedsam")
    p.add_argument("--rten", type=Path, help="the built rten peer; without it rten is left out")
    p.add_argument("--ours-float", metavar="DIR", help="model folder, {side} in it replaced (default: exported anew)")
    p.add_argument("--ours-int8", metavar="DIR", help="the same in 8 bits")
    p.add_argument("--cpu", choices=ONEDNN, default="", help="these instructions and no later ones: the program and OpenVINO alone")
    p.add_argument("--sides", type=int, nargs="+", default=[224, 448, 1024])
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--runs", type=int, default=10, help="frames of a round, at most")
    p.add_argument("--seconds", type=float, default=1.5, help="about how long a contender's round may take")
    p.add_argument("--patience", type=float, default=60, help="seconds a case may take for undisturbed rounds")
    p.add_argument("--out", type=Path, default=OUT, help="the Markdown file; JSON beside it")
    p.add_argument("--quick", action="store_true", help="224² alone, three rounds, nothing written")
    a = p.parse_args()
    more = [x for ix, x in enumerate(sys.argv) if ix and not {"--binary", "--rten"} & set(sys.argv[ix - 1:ix + 1])]
    if a.quick:
        a.sides, a.rounds, a.patience = [224], 3, 0
    text, cases = "", []
    for side in a.sides:
        for threads in a.threads:
            opened, rows = case(a, side, threads)
            if not text:
                options = f" PEERS='{shlex.join(more)}'" if more else ""
                text = report.head(opened, "make bench-peers" + options)
                print(text)
            part = report.table(side, threads, rows)
            print(part, flush=True)
            text += part + "\n"
            cases.append({"side": side, "threads": threads, "rows": rows})
            if not a.quick:
                a.out.write_text(text)
                a.out.with_suffix(".json").write_text(json.dumps({"cpu": report.cpu_model(), "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
