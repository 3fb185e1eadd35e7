//! Percent-encoding: of names in an address, and of texts in a trailer.

/// A text of which only some bytes are as they are, and the others `%XX` (RFC 3986 §2.1).
pub fn percent_encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match plain(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_encoded_but_for_what_is_plain() {
        let encoded = percent_encoded("a b/%ü", |byte| byte.is_ascii_alphanumeric());
        assert_eq!(encoded, "a%20b%2F%25%C3%BC");
    }
}
