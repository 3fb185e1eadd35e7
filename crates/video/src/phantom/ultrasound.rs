//! A B-mode picture: speckle that moves with the tissue, under a gain that stays with the probe.

use picture::frame::Frame;

use super::curves::{bump, step};
use super::grain::Grain;
use super::moment::Moment;
use super::outline::Outline;
use super::random::Random;
use super::spec::PhantomSpec;
use super::texture::{Field, Texture};

/// What the picture is taken with.
#[derive(Clone, Copy)]
pub(super) enum Probe {
    /// Sees a fan, deep: a fetal head.
    Curved,
    /// Sees what lies straight beneath it: a lesion.
    Linear,
}

/// Draws what either probe sees.
pub(super) struct Ultrasound {
    probe: Probe,
    tissue: Texture,
    /// What is inside the target; it moves with it.
    inside: Texture,
    grain: Grain,
    /// What the probe sees of each pixel, 0..1: its field, attenuation, focus.
    gain: Vec<f32>,
    /// The same of the echoes of a probe in the air, grey levels.
    air: Vec<f32>,
    line: Vec<f32>,
    inner: Vec<f32>,
}

impl Ultrasound {
    pub fn new(spec: &PhantomSpec, probe: Probe) -> Self {
        let (size, unit) = (Texture::size(spec.size), spec.size[1] as f32 / 480.0);
        let mut random = Random::new(spec.seed, 2);
        let mut noise = |x: f32, y: f32| Field::noise(size, [x * unit, y * unit], &mut random);
        // Fully developed speckle has a Rayleigh-distributed amplitude, wider across the beam than along it; the scanner
        // shows its logarithm.
        let speckle = noise(1.9, 1.0).with(&noise(1.9, 1.0), |a, b| (a * a + b * b).sqrt());
        let speckle = speckle.with(&noise(0.0, 0.0), |v, _| 0.5 * libm::logf(v.max(0.05)));
        let (tissue, inside) = match probe {
            Probe::Linear => {
                // Layers along the skin, fibres in them.
                let layers = noise(90.0, 9.0).with(&noise(26.0, 2.2), |a, b| {
                    0.32 * a + 0.45 * (b - 0.7).clamp(0.0, 1.3)
                });
                let tissue = speckle.with(&layers, |s, l| 84.0 * libm::expf(0.75 * s + l));
                (
                    tissue,
                    noise(1.9, 1.0).with(&noise(9.0, 7.0), |a, b| 17.0 + 7.0 * a + 4.0 * b),
                )
            }
            Probe::Curved => {
                let lumps = noise(45.0, 16.0).with(&noise(14.0, 5.0), |a, b| 0.5 * a + 0.3 * b);
                let tissue = speckle.with(&lumps, |s, l| 48.0 * libm::expf(0.9 * s + l));
                let brain = noise(1.9, 1.0).with(&noise(11.0, 6.0), |a, b| {
                    24.0 * libm::expf(0.45 * a + 0.35 * b)
                });
                (tissue, brain)
            }
        };
        let [width, height] = spec.size.map(|side| side as usize);
        let field = Beam::new(spec, probe);
        let pixels = || (0..height).flat_map(|y| (0..width).map(move |x| [x as f32, y as f32]));
        Self {
            probe,
            tissue: tissue.texture(|v| v),
            inside: inside.texture(|v| v),
            grain: Grain::new(spec),
            gain: pixels().map(|at| field.gain(at)).collect(),
            air: pixels().map(|at| field.air(at)).collect(),
            line: vec![0.0; width],
            inner: vec![0.0; width],
        }
    }

    pub fn paint(&mut self, moment: &Moment, canvas: &mut Frame) {
        let width = self.line.len();
        let rows = canvas.rgb_mut().chunks_exact_mut(3 * width);
        let fields = self
            .gain
            .chunks_exact(width)
            .zip(self.air.chunks_exact(width));
        for ((y, row), (gain, air)) in rows.enumerate().zip(fields) {
            if moment.on {
                self.tissue.tissue(moment, y, &mut self.line);
                if let Some(target) = &moment.target {
                    match self.probe {
                        Probe::Linear => {
                            lesion(target, &self.inside, y, &mut self.line, &mut self.inner)
                        }
                        Probe::Curved => {
                            head(target, &self.inside, y, &mut self.line, &mut self.inner);
                        }
                    }
                }
                self.line
                    .iter_mut()
                    .zip(gain)
                    .for_each(|(v, gain)| *v *= gain);
            } else {
                self.line.copy_from_slice(air);
            }
            let noise = self.grain.row(moment, y);
            for ((pixel, v), noise) in row.chunks_exact_mut(3).zip(&self.line).zip(noise) {
                // Where there is no echo the scanner shows black, not noise.
                let grey = (v + noise * (v * 0.05).min(1.0)) as u8;
                pixel.fill(grey);
            }
        }
    }
}

/// A skull, bright where the beam meets it squarely, over a brain with its midline; what is beneath lies in its shadow.
fn head(target: &Outline, brain: &Texture, y: usize, line: &mut [f32], inner: &mut [f32]) {
    let below = (y as f32 - target.centre[1]) / target.radii[1];
    shade(target, line, -0.45 * step(0.7, 1.3, below));
    let Some(stretch) = target.stretch(y, line.len()) else {
        return;
    };
    let columns = stretch.columns.clone();
    let inner = &mut inner[columns.clone()];
    brain.row(stretch.origin, y, inner);
    let [cos, sin] = target.turn;
    let along = stretch.places().zip(line[columns].iter_mut().zip(inner));
    for (uv, (value, brain)) in along {
        let level = stretch.level(uv);
        let [u, v] = uv;
        // How much of the outline's normal points along the beam.
        let [nx, ny] = [u / target.radii[0], v / target.radii[1]];
        let down = nx * sin + ny * cos;
        let square = down * down / (nx * nx + ny * ny + 1e-9);
        let bone = bump(0.9, 0.17, level) * (0.35 + 0.65 * square);
        let midline = bump(0.0, 0.05, v) * step(0.75, 0.45, u.abs());
        let within = step(1.03, 0.9, level);
        let tissue = *value;
        *value += within * (*brain * (1.0 + 2.2 * midline) - *value);
        *value += bone * (120.0 + 0.9 * tissue + *brain - 0.5 * *value);
    }
}

/// A dark hole with a bright band beneath it, as fluid makes one.
fn lesion(target: &Outline, fluid: &Texture, y: usize, line: &mut [f32], inner: &mut [f32]) {
    let below = (y as f32 - target.centre[1]) / target.radii[1];
    shade(
        target,
        line,
        0.5 * step(0.6, 1.4, below) * step(5.0, 2.0, below),
    );
    let Some(stretch) = target.stretch(y, line.len()) else {
        return;
    };
    let columns = stretch.columns.clone();
    let inner = &mut inner[columns.clone()];
    fluid.row(stretch.origin, y, inner);
    let along = stretch.places().zip(line[columns].iter_mut().zip(inner));
    for (uv, (value, fluid)) in along {
        let within = step(1.12, 0.88, stretch.level(uv));
        *value += within * (*fluid - *value);
    }
}

/// Makes the columns beneath the target brighter (or darker) by this share, most in its middle.
fn shade(target: &Outline, line: &mut [f32], share: f32) {
    if share == 0.0 {
        return;
    }
    let ([centre, _], reach) = (target.centre, 0.95 * target.radii[0]);
    for (x, value) in line.iter_mut().enumerate() {
        *value *= 1.0 + share * bump(centre, reach, x as f32);
    }
}

/// What the probe sees.
struct Beam {
    probe: Probe,
    width: f32,
    height: f32,
}

impl Beam {
    fn new(spec: &PhantomSpec, probe: Probe) -> Self {
        Self {
            probe,
            width: spec.size[0] as f32,
            height: spec.size[1] as f32,
        }
    }

    /// How deep a pixel lies, 0..1 over the picture, and whether it is in the field, 0..1.
    fn depth(&self, [x, y]: [f32; 2]) -> (f32, f32) {
        match self.probe {
            // The whole picture.
            Probe::Linear => (y / self.height, step(-1.0, 6.0, y)),
            Probe::Curved => {
                // The curved array's centre lies above the picture.
                let (across, down) = (x - self.width / 2.0, y + 0.42 * self.height);
                let radius = (across * across + down * down).sqrt() / self.height;
                let slope = across.abs() / down;
                let soft = 2.0 / self.height;
                let inside = step(0.46 - soft, 0.46 + soft, radius)
                    * step(1.4 + soft, 1.4 - soft, radius)
                    * step(0.72 + soft, 0.72 - soft, slope);
                (radius - 0.44, inside)
            }
        }
    }

    fn gain(&self, at: [f32; 2]) -> f32 {
        let (depth, inside) = self.depth(at);
        // Attenuation that the time gain does not make up for, and a focus.
        inside * (1.05 - 0.55 * depth * depth + 0.25 * bump(0.45, 0.5, depth))
    }

    fn air(&self, at: [f32; 2]) -> f32 {
        let (depth, inside) = self.depth(at);
        // Echoes between the probe's own layers, weaker with each.
        let echo = libm::sinf(std::f32::consts::TAU * depth / 0.05);
        inside * 190.0 * libm::expf(-9.0 * depth) * (0.55 + 0.45 * echo)
    }
}
