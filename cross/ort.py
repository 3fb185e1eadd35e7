"""Runs a chain of ONNX graphs in onnxruntime twice, one thread: `ort.py GRAPH...`. Called by count.py, emulated.

Marks the second time's start and the end of each graph, for count.c. Each graph's inputs are the outputs of those before it, by name; else made up: noise for numbers, 0 for an index.
"""

import os
import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
sessions = [onnxruntime.InferenceSession(path, options) for path in sys.argv[1:]]
made_up = {}
for run in range(2):
    values = dict(made_up)
    if run:
        os.getppid()
    for session in sessions:
        for wanted in session.get_inputs():
            if wanted.name not in values:
                noise = np.random.default_rng(0).standard_normal(wanted.shape, np.float32)
                values[wanted.name] = noise if wanted.type == "tensor(float)" else np.zeros(wanted.shape, np.int64)
                made_up[wanted.name] = values[wanted.name]
        given = {wanted.name: values[wanted.name] for wanted in session.get_inputs()}
        values |= zip((out.name for out in session.get_outputs()), session.run(None, given), strict=True)
        if run:
            os.getppid()
