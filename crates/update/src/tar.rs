//! The one form of tar (POSIX.1-1988 `ustar`) that a package has: for a name and a size there is one header, byte for byte.
//! Whatever differs is refused, so links, long names, sparse files and every other extension are, and any `tar` can list a
//! package all the same.

use crate::error::PackageError;

/// Bytes of a header; what follows it is filled up to a multiple of this.
pub(crate) const BLOCK: usize = 512;
/// Longest name.
pub(crate) const NAME: usize = 100;
/// Two empty blocks end it.
pub(crate) const END: usize = 2 * BLOCK;

pub(crate) type Block = [u8; BLOCK];

// Where things are in a header: POSIX.1-1988, 10.1.1.
const SIZE_AT: usize = 124;
const SUM_AT: usize = 148;
const KIND_AT: usize = 156;
const MAGIC_AT: usize = 257;

/// The header of a file: its name within [`NAME`], its size within eleven octal digits (8 GiB), as every list sees to.
pub(crate) fn header(name: &str, size: u64) -> Block {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (place, byte) in block.iter_mut().skip(at).zip(text) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\x000000000\x000000000\x00"); // mode, user, group
    put(
        SIZE_AT,
        format!("{size:011o}\x0000000000000\x00").as_bytes(),
    ); // and time
    put(SUM_AT, b"        ");
    put(KIND_AT, b"0");
    put(MAGIC_AT, b"ustar\x0000");
    put(329, b"0000000\x000000000\x00"); // device
    let sum = format!("{:06o}\x00 ", sum(&block));
    block[SUM_AT..KIND_AT].copy_from_slice(sum.as_bytes());
    block
}

/// Bytes that fill a file of this size up.
pub(crate) fn padding(size: u64) -> usize {
    let over = (size % BLOCK as u64) as usize;
    (BLOCK - over) % BLOCK
}

/// The sum of a header's bytes, with blanks for the sum itself.
fn sum(block: &Block) -> u32 {
    let inside = |at: &usize| (SUM_AT..KIND_AT).contains(at);
    let bytes = block.iter().enumerate();
    bytes
        .map(|(at, byte)| u32::from(if inside(&at) { b' ' } else { *byte }))
        .sum()
}

/// Octal digits, and then an end.
fn octal(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?;
    let digits = text.trim_end_matches(['\0', ' ']);
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| u64::from_str_radix(digits, 8).ok()).flatten()
}

/// What a header says its file's size is.
pub(crate) fn size(block: &Block) -> Option<u64> {
    octal(&block[SIZE_AT..SIZE_AT + 12])
}

/// What a header says its file is called, fit for a terminal.
fn name(block: &Block) -> String {
    let name = block[..NAME].split(|byte| *byte == 0).next();
    name.unwrap_or_default().escape_ascii().to_string()
}

/// Whether this is the header of that file; if not, what is wrong with it, the gravest first.
pub(crate) fn check(block: &Block, expected: &str, bytes: u64) -> Result<(), PackageError> {
    if *block == header(expected, bytes) {
        return Ok(());
    }
    let file = expected.to_owned();
    if block.iter().all(|byte| *byte == 0) {
        return Err(PackageError::Missing { file });
    }
    if octal(&block[SUM_AT..KIND_AT]) != Some(u64::from(sum(block))) {
        return Err(PackageError::Damaged { at: file });
    }
    let found = name(block);
    if block[KIND_AT] != b'0' {
        return Err(PackageError::NotPlain {
            file: found,
            kind: block[KIND_AT].escape_ascii().to_string(),
        });
    }
    if found != expected {
        return Err(PackageError::OtherFile {
            expected: file,
            found,
        });
    }
    match size(block) {
        Some(found) if found != bytes => Err(PackageError::Size {
            file,
            listed: bytes,
            found,
        }),
        _ => Err(PackageError::Header { file }),
    }
}
