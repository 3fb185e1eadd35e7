"""`make demo-dicom`: an archive; loops are pushed to the program as a scanner does, and what arrives there is read back."""

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

import highdicom as hd
import numpy as np
from gateway_service import CIRCUMFERENCE_MM, Service, fetal_head, push
from peers import HAS_PEERS, ROOT, Orthanc, wait_for
from PIL import Image, ImageDraw
from pydicom import dcmread

NOTICE = "Research use only. Not for clinical use."
# A real scanner's loop, outside the repository: pushed too where it is.
HEART = Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "dicom/us_cine_sonosite_30f_ybr_jpeg.dcm"
MASKED = (80, 220, 120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, default=ROOT / "out/dicom-network.png", help="where the picture goes")
    parser.add_argument(
        "--stay", action="store_true", help="until Enter is pressed, so that one can look at the archive"
    )
    args = parser.parse_args()
    if not HAS_PEERS:
        sys.exit("make: demo-dicom needs Orthanc, and its Debian package could not be had (apt-get download orthanc)")
    loops = {"a fetal head (HC18, CC BY 4.0), 12 frames": fetal_head(12)}
    if HEART.exists():
        # No weights shipped here know hearts: it shows the way, and its masks mean nothing.
        loops["a heart, of which the model knows nothing (a scanner's own loop, JPEG), 30 frames"] = dcmread(HEART)
    with tempfile.TemporaryDirectory() as folder:
        orthanc = Orthanc(Path(folder) / "orthanc", {})
        to = f'{{ kind = "node", host = "127.0.0.1", port = {orthanc.dicom}, title = "ORTHANC" }}'
        service = Service(Path(folder) / "service", f'[[dicom.destinations]]\nname = "archive"\nto = {to}\n')
        try:
            orthanc.start()
            service.start()
            print(
                f"archive   Orthanc, ORTHANC at 127.0.0.1:{orthanc.dicom}, http://127.0.0.1:{orthanc.http}/app/explorer.html"
            )
            print(f"program   {Service.title} at 127.0.0.1:{service.dicom}, http://127.0.0.1:{service.http}/\n")
            for name, loop in loops.items():
                print(f"pushed    {name}: status {push(service, loop)[0]:04X}")
            wait_for(lambda: len(orthanc.objects("SR")) == len(loops))
            for name, loop in loops.items():
                read_back(orthanc, name, loop)
            draw(orthanc, next(iter(loops.values())), args.picture)
            print(f"\npicture   {args.picture}\n          {NOTICE}")
            if args.stay:
                input("Enter ends it ")
        finally:
            service.end()
            orthanc.end()


def of_loop(orthanc, modality, loop):
    (found,) = (ds for ds in orthanc.objects(modality) if str(loop.SOPInstanceUID) in str(ds))
    return found


def masks_of(seg, loop):
    """frames, rows, columns: those that were segmented."""
    read = hd.seg.Segmentation.from_dataset(seg)
    sources = sorted(
        frame.DerivationImageSequence[0].SourceImageSequence[0].get("ReferencedFrameNumber", 1)
        for frame in seg.PerFrameFunctionalGroupsSequence
    )
    return read.get_pixels_by_source_frame(loop.SOPInstanceUID, sources, combine_segments=True) > 0


def read_back(orthanc, name, loop):
    seg, report = of_loop(orthanc, "SEG", loop), of_loop(orthanc, "SR", loop)
    masks = masks_of(seg, loop)
    found = masks.any(axis=(1, 2)).sum()
    print(f"\nback      {name}")
    for ds in (seg, report):
        assert (ds.StudyInstanceUID, ds.PatientID) == (loop.StudyInstanceUID, loop.PatientID)
        print(f"  {ds.Modality:<8}{ds.SeriesDescription}")
    print(f"  SEG     {seg.NumberOfFrames} frames of {seg.Columns} x {seg.Rows}, a mask on {found}")
    written = io.BytesIO()
    report.save_as(written, enforce_file_format=True)
    written.seek(0)
    groups = hd.sr.srread(written).content.get_planar_roi_measurement_groups()
    measured = {}
    for measurement in (each for group in groups for each in group.get_measurements()):
        measured.setdefault((measurement.name.meaning, measurement.unit.value), []).append(measurement.value)
    for (what, unit), values in measured.items():
        known = (
            f"  (measured by hand: {CIRCUMFERENCE_MM} mm)"
            if what == "Circumference" and loop.PatientID == "HC18-230"
            else ""
        )
        print(f"  SR      {what:<14}{np.min(values):>9.1f} to {np.max(values):.1f} {unit}, {len(values)} frames{known}")


def draw(orthanc, loop, path):
    """The middle frame, and the segmentation that the archive has, over it."""
    middle = loop.NumberOfFrames // 2
    grey = loop.pixel_array[middle]
    mask = masks_of(of_loop(orthanc, "SEG", loop), loop)[middle]
    plain = np.repeat(grey[..., None], 3, axis=2)
    inner = mask & np.roll(mask, 2, 0) & np.roll(mask, -2, 0) & np.roll(mask, 2, 1) & np.roll(mask, -2, 1)
    over = plain.astype(float)
    over[mask] = 0.8 * over[mask] + 0.2 * np.array(MASKED)
    over[mask & ~inner] = MASKED
    picture = Image.fromarray(np.hstack([plain, over.astype(np.uint8)]))
    drawn = ImageDraw.Draw(picture)
    drawn.text((6, 4), "pushed: a frame of the loop", fill=(230, 230, 230))
    drawn.text((grey.shape[1] + 6, 4), "from the archive: the SEG over it", fill=MASKED)
    drawn.text((6, grey.shape[0] - 15), NOTICE, fill=(230, 230, 230))
    path.parent.mkdir(parents=True, exist_ok=True)
    # 40 shades are enough to look at.
    picture.quantize(40).save(path, optimize=True)


main()
