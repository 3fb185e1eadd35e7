//! How the queries of a window and head are shared out among threads.

use std::ops::Range;

/// Into how many tasks the queries of a window and head are divided, `most` at most: keys are laid out anew in each, so into
/// no more than it takes to keep all threads busy to the end.
pub fn parts(threads: usize, pairs: usize, most: usize) -> usize {
    if threads == 1 {
        1
    } else {
        (4 * threads).div_ceil(pairs).min(most)
    }
}

/// The `part`th of `parts` shares of `0..count`, whole blocks of queries each.
pub fn share(count: usize, part: usize, parts: usize, block: usize) -> Range<usize> {
    let size = count.div_ceil(parts).next_multiple_of(block);
    (part * size).min(count)..(part * size + size).min(count)
}
