"""What training shows the network: borrowed lesions, borrowed light, and the clean view that a teacher looks at."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from espmedsam.pictures.augment import Donor, augment, views
from espmedsam.pictures.mix import ENOUGH, closeup, exchange, paste
from espmedsam.pictures.pool import Sample
from espmedsam.train.batches import Batches
from espmedsam.train.config import Config

SIDE = 64


def disc(centre, radius, inside, outside, side=SIDE):
    """(uint8 side x side x 3 of two levels, float32 mask of the disc)."""
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, centre, radius, 1, -1)
    image = np.where(mask[..., None] > 0, np.uint8(inside), np.uint8(outside)) * np.ones(3, np.uint8)
    return image, mask.astype(np.float32)


def sample(centre, radius, inside, outside, side=SIDE, modality="ultrasound"):
    """The same as the pool keeps it."""
    image, mask = disc(centre, radius, inside, outside, side)
    return Sample(image, (255 * mask).astype(np.uint8), modality)


def test_a_part_shows_the_target_or_lies_beside_it():
    rng, whole = np.random.default_rng(0), sample((40, 24), 10, 60, 100)
    for _ in range(50):
        beside, shows = closeup(whole, False, rng), closeup(whole, True, rng)
        assert not beside.mask.any() and (beside.image == 100).all() and beside.image.shape[0] < SIDE
        assert (shows.mask > 0).mean() >= ENOUGH and shows.image.shape[:2] == shows.mask.shape
    filled = sample((32, 32), 60, 60, 100)
    assert closeup(filled, False, rng) is filled


def test_a_pasted_lesion_keeps_its_contrast_and_joins_the_mask():
    image, mask = disc((16, 16), 8, 60, 100)
    donor, donor_mask = disc((44, 44), 8, 170, 130)
    mixed, both = paste(image, mask, donor, donor_mask)
    assert np.array_equal(both, np.maximum(mask, donor_mask))
    assert (mixed[16, 16] == 60).all() and (mixed[4, 60] == 100).all()
    # 40 brighter than its surroundings in the donor, so here too.
    assert np.abs(mixed[44, 44].astype(int) - 140).max() <= 1


@pytest.mark.parametrize("radius", [0, 40])
def test_nothing_and_nearly_everything_are_not_pasted(radius):
    image, mask = disc((16, 16), 8, 60, 100)
    donor, donor_mask = disc((32, 32), radius, 170, 130)
    donor_mask *= radius > 0
    mixed, both = paste(image, mask, donor, donor_mask)
    assert mixed is image and both is mask


def test_exchange_borrows_light_and_keeps_structure():
    rng = np.random.default_rng(0)
    image = rng.integers(60, 120, (SIDE, SIDE, 3)).astype(np.float32)
    assert np.abs(exchange(image, image.astype(np.uint8), np.random.default_rng(1)) - image).max() < 0.01
    red = np.full((32, 32, 3), (200, 40, 40), np.uint8)
    mixed = exchange(image, red, np.random.default_rng(1))
    assert mixed.dtype == np.float32 and mixed.flags.c_contiguous
    before, after = image.mean((0, 1)), mixed.mean((0, 1))
    assert after[0] > before[0] + 20 and after[1] < before[1] - 10
    spectra = [np.fft.fft2(v[..., 1]) for v in (image, mixed)]
    high = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE))) > 0.1
    assert np.abs(spectra[0] - spectra[1])[high].max() < 0.1
    assert np.abs(np.angle(spectra[0] / spectra[1]))[~high].max() < 0.01


@pytest.mark.parametrize("modality", ["ultrasound", "colonoscopy", "fundus"])
def test_clean_and_seen_show_the_same_place(modality):
    """A disc twice as bright as its surroundings stays where its mask is, in both views and for every draw."""
    shown = sample((110, 90), 45, 200, 100, 224, modality)
    alike = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pasted = seed % 2 == 0
        view = views(shown, 96, rng, Donor(shown, pasted, seed % 3 == 0))
        assert view.seen.shape == view.clean.shape == (96, 96, 3) and view.mask.shape == (96, 96)
        assert view.mask.min() >= 0 and view.mask.max() <= 1
        inside = cv2.erode((view.mask > 0.99).astype(np.uint8), np.ones((9, 9))) > 0
        if inside.sum() > 50:
            # A pasted disc stays 100 above its surroundings, which may be the black beside the picture.
            assert np.median(view.clean[inside]) > (99 if pasted else 150)
        if view.clean.std() == 0:  # wholly inside the disc: no place to compare
            alike += 1
            continue
        alike += np.corrcoef(view.seen.mean(2).ravel(), view.clean.mean(2).ravel())[0, 1] > 0.5
    assert alike >= 34  # gain, noise and text change much, but not the place


def test_a_draw_can_be_repeated():
    shown = sample((110, 90), 45, 200, 100, 224)
    first, second = (augment(shown, 64, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_a_lesion_may_come_from_another_data_set_and_light_from_any_of_the_modality():
    """Lesions of `bright` are set into `plain`, whose own structures are never borrowed; colours come from both."""
    cfg = Config.of(
        "base",
        side=[64],
        phase=[1.0],
        batch=8,
        lr=1e-3,
        budget=1,
        sampling={"plain": 1.0},
        paste={"plain": 1.0},
        paste_from={"plain": "bright"},
        exchange=0.5,
    )
    kinds = {"plain": (8, 60), "bright": (12, 220)}
    sets = [SimpleNamespace(dataset=name, modality="ultrasound") for name in kinds]
    samples = [sample((32, 32), radius, inside, 40) for radius, inside in kinds.values()]
    pool = SimpleNamespace(items=sets, sample=samples.__getitem__, by_dataset={"plain": [0], "bright": [1]})
    batches, rng = Batches(pool, cfg), np.random.default_rng(0)
    donors = [batches.donor("plain", "ultrasound", rng) for _ in range(20)]
    assert all(d.paste and d.sample is samples[1] for d in donors) and {d.exchange for d in donors} == {True, False}
    with pytest.raises(SystemExit, match="nowhere"):
        Batches(pool, replace(cfg, drawing=replace(cfg.drawing, paste_from={"plain": "nowhere"})))
    batches = Batches(pool, replace(cfg, drawing=replace(cfg.drawing, paste={})))
    donors = [d for d in (batches.donor("plain", "ultrasound", rng) for _ in range(40)) if d]
    assert len(donors) < 40 and not any(d.paste for d in donors)
    assert {id(d.sample) for d in donors} == {id(s) for s in samples}


def test_what_is_far_away_is_small_and_keeps_its_mask():
    """Shares of the picture that a disc of 0.127 of it takes: some far below what a magnification of 0.7 leaves."""
    shown = sample((112, 112), 45, 200, 100, 224, "colonoscopy")
    seen = [augment(shown, 96, np.random.default_rng(seed)) for seed in range(80)]
    areas = np.array([m.mean() for _, m in seen])
    assert (areas < 0.035).sum() >= 3 and (areas > 0.1).sum() >= 20
    for picture, m in seen:
        inside = m > 0.99
        if inside.sum() > 40 and (m < 0.01).sum() > 40 and picture.std() > 25:
            assert np.median(picture[inside]) >= np.median(picture[m < 0.01])
