//! An endoscope's picture: wet, red, lit from the camera.

use picture::frame::Frame;

use super::curves::{bump, step};
use super::grain::Grain;
use super::moment::Moment;
use super::outline::Outline;
use super::random::Random;
use super::spec::PhantomSpec;
use super::texture::{Field, Texture};

/// Colour of the mucosa, and what a vessel takes from it.
const MUCOSA: [f32; 3] = [1.45, 0.86, 0.68];
const VESSEL: [f32; 3] = [0.16, 0.34, 0.34];
/// The same of a polyp.
const POLYP: [f32; 3] = [1.50, 0.80, 0.64];

/// Draws [`super::Anatomy::Polyp`].
pub(super) struct Endoscope {
    /// Brightness of the folds, vessels (0..255), and drops that shine.
    folds: Texture,
    vessels: Texture,
    glints: Texture,
    grain: Grain,
    /// The light that comes back from each pixel, 0..1; black around the picture's octagon.
    light: Vec<f32>,
    line: Scanline,
}

/// A row while it is drawn.
struct Scanline {
    folds: Vec<f32>,
    vessels: Vec<f32>,
    glints: Vec<f32>,
    /// How much of the polyp each pixel is, 0..1.
    polyp: Vec<f32>,
}

impl Endoscope {
    pub fn new(spec: &PhantomSpec) -> Self {
        let (size, unit) = (Texture::size(spec.size), spec.size[1] as f32 / 480.0);
        let mut random = Random::new(spec.seed, 3);
        let mut noise = |x: f32, y: f32| Field::noise(size, [x * unit, y * unit], &mut random);
        let folds = noise(60.0, 45.0).with(&noise(7.0, 7.0), |a, b| 118.0 + 15.0 * a + 4.0 * b);
        // Vessels run where a smooth noise passes 0, and not everywhere.
        let vessels = noise(16.0, 16.0).with(&noise(50.0, 50.0), |a, b| {
            150.0 * bump(0.0, 0.12, a) * step(0.0, 1.0, b)
        });
        let glints = noise(2.6, 1.8).with(&noise(30.0, 30.0), |a, b| {
            255.0 * step(2.7, 3.3, a + 0.4 * b)
        });
        let [width, height] = spec.size.map(|side| side as usize);
        let light = |x: usize, y: usize| {
            let across = (x as f32 + 0.5) / width as f32 - 0.5;
            let down = (y as f32 + 0.5) / height as f32 - 0.5;
            let corner = step(0.81, 0.80, across.abs() + down.abs());
            let edge = step(0.495, 0.485, across.abs().max(down.abs()));
            let far = (across + 0.06) * (across + 0.06) + (down - 0.05) * (down - 0.05);
            corner * edge / (0.82 + 2.3 * far)
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| light(x, y)));
        Self {
            folds: folds.texture(|v| v),
            vessels: vessels.texture(|v| v),
            glints: glints.texture(|v| v),
            grain: Grain::new(spec),
            light: pixels.collect(),
            line: Scanline {
                folds: vec![0.0; width],
                vessels: vec![0.0; width],
                glints: vec![0.0; width],
                polyp: vec![0.0; width],
            },
        }
    }

    pub fn paint(&mut self, moment: &Moment, canvas: &mut Frame) {
        let width = self.line.folds.len();
        let rows = canvas.rgb_mut().chunks_exact_mut(3 * width);
        // Out of the body: a dark room, the light falls on nothing near.
        let lit = if moment.on { 1.0 } else { 0.05 };
        for ((y, row), light) in rows.enumerate().zip(self.light.chunks_exact(width)) {
            let line = &mut self.line;
            self.folds.tissue(moment, y, &mut line.folds);
            self.vessels.tissue(moment, y, &mut line.vessels);
            self.glints.tissue(moment, y, &mut line.glints);
            line.polyp.fill(0.0);
            if let Some(target) = &moment.target {
                line.add(target, y);
            }
            let noise = self.grain.row(moment, y);
            let surface = line.folds.iter().zip(&line.vessels);
            let above = line.glints.iter().zip(&line.polyp);
            let seen = light.iter().zip(noise);
            let pixels = row.chunks_exact_mut(3).zip(surface).zip(above).zip(seen);
            for (((pixel, (fold, vessel)), (glint, polyp)), (light, noise)) in pixels {
                let (light, noise) = (light * lit, noise * light.min(1.0));
                for (c, sample) in pixel.iter_mut().enumerate() {
                    let colour = MUCOSA[c] + polyp * (POLYP[c] - MUCOSA[c]);
                    let vessel = 1.0 - vessel * VESSEL[c] * (1.0 / 255.0);
                    *sample = (light * (fold * colour * vessel + glint) + noise) as u8;
                }
            }
        }
    }
}

impl Scanline {
    /// A smooth dome: brighter where it faces the light, with a dark seam around it and a few drops upon it.
    fn add(&mut self, target: &Outline, y: usize) {
        let Some(stretch) = target.stretch(y, self.folds.len()) else {
            return;
        };
        let columns = stretch.columns.clone();
        let surface = self.folds[columns.clone()]
            .iter_mut()
            .zip(&mut self.vessels[columns.clone()]);
        let above = self.glints[columns.clone()]
            .iter_mut()
            .zip(&mut self.polyp[columns]);
        for ((uv, (fold, vessel)), (glint, polyp)) in stretch.places().zip(surface).zip(above) {
            let level = stretch.level(uv);
            let [u, v] = uv;
            let within = step(1.06, 0.94, level);
            let facing = (1.0 - 0.93 * level).max(0.0).sqrt();
            // Its own shadow is deepest beneath it.
            let seam = bump(1.1, 0.45, level);
            // The dome's own surface is smoother than what lies around it.
            let dome = (0.7 * *fold + 38.0) * (0.74 + 0.46 * facing - 0.14 * v);
            *fold += within * (dome - *fold);
            *fold *= 1.0 - (0.19 + 0.13 * v) * seam;
            *vessel *= 1.0 - 0.8 * within;
            *glint *= 1.0 - within;
            let spot = |x: f32, y: f32, r: f32| {
                bump(0.0, r, ((u - x) * (u - x) + (v - y) * (v - y)).sqrt())
            };
            let drops = spot(-0.28, -0.34, 0.10) + spot(0.12, -0.18, 0.06) + spot(-0.05, 0.3, 0.05);
            *glint += 300.0 * within * drops.min(1.0);
            *polyp = within;
        }
    }
}
