"""A Python peer in a process of its own, told by lines on standard input what to do.

    worker.py onnxruntime|openvino GRAPH SIDE INDEX THREADS PRECISION

It first says {"version": ..., "before_mib": ...} (memory with nothing but Python and numpy), then answers

    run 10          {"ms": [...]}, after one run that is not counted
    picture A B     {}, having read a float32 input A and written the logits of mask and patches to B

until its input ends. Nothing runs in between, so that the peers do not disturb each other.
"""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np

OUTPUTS = ["low_res_logits", "patch_logits"]


class OnnxRuntime:
    """The graph in onnxruntime, all its optimisations on."""

    def __init__(self, graph: str, threads: int, _precision: str):
        import onnxruntime
        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Logits of mask and patches."""
        return self.session.run(OUTPUTS, feed)


class OpenVino:
    """The graph in OpenVINO, tuned for latency."""

    def __init__(self, graph: str, threads: int, precision: str):
        import openvino
        self.version = openvino.__version__.split("-")[0]
        config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
                  "INFERENCE_PRECISION_HINT": precision}
        self.request = openvino.Core().compile_model(graph, "CPU", config).create_infer_request()

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Logits of mask and patches."""
        self.request.infer(feed, share_inputs=True)
        return [self.request.get_tensor(name).data for name in OUTPUTS]


def main() -> None:
    kind, graph, side, index, threads, precision = sys.argv[1:]
    shape = (1, 3, int(side), int(side))
    before = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    peer = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}[kind](graph, int(threads), precision)
    feed = {"image": np.zeros(shape, np.float32), "modality": np.array([int(index)])}
    peer.run(feed)
    print(json.dumps({"version": peer.version, "before_mib": before}), flush=True)
    for line in sys.stdin:
        ask, *rest = line.split()
        if ask == "run":
            ms = []
            for _ in range(int(rest[0]) + 1):
                start = time.perf_counter()
                peer.run(feed)
                ms.append((time.perf_counter() - start) * 1e3)
            print(json.dumps({"ms": ms[1:]}), flush=True)
        else:
            feed["image"] = np.fromfile(rest[0], np.float32).reshape(shape)
            np.concatenate([y.ravel() for y in peer.run(feed)]).tofile(rest[1])
            print("{}", flush=True)


if __name__ == "__main__":
    main()
