"""A folder of pictures through Ray Data, an actor for each worker: a line of JSON for each picture, to the folder OUT.

    python docs/examples/ray_folder.py FOLDER MODALITY OUT [WORKERS]

Research use only. Not for clinical use.
"""

import sys
from pathlib import Path

import ray


class Segment:
    """One worker: models of its own, one computing thread."""

    def __init__(self, modality):
        import espmedsam

        self.fault, self.modality = espmedsam.EspmedsamError, modality
        self.segmenter = espmedsam.Segmenter(threads=1)

    def __call__(self, row):
        told = {"picture": Path(row["path"]).name, "rle": "", "area_px": None, "fault": ""}
        try:
            result = self.segmenter.segment_file(row["bytes"], self.modality)
        except self.fault as fault:  # a picture that is none costs itself alone
            return told | {"fault": fault.code}
        return told | {"rle": result.report["rle"]["counts"], "area_px": result.area_px}


if __name__ == "__main__":
    folder, modality, out, *workers = sys.argv[1:]
    count = int(workers[0]) if workers else 2
    ray.init(num_cpus=count + 1, include_dashboard=False, log_to_driver=False)  # one reads and writes
    pictures = ray.data.read_binary_files(folder, include_paths=True, override_num_blocks=8 * count)
    pool = ray.data.ActorPoolStrategy(size=count)
    # A worker that dies is begun anew, and what it had not finished is done again.
    told = pictures.map(Segment, fn_constructor_args=[modality], compute=pool, max_restarts=-1, max_task_retries=-1)
    told.write_json(out)
