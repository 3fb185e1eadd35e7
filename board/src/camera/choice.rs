//! Which of the formats and sizes that a camera offers comes nearest to what is wished for.

use std::cmp::Ordering;

use video::source::Encoding;

use super::format::{CameraMode, OfferedFormat, OfferedSize, PixelCode};

/// What a camera's pictures should be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CameraWish {
    /// How they come; `None`: as suits best.
    pub encoding: Option<Encoding>,
    /// Columns, rows.
    pub size: [u32; 2],
    /// Pictures a second, at least.
    pub fps: f32,
}

impl Default for CameraWish {
    /// Wide, since grabbers squeeze a wide picture into any size that they are asked for.
    fn default() -> Self {
        Self {
            encoding: None,
            size: [1280, 720],
            fps: 30.0,
        }
    }
}

/// The mode that comes nearest: first in its encoding, then in size, then in rate, then by what costs least to read;
/// `None` if no format is one that is read here.
#[must_use]
pub fn choose(offers: &[OfferedFormat], wish: &CameraWish) -> Option<CameraMode> {
    let candidates = offers.iter().flat_map(|format| {
        let unsaid = format.sizes.is_empty().then_some(CameraMode {
            code: format.code,
            size: wish.size,
            fps: Some(wish.fps),
        });
        let said = format
            .sizes
            .iter()
            .map(|size| nearest(format.code, size, wish));
        said.chain(unsaid)
    });
    candidates
        .filter_map(|choice| Some((Distance::of(&choice, wish)?, choice)))
        .min_by(|(a, _), (b, _)| a.compare(b))
        .map(|(_, choice)| choice)
}

/// The size and rate nearest to the wish within one offer.
fn nearest(code: PixelCode, offer: &OfferedSize, wish: &CameraWish) -> CameraMode {
    let side = |i: usize| {
        let (smallest, step) = (offer.smallest[i], offer.step[i].max(1));
        let largest = offer.largest[i].max(smallest);
        let wanted = wish.size[i].clamp(smallest, largest);
        let down = (wanted - smallest) / step * step + smallest;
        // The next above, if it is nearer and there is one.
        match down.checked_add(step).filter(|up| *up <= largest) {
            Some(up) if up - wanted < wanted - down => up,
            _ => down,
        }
    };
    CameraMode {
        code,
        size: [side(0), side(1)],
        fps: nearest_rate(offer, wish.fps),
    }
}

/// The rate that is wished for, or else the next above, or else the fastest.
fn nearest_rate(offer: &OfferedSize, wished: f32) -> Option<f32> {
    let rates = || offer.fps.iter().copied();
    let (slowest, fastest) = (rates().reduce(f32::min)?, rates().reduce(f32::max)?);
    if offer.any_between && (slowest..=fastest).contains(&wished) {
        return Some(wished);
    }
    let enough = rates().filter(|fps| *fps >= 0.99 * wished);
    enough.reduce(f32::min).or(Some(fastest))
}

/// How far a choice is from the wish.
struct Distance {
    other_encoding: bool,
    /// Columns and rows too many or too few.
    size: u64,
    /// Pictures a second too few.
    rate: f32,
    cost: u8,
}

impl Distance {
    fn of(choice: &CameraMode, wish: &CameraWish) -> Option<Self> {
        let encoding = choice.code.encoding()?;
        let apart = |i: usize| u64::from(choice.size[i].abs_diff(wish.size[i]));
        let rate = choice.fps.map_or(0.0, |fps| (wish.fps - fps).max(0.0));
        Some(Self {
            other_encoding: wish.encoding.is_some_and(|wanted| wanted != encoding),
            size: apart(0) + apart(1),
            // 29.97 is 30.
            rate: if rate < 0.01 * wish.fps { 0.0 } else { rate },
            cost: match encoding {
                Encoding::Yuyv => 0,
                Encoding::Nv12 => 1,
                Encoding::Jpeg => 2,
                // Has lost its colours.
                _ => 3,
            },
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.other_encoding.cmp(&other.other_encoding))
            .then(self.size.cmp(&other.size))
            .then(self.rate.total_cmp(&other.rate))
            .then(self.cost.cmp(&other.cost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(size: [u32; 2], fps: &[f32]) -> OfferedSize {
        OfferedSize {
            smallest: size,
            largest: size,
            step: [1, 1],
            fps: fps.to_vec(),
            any_between: false,
        }
    }

    fn format(code: PixelCode, sizes: Vec<OfferedSize>) -> OfferedFormat {
        OfferedFormat { code, sizes }
    }

    /// As cheap grabbers on USB 2 have it: raw pictures only few a second.
    fn grabber() -> Vec<OfferedFormat> {
        let rates = [5.0, 10.0, 20.0, 30.0, 60.0];
        let (vga, hd, full) = ([640, 480], [1280, 720], [1920, 1080]);
        vec![
            format(PixelCode(*b"H264"), vec![one(hd, &rates)]),
            format(
                PixelCode::MJPG,
                vec![one(full, &rates[..4]), one(hd, &rates), one(vga, &rates)],
            ),
            format(
                PixelCode::YUYV,
                vec![one(full, &[5.0]), one(hd, &[10.0]), one(vga, &[30.0])],
            ),
        ]
    }

    fn chosen(offers: &[OfferedFormat], wish: CameraWish) -> (PixelCode, [u32; 2], Option<f32>) {
        let choice = choose(offers, &wish).unwrap();
        (choice.code, choice.size, choice.fps)
    }

    #[test]
    fn size_goes_before_rate_and_rate_before_cost() {
        let (offers, wish) = (grabber(), CameraWish::default());
        let found = chosen(&offers, wish);
        assert_eq!(found, (PixelCode::MJPG, [1280, 720], Some(30.0)));
        let small = CameraWish {
            size: [640, 480],
            ..wish
        };
        let found = chosen(&offers, small);
        assert_eq!(found, (PixelCode::YUYV, [640, 480], Some(30.0)));
        let slow = CameraWish { fps: 8.0, ..wish };
        let found = chosen(&offers, slow);
        assert_eq!(found, (PixelCode::YUYV, [1280, 720], Some(10.0)));
        let raw = CameraWish {
            encoding: Some(Encoding::Yuyv),
            ..wish
        };
        let found = chosen(&offers, raw);
        assert_eq!(found, (PixelCode::YUYV, [1280, 720], Some(10.0)));
        let huge = CameraWish {
            size: [4000, 3000],
            fps: 25.0,
            ..wish
        };
        let found = chosen(&offers, huge);
        assert_eq!(found, (PixelCode::MJPG, [1920, 1080], Some(30.0)));
    }

    #[test]
    fn colour_goes_before_grey_and_an_odd_rate_is_no_miss() {
        let rates = [29.97];
        let offers = [
            format(PixelCode::GREY, vec![one([1280, 720], &[30.0])]),
            format(PixelCode::NV12, vec![one([1280, 720], &rates)]),
        ];
        let found = chosen(&offers, CameraWish::default());
        assert_eq!(found, (PixelCode::NV12, [1280, 720], Some(29.97)));
    }

    #[test]
    fn ranges_are_kept_to_and_what_is_not_said_is_asked_for() {
        let mut range = one([16, 16], &[]);
        (range.largest, range.step) = ([1000, 4000], [32, 7]);
        let found = chosen(
            &[format(PixelCode::GREY, vec![range])],
            CameraWish::default(),
        );
        // 16 + 30 × 32 = 976 and 16 + 101 × 7 = 723.
        assert_eq!(found, (PixelCode::GREY, [976, 723], None));
        let found = chosen(&[format(PixelCode::YUYV, vec![])], CameraWish::default());
        assert_eq!(found, (PixelCode::YUYV, [1280, 720], Some(30.0)));
    }

    #[test]
    fn any_rate_of_a_range_is_chosen_and_no_other() {
        let mut range = one([1280, 720], &[1.0, 60.0]);
        range.any_between = true;
        let offers = [format(PixelCode::YUYV, vec![range])];
        for (fps, expected) in [(30.0, 30.0), (0.5, 1.0), (60.0, 60.0), (120.0, 60.0)] {
            let wish = CameraWish {
                fps,
                ..CameraWish::default()
            };
            let found = chosen(&offers, wish);
            assert_eq!(found, (PixelCode::YUYV, [1280, 720], Some(expected)));
        }
    }

    #[test]
    fn nonsense_of_a_driver_is_no_panic() {
        let odd = OfferedSize {
            smallest: [u32::MAX, 9],
            largest: [3, u32::MAX],
            step: [0, u32::MAX],
            fps: vec![f32::NAN, f32::INFINITY, 0.0],
            any_between: true,
        };
        let found = choose(
            &[format(PixelCode::YUYV, vec![odd])],
            &CameraWish::default(),
        );
        assert_eq!(found.unwrap().size, [u32::MAX, 9]);
        assert_eq!(choose(&[], &CameraWish::default()), None);
        let unknown = [format(PixelCode(*b"H264"), vec![])];
        assert_eq!(choose(&unknown, &CameraWish::default()), None);
    }
}
