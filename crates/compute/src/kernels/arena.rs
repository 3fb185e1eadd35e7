//! One piece of memory for all values of a program, and typed views into it.

#![allow(unsafe_code)]

use super::lines::{CacheLine, LINE};

/// A value that is read.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// Bytes.
    U8(&'a [u8]),
    /// Integers.
    I64(&'a [i64]),
}

/// A value that is written.
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// Floats.
    F32(&'a mut [f32]),
    /// Bytes.
    U8(&'a mut [u8]),
}

/// Part of an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First byte, a multiple of 64.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
    /// Floats, else bytes.
    pub floats: bool,
}

impl Extent {
    /// Length in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.len * if self.floats { 4 } else { 1 }
    }

    fn end(&self) -> usize {
        self.offset + self.bytes()
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.len > 0 && other.len > 0 && self.offset < other.end() && other.offset < self.end()
    }
}

/// Cache-line-aligned memory that grows when asked to and never shrinks.
#[derive(Debug, Default)]
pub struct Arena {
    lines: Vec<CacheLine>,
}

/// What [`Arena::split`] gives: values read, the value written, and floats to work with.
#[derive(Debug)]
pub struct Split<'a, const N: usize> {
    /// As many as places were given; the rest is empty.
    pub reads: [Value<'a>; N],
    /// The output.
    pub write: ValueMut<'a>,
    /// Working memory.
    pub work: &'a mut [f32],
}

impl Arena {
    /// At least `bytes` long from now on.
    pub fn reserve(&mut self, bytes: usize) {
        if bytes > self.lines.len() * LINE {
            // Built anew, not grown: growing would hold both, and content need not survive.
            self.lines = Vec::new();
            self.lines = CacheLine::zeros(bytes);
        }
    }

    /// The value at a place.
    ///
    /// # Panics
    /// If it reaches past the end.
    #[must_use]
    pub fn read(&self, place: Extent) -> Value<'_> {
        self.check(place);
        // SAFETY: inside the arena and aligned (checked); every bit pattern is a valid float or byte; `&self` keeps
        // writers away.
        unsafe { self.view(place) }
    }

    /// Copies the value at a place to another of the same size.
    ///
    /// # Panics
    /// If one reaches past the end, or their sizes differ.
    pub fn copy(&mut self, from: Extent, to: Extent) {
        self.check(from);
        self.check(to);
        assert_eq!(from.bytes(), to.bytes());
        // Whole lines: every value begins one, so that what follows a value's end belongs to nobody.
        let lines = from.bytes().div_ceil(LINE);
        let first = from.offset / LINE;
        self.lines
            .copy_within(first..first + lines, to.offset / LINE);
    }

    /// Views of several places at once. `work` is a place of floats.
    ///
    /// # Panics
    /// If one reaches past the end, or `write` or `work` overlaps another.
    pub fn split<const N: usize>(
        &mut self,
        reads: [Option<Extent>; N],
        write: Extent,
        work: Extent,
    ) -> Split<'_, N> {
        assert!(work.floats && !work.overlaps(&write));
        self.check(write);
        self.check(work);
        for read in reads.iter().flatten() {
            self.check(*read);
            assert!(!read.overlaps(&write) && !read.overlaps(&work));
        }
        let base = self.lines.as_mut_ptr().cast::<u8>();
        // SAFETY: all places are inside the arena and aligned (checked), what is written overlaps nothing else
        // (asserted), and `&mut self` is held as long as the views; every bit pattern is a valid float or byte.
        unsafe {
            Split {
                reads: reads.map(|place| place.map_or(Value::U8(&[]), |place| self.view(place))),
                write: if write.floats {
                    let start = base.add(write.offset).cast();
                    ValueMut::F32(std::slice::from_raw_parts_mut(start, write.len))
                } else {
                    let start = base.add(write.offset);
                    ValueMut::U8(std::slice::from_raw_parts_mut(start, write.len))
                },
                work: std::slice::from_raw_parts_mut(base.add(work.offset).cast(), work.len),
            }
        }
    }

    fn check(&self, place: Extent) {
        assert!(place.offset.is_multiple_of(LINE) && place.end() <= self.lines.len() * LINE);
    }

    /// # Safety
    /// The place is inside the arena and aligned, and nothing writes it while the view lives.
    unsafe fn view<'a>(&self, place: Extent) -> Value<'a> {
        let base = self.lines.as_ptr().cast::<u8>();
        // SAFETY: the caller's promise.
        unsafe {
            if place.floats {
                let start = base.add(place.offset).cast();
                Value::F32(std::slice::from_raw_parts(start, place.len))
            } else {
                Value::U8(std::slice::from_raw_parts(
                    base.add(place.offset),
                    place.len,
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: usize, len: usize, floats: bool) -> Extent {
        Extent {
            offset,
            len,
            floats,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut arena = Arena::default();
        arena.reserve(1000);
        let (a, b) = (place(0, 16, true), place(64, 100, false));
        let views = arena.split([], a, place(0, 0, true));
        let ValueMut::F32(write) = views.write else {
            panic!("floats were asked")
        };
        write.fill(1.5);
        let views = arena.split([Some(a)], b, place(192, 16, true));
        let (Value::F32(read), ValueMut::U8(write)) = (views.reads[0], views.write) else {
            panic!("floats and bytes were asked")
        };
        write.fill(read[15] as u8);
        assert_eq!(views.work.len(), 16);
        assert!(matches!(arena.read(b), Value::U8(bytes) if bytes == [1; 100]));
    }

    #[test]
    #[should_panic(expected = "overlaps")]
    fn overlapping_places_are_refused() {
        let mut arena = Arena::default();
        arena.reserve(1000);
        let _ = arena.split(
            [Some(place(0, 17, true))],
            place(64, 1, false),
            place(0, 0, true),
        );
    }

    #[test]
    #[should_panic(expected = "place.end()")]
    fn a_place_past_the_end_is_refused() {
        let mut arena = Arena::default();
        arena.reserve(64);
        let _ = arena.read(place(0, 65, false));
    }
}
