//! Millimetres: the right ones, or none and why.

use espmedsam_dicom::{DicomScale, ScaleNote, ScaleSource};
use picture::scale::{NoPixelSize, PixelSize, Scale};

use crate::open;
use crate::writer::{Style, Writer, small};

fn of(said: impl Fn(&mut Writer)) -> DicomScale {
    let [little, big] = [Style::Explicit, Style::BigEndian]
        .map(|style| open(&small(style, &said)).unwrap().scale());
    assert_eq!(little, big);
    little
}

/// A region: its corners, spatial format, data type, units both ways, deltas.
struct Region {
    corners: [u32; 4],
    kind: [u16; 2],
    units: [u16; 2],
    deltas: [f64; 2],
}

const TISSUE: Region = Region {
    corners: [0, 0, 15, 15],
    kind: [1, 1],
    units: [3, 3],
    deltas: [0.02, 0.03],
};

fn regions(style: Style, regions: &[Region]) -> Vec<Writer> {
    let item = |region: &Region| {
        let mut item = Writer::new(style);
        item.words(0x0018_6012, "US", &region.kind[..1]).words(
            0x0018_6014,
            "US",
            &region.kind[1..],
        );
        for (tag, corner) in [0x0018_6018, 0x0018_601a, 0x0018_601c, 0x0018_601e]
            .into_iter()
            .zip(region.corners)
        {
            item.long(tag, corner);
        }
        item.words(0x0018_6024, "US", &region.units[..1]).words(
            0x0018_6026,
            "US",
            &region.units[1..],
        );
        item.double(0x0018_602c, region.deltas[0])
            .double(0x0018_602e, region.deltas[1]);
        item
    };
    regions.iter().map(item).collect()
}

fn of_regions(said: &[Region]) -> DicomScale {
    of(|writer| {
        let items = regions(writer.style, said);
        writer.sequence(0x0018_6011, &items, false);
    })
}

fn mm(column: f64, row: f64) -> PixelSize {
    PixelSize::new([column, row]).unwrap()
}

#[test]
fn a_region_of_tissue_in_centimetres_has_millimetres() {
    let found = of_regions(&[
        Region {
            corners: [0, 0, 15, 7],
            ..TISSUE
        },
        Region {
            corners: [2, 8, 16, 16],
            deltas: [-0.01, -0.01],
            ..TISSUE
        },
    ]);
    assert_eq!(
        (found.source, found.notes.as_slice()),
        (Some(ScaleSource::UltrasoundRegions), &[][..])
    );
    assert_eq!(found.scale.within([0, 0, 16, 8]), Ok(mm(0.2, 0.3)));
    // Its last column and row are those after the last, as many machines have it.
    assert_eq!(found.scale.within([2, 8, 14, 8]), Ok(mm(0.1, 0.1)));
    assert_eq!(found.scale.within([0, 8, 2, 2]), Err(NoPixelSize::Outside));
    assert_eq!(found.scale.within([0, 6, 9, 4]), Err(NoPixelSize::Several));
}

#[test]
fn other_regions_have_none_and_it_is_said_why() {
    for (region, note) in [
        (
            Region {
                units: [4, 3],
                ..TISSUE
            },
            ScaleNote::NotCentimetres(1),
        ),
        (
            Region {
                units: [0, 0],
                ..TISSUE
            },
            ScaleNote::NotCentimetres(1),
        ),
        (
            Region {
                kind: [2, 1],
                ..TISSUE
            },
            ScaleNote::NotTissue(1),
        ),
        (
            Region {
                kind: [1, 3],
                ..TISSUE
            },
            ScaleNote::NotTissue(1),
        ),
        (
            Region {
                deltas: [0.0, 0.1],
                ..TISSUE
            },
            ScaleNote::NoDelta(1),
        ),
        (
            Region {
                deltas: [f64::NAN, 0.1],
                ..TISSUE
            },
            ScaleNote::NoDelta(1),
        ),
        (
            Region {
                deltas: [0.1, f64::INFINITY],
                ..TISSUE
            },
            ScaleNote::NoDelta(1),
        ),
    ] {
        let found = of_regions(&[region]);
        assert_eq!(found.notes, [note]);
        assert_eq!(
            found.scale.within([1, 1, 5, 5]),
            Err(NoPixelSize::NoLengths),
            "{note}"
        );
    }
}

/// One that does not fit tells that the picture is not the one that was measured: no region is believed.
#[test]
fn regions_beyond_the_picture_are_not_believed() {
    for corners in [
        [0, 0, 17, 15],
        [0, 0, 15, 40],
        [9, 0, 3, 15],
        [u32::MAX, 0, u32::MAX, 15],
    ] {
        let found = of_regions(&[TISSUE, Region { corners, ..TISSUE }]);
        assert_eq!(
            found,
            DicomScale {
                notes: vec![ScaleNote::RegionsOfAnother],
                ..DicomScale::default()
            }
        );
    }
}

#[test]
fn spacings_are_down_and_across() {
    let spacing = |tag: u32, text: &'static str| {
        of(move |writer| {
            writer.text(tag, "DS", text);
        })
    };
    for (tag, source, notes) in [
        (0x0028_0030, ScaleSource::PixelSpacing, vec![]),
        (
            0x0018_1164,
            ScaleSource::Detector,
            vec![ScaleNote::Magnified { factor: None }],
        ),
        (
            0x0018_2010,
            ScaleSource::ScannedFilm,
            vec![ScaleNote::OnFilm],
        ),
    ] {
        let found = spacing(tag, "0.5\\0.25");
        assert_eq!(
            found,
            DicomScale {
                scale: Scale::Uniform(mm(0.25, 0.5)),
                source: Some(source),
                notes
            }
        );
        for wrong in [
            "0.5", "0\\1", "-1\\1", "a\\b", "1\\2\\3", "inf\\1", "1000\\1",
        ] {
            assert_eq!(
                spacing(tag, wrong).notes,
                [ScaleNote::Contradiction],
                "{wrong}"
            );
        }
    }
    assert_eq!(of(|_| ()).notes, [ScaleNote::Unsaid]);
}

#[test]
fn what_is_magnified_says_so() {
    let found = of(|writer| {
        writer
            .text(0x0018_1114, "DS", "1.25")
            .text(0x0018_1164, "DS", "0.2\\0.2")
            .text(0x0028_0030, "DS", "0.2\\0.2");
    });
    assert_eq!(found.notes, [ScaleNote::Magnified { factor: Some(1.25) }]);
    let corrected = of(|writer| {
        writer
            .text(0x0018_1164, "DS", "0.2\\0.2")
            .text(0x0028_0030, "DS", "0.16\\0.16");
    });
    assert_eq!(
        (corrected.scale, corrected.notes),
        (Scale::Uniform(mm(0.16, 0.16)), vec![])
    );
}

#[test]
fn an_aspect_ratio_against_the_spacing_stops_it() {
    let found = |ratio: &'static str| {
        of(move |writer| {
            writer
                .text(0x0028_0030, "DS", "0.4\\0.3")
                .text(0x0028_0034, "IS", ratio);
        })
    };
    assert_eq!(found("4\\3").scale, Scale::Uniform(mm(0.3, 0.4)));
    assert_eq!(found("1\\1").notes, [ScaleNote::Contradiction]);
}

/// Groups of frames: each spacing, and whether they are shared.
#[test]
fn frames_that_disagree_have_no_millimetres() {
    let file = |shared: Option<&str>, each: &[Option<&str>]| {
        let group = |spacing: Option<&str>| {
            let mut group = Writer::new(Style::Explicit);
            if let Some(spacing) = spacing {
                let mut measures = Writer::new(Style::Explicit);
                measures.text(0x0028_0030, "DS", spacing);
                group.sequence(0x0028_9110, &[measures], true);
            }
            group
        };
        let mut writer = Writer::new(Style::Explicit);
        writer
            .text(0x0028_0008, "IS", "2")
            .pixels("MONOCHROME2", [16, 16], [8, 8]);
        writer.sequence(0x5200_9229, &[group(shared)], true);
        let each: Vec<Writer> = each.iter().map(|spacing| group(*spacing)).collect();
        writer.sequence(0x5200_9230, &each, false);
        writer.raw(0x7fe0_0010, "OB", &[0; 512]);
        open(&writer.file()).unwrap().scale()
    };
    let (one, other) = (Some("0.5\\0.5"), Some("0.6\\0.6"));
    for agreed in [
        file(one, &[]),
        file(None, &[one, one]),
        file(one, &[None, one]),
    ] {
        assert_eq!(agreed.scale, Scale::Uniform(mm(0.5, 0.5)));
        assert_eq!(agreed.source, Some(ScaleSource::PixelMeasures));
    }
    for apart in [
        file(None, &[one, other]),
        file(None, &[one, None]),
        file(None, &[None, one]),
        file(one, &[None, other]),
        file(None, &[one]),
    ] {
        assert_eq!(apart.notes, [ScaleNote::FramesDisagree]);
        assert_eq!(apart.scale, Scale::Unknown);
    }
    assert_eq!(file(None, &[None, None]).notes, [ScaleNote::Unsaid]);
}
