"""The modality guard: a tiny classifier that says of which of the six modalities a picture is, or that it is none.

It warns when a picture is plainly not of the chosen modality, and picks one where none was chosen. It is trained on the
pool's pictures and on negatives drawn in code. Research use only, not for clinical use.

- `network`    the network, and its ONNX file
- `sources`    the pool's pictures by the hospital or archive they are from
- `negatives`  pictures of no modality
- `shifts`     pictures of the pool as other devices would show them
- `train`      batches and training
- `left_out`   each source before a network that never saw it; inverted pictures
- `thresholds` from which score on a picture is a modality's
- `figures`    what that is worth
- `measure`    writes what is shipped
"""
