//! Kinds of values (PS3.5, 6.2), as far as they are written.

/// Value representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vr {
    At,
    Cs,
    Da,
    Ds,
    Fd,
    Fl,
    Is,
    Lo,
    Lt,
    Ob,
    Pn,
    Sh,
    Sq,
    St,
    Tm,
    Uc,
    Ui,
    Ul,
    Us,
    Ut,
}

impl Vr {
    /// As it is written.
    pub fn name(self) -> [u8; 2] {
        *match self {
            Self::At => b"AT",
            Self::Cs => b"CS",
            Self::Da => b"DA",
            Self::Ds => b"DS",
            Self::Fd => b"FD",
            Self::Fl => b"FL",
            Self::Is => b"IS",
            Self::Lo => b"LO",
            Self::Lt => b"LT",
            Self::Ob => b"OB",
            Self::Pn => b"PN",
            Self::Sh => b"SH",
            Self::Sq => b"SQ",
            Self::St => b"ST",
            Self::Tm => b"TM",
            Self::Uc => b"UC",
            Self::Ui => b"UI",
            Self::Ul => b"UL",
            Self::Us => b"US",
            Self::Ut => b"UT",
        }
    }

    /// Whether its length has 32 bits and not 16 (PS3.5, 7.1.2).
    pub fn is_long(self) -> bool {
        matches!(self, Self::Ob | Self::Sq | Self::Uc | Self::Ut)
    }

    /// Most characters of one value.
    pub fn most(self) -> usize {
        match self {
            Self::Cs | Self::Ds | Self::Sh => 16,
            Self::Is => 12,
            Self::Lo | Self::Pn | Self::Ui => 64,
            Self::Da => 8,
            Self::Tm => 14,
            Self::St => 1024,
            Self::Lt => 10240,
            _ => usize::MAX,
        }
    }

    /// What fills up an odd length.
    pub fn padding(self) -> u8 {
        match self {
            Self::Ob | Self::Ui => 0,
            _ => b' ',
        }
    }
}
