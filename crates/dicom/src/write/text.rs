//! Texts as their kind of value allows them.

use super::vr::Vr;

/// In which characters an object's texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Characters {
    /// All of Unicode (ISO_IR 192).
    Unicode,
    /// Those that every character set has: the object's own is that of its source.
    Ascii,
}

/// One value: without what would end it or the line, without what the character set lacks, no longer than it may be.
pub(super) fn value(text: &str, vr: Vr, characters: Characters) -> String {
    let allowed = |c: char| match c {
        // It would part one value from the next.
        '\\' if !matches!(vr, Vr::Lt | Vr::St | Vr::Ut) => '/',
        c if c.is_control() => ' ',
        c if characters == Characters::Ascii && !c.is_ascii() => '?',
        c => c,
    };
    text.trim().chars().take(vr.most()).map(allowed).collect()
}

/// A decimal string (DS): 16 characters at most, as exact as they allow.
pub(super) fn decimal(number: f64) -> String {
    let shortest = number.to_string();
    if shortest.len() <= 16 {
        return shortest;
    }
    // With an exponent and without, as many digits as there is room for: whichever is nearer.
    let longest =
        |write: &dyn Fn(usize) -> String| (0..=14).rev().map(write).find(|text| text.len() <= 16);
    let both = [
        longest(&|digits| format!("{number:.digits$}")),
        longest(&|digits| format!("{number:.digits$e}")),
    ];
    let error = |text: &String| {
        text.parse()
            .map_or(f64::INFINITY, |read: f64| (read - number).abs())
    };
    let nearest = both
        .into_iter()
        .flatten()
        .min_by(|a, b| error(a).total_cmp(&error(b)));
    nearest.unwrap_or(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_kind() {
        let ascii = |text, vr| value(text, vr, Characters::Ascii);
        assert_eq!(ascii(" a\\b\r\nc ", Vr::Lo), "a/b  c");
        assert_eq!(
            ascii("Knoten in der Schilddrüse", Vr::Sh),
            "Knoten in der Sc"
        );
        assert_eq!(ascii("Drüse", Vr::Sh), "Dr?se");
        assert_eq!(value("Drüse\\", Vr::St, Characters::Unicode), "Drüse\\");
    }

    #[test]
    fn decimals_are_as_exact_as_16_characters_allow() {
        for number in [
            0.0,
            1.5,
            -0.25,
            0.1,
            1e9,
            1.0 / 3.0,
            -1.0 / 3.0,
            1e-7 / 3.0,
            1e300 / 7.0,
            1e308,
            f64::MIN_POSITIVE,
        ] {
            let text = decimal(number);
            assert!(text.len() <= 16, "{text}");
            let read: f64 = text.parse().unwrap();
            assert!(
                (read - number).abs() <= number.abs() * 1e-8,
                "{number} {text}"
            );
        }
        assert_eq!(decimal(0.1), "0.1");
        assert_eq!(decimal(1.0 / 3.0), "0.33333333333333");
        assert_eq!(decimal(1e-7 / 3.0), "3.33333333333e-8");
    }
}
