//! Whether pictures that show something are told from those that show nothing: figures of a modality, and of its sources.

use std::collections::BTreeMap;

use serde::Serialize;

use super::summary::PictureRow;

/// Of pictures of one modality that has some without a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Modality by the model's name.
    pub modality: String,
    /// Over all of them.
    #[serde(flatten)]
    pub all: DetectionFigures,
    /// By data set.
    pub sources: BTreeMap<String, DetectionFigures>,
}

/// How far two sorts of pictures are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetectionFigures {
    /// Pictures with a target.
    pub targets: usize,
    /// Share of those on which anything was marked; `None` without any.
    pub sensitivity: Option<f64>,
    /// Pictures without one.
    pub empty: usize,
    /// Share of those on which something was marked.
    pub empty_marked: Option<f64>,
    /// Chance that a picture with a target has a higher presence score than one without, ties half (Mann and Whitney, Ann.
    /// Math. Stat. 18, 1947). Of a source that has one sort alone: against the modality's other sort. `None` without scores.
    pub roc_area: Option<f64>,
}

/// Of every modality that has pictures without a target, in the order of names.
#[must_use]
pub fn detections(pictures: &[PictureRow]) -> Vec<Detection> {
    let mut modalities: BTreeMap<&str, Vec<&PictureRow>> = BTreeMap::new();
    for picture in pictures {
        let mine = modalities.entry(&picture.modality).or_default();
        mine.push(picture);
    }
    let with_empty = modalities
        .into_iter()
        .filter(|(_, mine)| mine.iter().any(|picture| picture.empty));
    with_empty
        .map(|(name, mine)| detection(name, &mine))
        .collect()
}

fn detection(modality: &str, pictures: &[&PictureRow]) -> Detection {
    let mut sources: BTreeMap<String, Vec<&PictureRow>> = BTreeMap::new();
    for picture in pictures {
        let mine = sources.entry(picture.dataset.clone()).or_default();
        mine.push(picture);
    }
    let of_source = |(name, mine): (String, Vec<&PictureRow>)| (name, figures(&mine, pictures));
    Detection {
        modality: modality.into(),
        all: figures(pictures, pictures),
        sources: sources.into_iter().map(of_source).collect(),
    }
}

/// Of these pictures; the modality's others stand for a sort that is not among them.
fn figures(pictures: &[&PictureRow], others: &[&PictureRow]) -> DetectionFigures {
    let of = |empty: bool| move |picture: &&&PictureRow| picture.empty == empty;
    let marked = |empty: bool| {
        let all = pictures.iter().filter(of(empty)).count();
        let some = pictures.iter().filter(of(empty)).filter(|p| p.marked);
        (all, (all > 0).then(|| some.count() as f64 / all as f64))
    };
    let scores = |empty: bool| -> Vec<f32> {
        let from = match pictures.iter().any(|picture| picture.empty == empty) {
            true => pictures,
            false => others,
        };
        let scores = from.iter().filter(of(empty));
        scores.filter_map(|p| Some(p.presence?.score)).collect()
    };
    let ((targets, sensitivity), (empty, empty_marked)) = (marked(false), marked(true));
    DetectionFigures {
        targets,
        sensitivity,
        empty,
        empty_marked,
        roc_area: area(&scores(false), &scores(true)),
    }
}

fn area(present: &[f32], empty: &[f32]) -> Option<f64> {
    let pairs = present.len() as f64 * empty.len() as f64;
    let won = |score: &f32| -> f64 {
        let against = empty.iter().map(|other| match score.total_cmp(other) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        });
        against.sum()
    };
    (pairs > 0.0).then(|| present.iter().map(won).sum::<f64>() / pairs)
}

#[cfg(test)]
mod tests {
    use picture::mask::presence::{Presence, PresenceState};

    use super::*;

    fn row(dataset: &str, empty: bool, marked: bool, score: Option<f32>) -> PictureRow {
        let state = PresenceState::Present;
        PictureRow {
            dataset: dataset.into(),
            modality: "ultrasound".into(),
            empty,
            marked,
            presence: score.map(|score| Presence { score, state }),
            ..PictureRow::default()
        }
    }

    #[test]
    fn sorts_are_told_apart_within_a_source_or_against_the_others() {
        let x_ray = PictureRow {
            modality: "x-ray".into(),
            ..row("chest", false, true, None)
        };
        let pictures = [
            row("both", false, true, Some(0.9)),
            row("both", false, false, Some(0.5)),
            row("both", true, false, Some(0.5)),
            row("both", true, true, Some(0.7)),
            row("empties", true, true, Some(0.8)),
            row("empties", true, false, Some(0.1)),
            x_ray,
        ];
        let found = detections(&pictures);
        assert_eq!(found.len(), 1, "no chest is without lungs");
        let all = found[0].all;
        assert_eq!((all.targets, all.sensitivity), (2, Some(0.5)));
        assert_eq!((all.empty, all.empty_marked), (4, Some(0.5)));
        // 0.9 is above all four; 0.5 above one, equal to one.
        assert_eq!(all.roc_area, Some((4.0 + 1.5) / 8.0));
        assert_eq!(found[0].sources["both"].roc_area, Some((2.0 + 0.5) / 4.0));
        let empties = found[0].sources["empties"];
        assert_eq!((empties.targets, empties.sensitivity), (0, None));
        assert_eq!(empties.roc_area, Some((2.0 + 1.0) / 4.0));
    }

    #[test]
    fn without_scores_there_is_no_area_but_the_rest() {
        let pictures = [row("a", false, true, None), row("a", true, true, None)];
        let found = detections(&pictures)[0].all;
        assert_eq!((found.roc_area, found.empty_marked), (None, Some(1.0)));
        assert_eq!(detections(&pictures[..1]), []);
    }
}
