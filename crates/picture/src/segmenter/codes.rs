use serde::Deserialize;

/// What masks mark, in codes, for who reads no words (DICOM PS3.3, C.8.20.2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkedCodes {
    /// Of which category it is: an anatomical structure, an abnormal one.
    pub category: MarkedCode,
    /// What it is.
    pub kind: MarkedCode,
    /// Where it is, if what it is does not say.
    #[serde(default)]
    pub place: Option<MarkedCode>,
}

/// A term of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkedCode {
    /// "39607008"
    pub value: String,
    /// Who gave it: "SCT" is SNOMED CT.
    pub scheme: String,
    /// What it means, in English: "Lung".
    pub meaning: String,
}

impl MarkedCodes {
    /// The terms there are.
    pub fn each(&self) -> impl Iterator<Item = &MarkedCode> {
        [&self.category, &self.kind].into_iter().chain(&self.place)
    }
}

impl MarkedCode {
    /// Whether it can be written: no part empty, of more than 64 characters (16: the scheme; PS3.5, 6.2), with a control
    /// character or a backslash.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let good = |text: &str, most| {
            let fits = (1..=most).contains(&text.chars().count());
            fits && !text.chars().any(|c| c.is_control() || c == '\\')
        };
        good(&self.value, 64) && good(&self.scheme, 16) && good(&self.meaning, 64)
    }
}
