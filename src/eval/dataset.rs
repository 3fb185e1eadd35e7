//! The list of pictures and ground-truth masks: `index.csv` joined with a split.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Spellings of modalities in data lists, and the model's name for each.
const ALIASES: [(&str, &str); 2] = [("endoscopy", "colonoscopy"), ("xray", "x-ray")];

/// The list of pictures cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", path.display())]
pub struct DatasetError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

/// A picture with its ground truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Name of the picture within its data set.
    pub stem: String,
    /// Modality by the model's name.
    pub modality: String,
    /// The picture file.
    pub image: PathBuf,
    /// The mask file, of the picture's size; target where brighter than half.
    pub mask: PathBuf,
    /// What was measured on it by hand, if the data set's folder has a `measurements.csv` that lists it.
    pub measured: Option<Measured>,
}

/// A circumference measured by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Size of the stored picture's pixels, mm.
    pub pixel_mm: f64,
    /// Head circumference, mm.
    pub circumference_mm: f64,
}

/// Which cases to take.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// Folder of `index.csv`; its `image` and `mask` columns are relative to it.
    pub data: &'a Path,
    /// CSV with the columns `dataset, stem, split`.
    pub split: &'a Path,
    /// Value of the `split` column.
    pub part: &'a str,
    /// Only these data sets; empty: all.
    pub datasets: &'a [String],
}

#[derive(Deserialize)]
struct IndexRow {
    dataset: String,
    modality: String,
    stem: String,
    image: PathBuf,
    mask: PathBuf,
}

#[derive(Deserialize)]
struct SplitRow {
    dataset: String,
    stem: String,
    split: String,
}

/// The cases of a selection by data set, in the order of the index.
///
/// # Errors
/// A list that cannot be read, a data set that is in neither, and a selection of nothing.
pub fn cases(selection: &Selection<'_>) -> Result<BTreeMap<String, Vec<Case>>, DatasetError> {
    let index_path = selection.data.join("index.csv");
    let mut splits = HashMap::new();
    for SplitRow {
        dataset,
        stem,
        split,
    } in rows(selection.split)?
    {
        splits.insert((dataset, stem), split);
    }
    let mut cases: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut measured: HashMap<String, HashMap<String, Measured>> = HashMap::new();
    for row in rows::<IndexRow>(&index_path)? {
        if !selection.datasets.is_empty() && !selection.datasets.contains(&row.dataset) {
            continue;
        }
        let name = (row.dataset, row.stem);
        if splits
            .get(&name)
            .is_some_and(|split| split == selection.part)
        {
            let (dataset, stem) = name;
            if !measured.contains_key(&dataset) {
                let listed = measurements(&selection.data.join(&dataset))?;
                measured.insert(dataset.clone(), listed);
            }
            let by_hand = measured.get(&dataset).and_then(|listed| listed.get(&stem));
            cases.entry(dataset).or_default().push(Case {
                stem,
                modality: canonical(&row.modality).into(),
                image: selection.data.join(row.image),
                mask: selection.data.join(row.mask),
                measured: by_hand.copied(),
            });
        }
    }
    let missing = selection
        .datasets
        .iter()
        .find(|dataset| !cases.contains_key(*dataset));
    let message = match missing {
        Some(dataset) => format!("no pictures of '{dataset}' in part '{}'", selection.part),
        None if cases.is_empty() => format!("no pictures in part '{}'", selection.part),
        None => return Ok(cases),
    };
    Err(DatasetError {
        path: selection.split.into(),
        message,
    })
}

#[derive(Deserialize)]
struct MeasuredRow {
    stem: String,
    pixel_size_mm_here: f64,
    head_circumference_mm: f64,
}

/// `measurements.csv` of a data set's folder by stem; nothing if there is none.
fn measurements(folder: &Path) -> Result<HashMap<String, Measured>, DatasetError> {
    let path = folder.join("measurements.csv");
    if !path.exists() {
        return Ok(HashMap::new());
    }
    let measured = |row: MeasuredRow| Measured {
        pixel_mm: row.pixel_size_mm_here,
        circumference_mm: row.head_circumference_mm,
    };
    let rows = rows::<MeasuredRow>(&path)?.into_iter();
    Ok(rows.map(|row| (row.stem.clone(), measured(row))).collect())
}

/// The model's name for a modality as a data list spells it.
#[must_use]
pub fn canonical(modality: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == modality)
        .map_or(modality, |(_, name)| name)
}

fn rows<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, DatasetError> {
    let failed = |message: String| DatasetError {
        path: path.into(),
        message,
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    csv::Reader::from_reader(file)
        .into_deserialize()
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let index = "dataset,modality,stem,image,mask,width,height,source_split,patient_or_group,empty\n\
                     a,xray,1,a/1.jpg,a/1.png,8,8,,,0\n\
                     a,xray,2,a/2.jpg,a/2.png,8,8,,,0\n\
                     b,endoscopy,1,b/1.jpg,b/1.png,8,8,,,0\n";
        // The same stem lies in different parts of different data sets.
        let split = "dataset,modality,stem,patient_or_group,empty,split\na,xray,1,,0,train\na,xray,2,,0,val\n\
                     b,endoscopy,1,,0,val\n";
        std::fs::write(dir.path().join("index.csv"), index).unwrap();
        std::fs::write(dir.path().join("split.csv"), split).unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        let measured =
            "stem,pixel_size_mm_original,pixel_size_mm_here,head_circumference_mm\n1,0.1,0.2,180\n";
        std::fs::write(dir.path().join("b/measurements.csv"), measured).unwrap();
        dir
    }

    fn select(
        dir: &Path,
        part: &str,
        datasets: &[String],
    ) -> Result<BTreeMap<String, Vec<Case>>, DatasetError> {
        cases(&Selection {
            data: dir,
            split: &dir.join("split.csv"),
            part,
            datasets,
        })
    }

    #[test]
    fn pictures_are_joined_by_data_set_and_stem() {
        let dir = folder();
        let found = select(dir.path(), "val", &[]).unwrap();
        let stems = found
            .iter()
            .flat_map(|(d, cases)| cases.iter().map(move |c| (d.as_str(), c.stem.as_str())));
        let stems: Vec<_> = stems.collect();
        assert_eq!(stems, [("a", "2"), ("b", "1")]);
        assert_eq!(found["a"][0].modality, "x-ray");
        assert_eq!(found["b"][0].modality, "colonoscopy");
        assert_eq!(found["a"][0].image, dir.path().join("a/2.jpg"));
        assert_eq!(found["a"][0].measured, None);
        let by_hand = found["b"][0].measured.unwrap();
        assert_eq!((by_hand.pixel_mm, by_hand.circumference_mm), (0.2, 180.0));
    }

    #[test]
    fn a_selection_of_nothing_is_an_error() {
        let dir = folder();
        let message = select(dir.path(), "test", &[]).unwrap_err().to_string();
        assert!(message.contains("no pictures in part 'test'"), "{message}");
        let message = select(dir.path(), "val", &["c".into()])
            .unwrap_err()
            .to_string();
        assert!(message.contains("no pictures of 'c'"), "{message}");
    }
}
