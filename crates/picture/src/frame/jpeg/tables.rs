//! What segments between scans set for the scans that follow (ITU-T T.81, B.2.4): Huffman tables and the restart interval.

use super::bits::truncated;
use super::huffman::Huffman;
use super::typical::TYPICAL;
use crate::frame::error::{FrameError, damaged};

/// Tables of a class.
pub(super) const PLACES: usize = 4;

/// Nothing at first.
#[derive(Default)]
pub(super) struct Tables {
    dc: [Option<Huffman>; PLACES],
    ac: [Option<Huffman>; PLACES],
    /// Whether the file brought any.
    pub brought: bool,
    /// MCUs between restart markers, 0 for none.
    pub restart: usize,
}

impl Tables {
    /// Takes a DHT segment in (B.2.4.2).
    pub fn define(&mut self, mut body: &[u8]) -> Result<(), FrameError> {
        self.brought = true;
        while let [class_slot, rest @ ..] = body {
            let counts = rest.first_chunk::<16>().ok_or_else(truncated)?;
            let total = counts.iter().map(|c| usize::from(*c)).sum::<usize>();
            let symbols = rest.get(16..16 + total).ok_or_else(truncated)?;
            let slot = self
                .class(*class_slot)
                .get_mut(usize::from(class_slot & 15))
                .ok_or_else(|| damaged("a Huffman table's slot"))?;
            let table = Huffman::new(counts, symbols);
            *slot = Some(table.ok_or_else(|| damaged("an impossible Huffman table"))?);
            body = rest.get(16 + total..).unwrap_or_default();
        }
        Ok(())
    }

    /// The tables of K.3 take the empty places of a file that has brought none.
    pub fn complete(&mut self) {
        if self.brought {
            return;
        }
        for table in &TYPICAL {
            let huffman = Huffman::new(&table.counts, table.symbols);
            self.class(table.class_slot)[usize::from(table.class_slot & 15)] = huffman;
        }
    }

    fn class(&mut self, class_slot: u8) -> &mut [Option<Huffman>; PLACES] {
        match class_slot >> 4 {
            0 => &mut self.dc,
            _ => &mut self.ac,
        }
    }

    /// The DC table in a place.
    ///
    /// # Errors
    /// None is there.
    pub fn dc(&self, place: usize) -> Result<&Huffman, FrameError> {
        table(&self.dc, place)
    }

    /// The AC table in a place.
    ///
    /// # Errors
    /// None is there.
    pub fn ac(&self, place: usize) -> Result<&Huffman, FrameError> {
        table(&self.ac, place)
    }
}

fn table(class: &[Option<Huffman>; PLACES], place: usize) -> Result<&Huffman, FrameError> {
    let table = class.get(place).and_then(Option::as_ref);
    table.ok_or_else(no_table)
}

pub(super) fn no_table() -> FrameError {
    damaged("the JPEG lacks a Huffman table")
}
