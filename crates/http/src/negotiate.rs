//! Which representation of the result a client gets: `format=` first, else `Accept` (RFC 9110 §12.5.1).

use picture::report::Form;

/// What `Accept` alone can ask for, in this server's order of preference: of each media type, the first form.
fn offers() -> impl DoubleEndedIterator<Item = Form> + Clone {
    let first = |form: Form| {
        Form::ALL
            .iter()
            .find(|other| other.media_type() == form.media_type())
    };
    let forms = Form::ALL.iter().copied();
    forms.filter(move |form| first(*form) == Some(form))
}

/// The best offer for an `Accept` header; `None` where none is acceptable. No header, or an empty one, takes all.
///
/// Each offer has the weight of the most specific range that matches it; the highest weight above 0 wins, and among
/// equals this server's order. Ranges that are not well-formed are passed over.
pub fn best_of(accept: &str) -> Option<Form> {
    if accept.trim().is_empty() {
        return offers().next();
    }
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(Range::parse).collect();
    let weight = |offer: Form| {
        let matching = ranges
            .iter()
            .filter_map(|range| Some((range.specificity(offer.media_type())?, range.weight)));
        matching
            .max_by_key(|(specificity, _)| *specificity)
            .map_or(0, |(_, weight)| weight)
    };
    // `max_by_key` takes the last among equals: walk from the least preferred.
    offers()
        .rev()
        .map(|offer| (weight(offer), offer))
        .max_by_key(|(weight, _)| *weight)
        .filter(|(weight, _)| *weight > 0)
        .map(|(_, offer)| offer)
}

/// One element of `Accept`: `type/subtype;q=0.8`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Thousandths, 0..=1000.
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        if kind.is_empty() || subtype.is_empty() || (kind == "*" && subtype != "*") {
            return None;
        }
        let mut weight = 1000;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            if name.eq_ignore_ascii_case("q") {
                weight = thousandths(value)?;
            }
        }
        Some(Self {
            kind,
            subtype,
            weight,
        })
    }

    /// How closely this range names `media_type`; `None` if it does not.
    fn specificity(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (own, "*") if own.eq_ignore_ascii_case(kind) => Some(1),
            (own, sub) if own.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => {
                Some(2)
            }
            _ => None,
        }
    }
}

/// `qvalue` of RFC 9110 §12.4.2 (0 to 1, at most three decimals), in thousandths.
fn thousandths(qvalue: &str) -> Option<u16> {
    let (whole, decimals) = qvalue.split_once('.').unwrap_or((qvalue, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction = format!("{decimals:0<3}").parse::<u16>().ok()?;
    match (whole, fraction) {
        ("0", _) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accept_is_weighed_as_rfc_9110_says() {
        for (accept, expected) in [
            ("", Some(Form::Json)),
            ("*/*", Some(Form::Json)),
            ("application/json", Some(Form::Json)),
            ("APPLICATION/JSON", Some(Form::Json)),
            ("image/png", Some(Form::Png)),
            ("image/jpeg", Some(Form::OverlayJpeg)),
            ("image/*", Some(Form::Png)),
            ("image/*;q=0.5, image/jpeg", Some(Form::OverlayJpeg)),
            ("application/json;q=0.4, image/png;q=0.5", Some(Form::Png)),
            ("application/json, image/png", Some(Form::Json)),
            // The more specific range decides even where it weighs less (§12.5.1).
            ("*/*, application/json;q=0", Some(Form::Png)),
            ("image/png;q=0, image/*", Some(Form::OverlayJpeg)),
            // What browsers send.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
                Some(Form::Json),
            ),
            (
                "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
                Some(Form::Png),
            ),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=1.5", None),
            ("*/png", None),
            ("nonsense, image/png", Some(Form::Png)),
        ] {
            assert_eq!(best_of(accept), expected, "Accept: {accept}");
        }
    }

    #[test]
    fn one_form_is_offered_of_each_media_type() {
        let offered: Vec<_> = offers().collect();
        assert_eq!(
            offered,
            [
                Form::Json,
                Form::Png,
                Form::OverlayJpeg,
                Form::GeoJson,
                Form::Svg,
                Form::Seg,
            ]
        );
    }

    proptest! {
        #[test]
        fn any_header_is_answered_without_panic(accept in "[ -~]{0,80}") {
            let _ = best_of(&accept);
        }

        #[test]
        fn weights_keep_their_order(a in 0u16..=1000, b in 0u16..=1000) {
            let q = |weight: u16| format!("{}.{:03}", weight / 1000, weight % 1000);
            prop_assert_eq!(thousandths(&q(a)), Some(a));
            let chosen = best_of(&format!("image/png;q={}, image/jpeg;q={}", q(a), q(b)));
            let expected = if a == 0 && b == 0 { None } else if a >= b { Some(Form::Png) } else { Some(Form::OverlayJpeg) };
            prop_assert_eq!(chosen, expected);
        }
    }
}
