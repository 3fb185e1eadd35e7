//! What devices are called, as PLUS calls its images: what it is of, `_`, what it is.

use igtl::DeviceName;

/// Longest source's name that is sent whole: with the longest ending it fills a device's name.
const WHOLE: usize = 13;

/// Names of a source's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceNames {
    /// How the source is called here.
    stem: String,
}

/// What is sent of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentKind {
    /// The label map.
    Label,
    /// The picture that it belongs to.
    Image,
    /// How the source does.
    Status,
    /// What the network said.
    Logits,
}

impl SentKind {
    fn ending(self) -> &'static str {
        match self {
            Self::Label => "_Label",
            Self::Image => "_Image",
            Self::Status => "_Status",
            Self::Logits => "_Logits",
        }
    }
}

impl DeviceNames {
    /// Of the source of that name, which has that number among all. A name that is too long is cut, and told from others by the
    /// number.
    pub fn of(source: &str, number: u64) -> Self {
        let stem = match source.len() <= WHOLE {
            true => source.into(),
            false => {
                let number = format!("~{}", number % 1000);
                let kept = source.floor_char_boundary(WHOLE - number.len());
                format!("{}{number}", &source[..kept])
            }
        };
        Self { stem }
    }

    /// Of what is sent.
    pub fn device(&self, sent: SentKind) -> DeviceName {
        DeviceName::new(&format!("{}{}", self.stem, sent.ending()))
    }

    /// Whether somebody who asks for that device means this source: by its name, by what is sent of it, or by none.
    pub fn is_meant(&self, asked: &DeviceName, sent: SentKind) -> bool {
        asked.is_empty() || asked.is(&self.stem) || *asked == self.device(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_are_each_source_s_own() {
        let probe = DeviceNames::of("probe", 1);
        assert!(probe.device(SentKind::Label).is("probe_Label"));
        let longest = DeviceNames::of("thirteen-long", 2).device(SentKind::Status);
        assert!(longest.is("thirteen-long_Status"));
        let long = |number| {
            DeviceNames::of("a-name-that-is-far-too-long", number).device(SentKind::Logits)
        };
        assert!(long(7).is("a-name-that~7_Logits"));
        assert!(long(123).is("a-name-th~123_Logits"));
        assert_ne!(long(1), long(2));
        for (asked, meant) in [
            ("", true),
            ("probe", true),
            ("probe_Logits", true),
            ("probe_Label", false),
            ("other", false),
        ] {
            assert_eq!(
                probe.is_meant(&DeviceName::new(asked), SentKind::Logits),
                meant,
                "{asked}"
            );
        }
    }
}
