//! Where everything is in a frame.

use super::incident::IncidentKind;
use super::outline::Outline;
use super::random::Random;
use super::spec::{Anatomy, PhantomSpec};

/// What a frame shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The frame whose noise it has: its own, or the frozen one's.
    pub sequence: u64,
    /// Where the tissue's texture begins, pixels.
    pub origin: [f32; 2],
    /// Whether the tissue is seen in a mirror: another scene has nothing in common with the first.
    pub mirrored: bool,
    /// The target, where there is one.
    pub target: Option<Outline>,
    /// Whether the probe is on the body.
    pub on: bool,
}

impl Moment {
    /// Of a frame.
    pub fn of(spec: &PhantomSpec, sequence: u64) -> Self {
        let incident = |sequence: u64| {
            let mut found = spec.incidents.iter().rev();
            found.find(|incident| incident.frames.contains(&sequence))
        };
        let mut shown = sequence;
        let mut kind = None;
        // A freeze shows the frame before it, whatever that is; each step goes back, so it ends.
        while let Some(found) = incident(shown) {
            if found.kind != IncidentKind::Freeze || found.frames.start == 0 {
                kind = Some(found.kind);
                break;
            }
            shown = found.frames.start - 1;
        }
        let scene = u64::from(kind == Some(IncidentKind::Cut));
        let time = shown as f64 / f64::from(spec.rate) * f64::from(spec.speed);
        let hand = Hand::new(spec, scene);
        let gone = matches!(kind, Some(IncidentKind::ProbeOff | IncidentKind::Empty));
        Self {
            sequence: shown,
            origin: hand.origin(time, scene > 0),
            mirrored: scene > 0,
            target: (!gone).then(|| hand.target(time)),
            on: kind != Some(IncidentKind::ProbeOff),
        }
    }
}

/// How hand and target of a scene move.
struct Hand {
    anatomy: Anatomy,
    width: f32,
    height: f32,
    /// Where in its swing each motion begins, and this scene's own measures, each 0..1.
    chance: [f32; 16],
}

impl Hand {
    fn new(spec: &PhantomSpec, scene: u64) -> Self {
        let mut random = Random::new(spec.seed, 100 + scene);
        Self {
            anatomy: spec.anatomy,
            width: spec.size[0] as f32,
            height: spec.size[1] as f32,
            chance: std::array::from_fn(|_| random.unit()),
        }
    }

    /// −1..1, so often a second.
    fn swing(&self, which: usize, hertz: f32, time: f64) -> f32 {
        let turns = f64::from(hertz) * time + f64::from(self.chance[which % 16]);
        libm::sinf(std::f32::consts::TAU * turns.fract() as f32)
    }

    /// The probe's own motion as a share of the height: it drifts, and it trembles (physiological tremor is 8 to 12 Hz).
    fn probe(&self, time: f64) -> [f32; 2] {
        let tremor = 0.0012 * self.swing(0, 9.1, time);
        [
            0.05 * self.swing(1, 0.13, time) + tremor,
            0.02 * self.swing(2, 0.21, time) + 0.0008 * self.swing(3, 10.3, time),
        ]
    }

    fn origin(&self, time: f64, mirrored: bool) -> [f32; 2] {
        let [x, y] = self.probe(time);
        let x = if mirrored { -x } else { x };
        // A scene of its own lies elsewhere in the texture: a quarter of the picture is spare on either side.
        let place = |chance: f32, side: f32| side * (0.12 + 0.26 * chance);
        [
            place(self.chance[4], self.width) - x * self.height,
            place(self.chance[5], self.height) - y * self.height,
        ]
    }

    fn target(&self, time: f64) -> Outline {
        let probe = self.probe(time);
        // Its own motion beside the tissue's: breath and drift.
        let (roam, radii, turn) = match self.anatomy {
            Anatomy::FetalHead => ([0.06, 0.03], [0.40, 0.30], 0.35),
            Anatomy::Lesion => ([0.04, 0.02], [0.22, 0.12], 0.25),
            Anatomy::Polyp => ([0.10, 0.07], [0.21, 0.19], 0.8),
        };
        let place = |axis: usize| 0.12 * (self.chance[6 + axis] - 0.5);
        let centre = [
            self.width / 2.0
                + self.height * (place(0) + probe[0] + roam[0] * self.swing(8, 0.17, time)),
            self.height * (0.52 + place(1) + probe[1] + roam[1] * self.swing(9, 0.27, time)),
        ];
        let pulse = 1.0 + 0.03 * self.swing(10, 0.4, time);
        let grown = 0.9 + 0.2 * self.chance[11];
        let angle = turn * (2.0 * self.chance[12] - 1.0 + 0.3 * self.swing(13, 0.11, time));
        Outline {
            centre,
            radii: [
                radii[0] * grown * pulse * self.height,
                radii[1] * grown / pulse * self.height,
            ],
            turn: [libm::cosf(angle), libm::sinf(angle)],
            skew: 0.08 * self.swing(14, 0.23, time),
        }
    }
}
