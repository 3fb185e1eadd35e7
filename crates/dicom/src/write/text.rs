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
    // "-1.2345678e-300" has seven characters around its digits.
    let digits = |count: usize| format!("{number:.count$e}");
    let fits = (0..=14).rev().map(digits).find(|text| text.len() <= 16);
    fits.unwrap_or(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_kind() {
        let ascii = |text, vr| value(text, vr, Characters::Ascii);
        assert_eq!(ascii(" a\\b\r\nc ", Vr::Lo), "a/b  c");
        assert_eq!(ascii("Knoten in der Schilddrüse", Vr::Sh), "Knoten in der Sc");
        assert_eq!(ascii("Drüse", Vr::Sh), "Dr?se");
        assert_eq!(value("Drüse\\", Vr::St, Characters::Unicode), "Drüse\\");
    }

    #[test]
    fn decimals_are_as_exact_as_16_characters_allow() {
        for number in [0.0, 1.5, -0.25, 0.1, 1e9, 1.0 / 3.0, -1.0 / 3.0, 1e-7 / 3.0, 1e300 / 7.0, f64::MAX, f64::MIN_POSITIVE] {
            let text = decimal(number);
            assert!(text.len() <= 16, "{text}");
            let read: f64 = text.parse().unwrap();
            assert!((read - number).abs() <= number.abs() * 1e-8, "{number} {text}");
        }
        assert_eq!(decimal(0.1), "0.1");
    }
}
