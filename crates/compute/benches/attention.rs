//! Window attention in 8 bits beside float, over the shapes of a 224² frame, one thread, in turns in one process.
//!
//!     cargo bench --locked -p espmedsam-compute --bench attention [-- CPU]     ratio of the times for each instruction set
//!     … -- CPU float|eight SIDE,HEADS,WINDOW TIMES      runs one layer so often: for a counter of instructions

use std::time::{Duration, Instant};

use espmedsam_compute::kernels::attention::{
    HEAD, Token, TokenI8, WindowAttention, WindowAttentionI8, WindowShape, WindowWeightsI8,
};
use espmedsam_compute::kernels::{Cpu, Exec, Out, Pool, Quant, Scratch};

/// Side of the map, heads, side of a window; and how many attentions of a frame are such.
const FRAME: [([usize; 3], usize); 3] = [([28, 4, 7], 2), ([14, 5, 14], 6), ([7, 10, 7], 2)];

/// How long frames of each are taken in turn.
const TIME: Duration = Duration::from_secs(4);

/// Both attentions of one shape, and what they compute on.
struct Layer {
    float: WindowAttention,
    eight: WindowAttentionI8,
    reals: Vec<f32>,
    bytes: Vec<u8>,
    out: Vec<u8>,
}

impl Layer {
    fn new(cpu: Cpu, [side, heads, window]: [usize; 3]) -> Self {
        let shape = WindowShape {
            height: side,
            width: side,
            window,
            heads,
        };
        // Any numbers do: neither's time depends on them.
        let noise = |i: usize| ((i * 7919) % 251) as f32 / 251.0 - 0.5;
        let biases: Vec<f32> = (0..heads * window * window).map(noise).collect();
        let vectors: Vec<f32> = (0..heads * HEAD).map(noise).collect();
        let reals: Vec<f32> = (0..side * side * 3 * heads * HEAD).map(noise).collect();
        let float = Token {
            vectors: &vectors,
            bias: 0.3,
        };
        let eight = WindowWeightsI8 {
            biases: &biases,
            fineness: &vec![64.0; heads],
            value_scale: &vec![0.01; heads],
            token: Some(TokenI8 {
                keys: &vectors,
                values: &vectors,
                bias: 0.3,
            }),
            outside: None,
        };
        Self {
            float: WindowAttention::new(shape, &biases, Some(float), None),
            eight: WindowAttentionI8::new(cpu, shape, &eight),
            bytes: reals.iter().map(|x| (x * 120.0 + 128.0) as u8).collect(),
            out: vec![0; reals.len() / 3],
            reals,
        }
    }

    fn run(&mut self, exec: Exec<'_>, eight: bool) {
        let quant = Quant {
            scale: 0.01,
            zero: 128,
        };
        let out = Out::U8(quant, &mut self.out);
        if eight {
            self.eight.run(exec, &self.bytes, out);
        } else {
            self.float.run(exec, &self.reals, out);
        }
    }
}

/// What the attentions of a frame take.
fn frame(layers: &mut [(Layer, usize)], exec: Exec<'_>, eight: bool) -> Duration {
    let start = Instant::now();
    for (layer, count) in layers {
        for _ in 0..*count {
            layer.run(exec, eight);
        }
    }
    start.elapsed()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(exec: Exec<'_>) {
    let layer = |(shape, count)| (Layer::new(exec.cpu, shape), count);
    let mut layers: Vec<_> = FRAME.map(layer).into();
    let (mut pairs, start) = (Vec::new(), Instant::now());
    while start.elapsed() < TIME {
        let [float, eight] = [false, true].map(|eight| frame(&mut layers, exec, eight));
        pairs.push((float.as_secs_f64() * 1e3, eight.as_secs_f64() * 1e3));
    }
    println!(
        "{:9} float {:6.2} ms, 8 bits {:6.2} ms, ratio {:.3} (medians of {} pairs)",
        exec.cpu.name(),
        median(pairs.iter().map(|pair| pair.0)),
        median(pairs.iter().map(|pair| pair.1)),
        median(pairs.iter().map(|pair| pair.1 / pair.0)),
        pairs.len(),
    );
}

fn main() -> Result<(), String> {
    let pool = Pool::new(1).map_err(|why| why.to_string())?;
    let scratch = Scratch::new(1, 1 << 20);
    let exec = |cpu| Exec {
        cpu,
        pool: &pool,
        scratch: &scratch,
    };
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Cpu::all().into_iter().for_each(|cpu| compare(exec(cpu))),
        [name] => compare(exec(name.parse()?)),
        [name, which @ ("float" | "eight"), shape, times] => {
            let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is no number"));
            let shape: Vec<usize> = shape.split(',').map(number).collect::<Result<_, _>>()?;
            let [side, heads, window] = shape[..] else {
                return Err("a layer is SIDE,HEADS,WINDOW".into());
            };
            let exec = exec(name.parse()?);
            let mut layer = Layer::new(exec.cpu, [side, heads, window]);
            for _ in 0..number(times)? {
                layer.run(exec, which == "eight");
            }
        }
        _ => return Err("nothing, CPU, or CPU float|eight SIDE,HEADS,WINDOW TIMES".into()),
    }
    Ok(())
}
