//! Which part of the grey values is shown.

use std::str::FromStr;

/// A window (PS3.3, C.11.2.1.2): the values around a centre that are spread from black to white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreyWindow {
    centre: f64,
    width: f64,
}

/// Not a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window is a centre and a width of 1 at least, such as '40,400'")]
pub struct BadWindow;

impl GreyWindow {
    /// Of values as they are after rescaling (Hounsfield units, say).
    ///
    /// # Errors
    /// [`BadWindow`] where one is not finite, or the width is below 1.
    pub fn new(centre: f64, width: f64) -> Result<Self, BadWindow> {
        match centre.is_finite() && width.is_finite() && width >= 1.0 {
            true => Ok(Self { centre, width }),
            false => Err(BadWindow),
        }
    }

    /// Its middle.
    #[must_use]
    pub fn centre(self) -> f64 {
        self.centre
    }

    /// How many values it spans.
    #[must_use]
    pub fn width(self) -> f64 {
        self.width
    }
}

impl FromStr for GreyWindow {
    type Err = BadWindow;

    /// "40,400": centre, width.
    fn from_str(text: &str) -> Result<Self, BadWindow> {
        let (centre, width) = text.split_once(',').ok_or(BadWindow)?;
        let number = |text: &str| text.trim().parse().map_err(|_| BadWindow);
        Self::new(number(centre)?, number(width)?)
    }
}

/// How grey values became 0..=255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ShownAs {
    /// By the window that was asked for.
    Asked(GreyWindow),
    /// By the file's own window.
    Window,
    /// By a table in the file (VOI LUT).
    Table,
    /// All values that its bits can have.
    Bits,
    /// From the least to the greatest value of this frame, as the file does not say and has more than 8 bits.
    FrameRange,
    /// They are colours.
    Colours,
}

impl ShownAs {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked(_) => "asked-window",
            Self::Window => "window",
            Self::Table => "table",
            Self::Bits => "bits",
            Self::FrameRange => "frame-range",
            Self::Colours => "colours",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read() {
        assert_eq!("40,400".parse(), GreyWindow::new(40.0, 400.0));
        assert_eq!(" -600.5 , 1500".parse(), GreyWindow::new(-600.5, 1500.0));
        for wrong in [
            "", "40", "40,0.5", "40,-1", "nan,5", "1,inf", "1,2,3", "a,b",
        ] {
            assert_eq!(wrong.parse::<GreyWindow>(), Err(BadWindow), "{wrong}");
        }
    }
}
