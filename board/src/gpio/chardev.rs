//! Linux's character device (`/dev/gpiochip*`, uAPI v2, since Linux 5.10), the chip found by its label.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::chip::Chip;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, EventClock, Value};
use picture::segmenter::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::chips::{CONSUMER, GpioChip, labelled};
use super::error::GpioError;
use super::lines::{Edge, EdgeNumbers, PanelLines};
use super::pins::{PinMap, Pull, SwitchPin};
use super::role::LampRole;

/// Edges that the kernel keeps until they are read.
const KEPT_EDGES: u32 = 64;

/// The chips that this process may open.
///
/// # Errors
/// [`GpioError::Line`] if there is no telling.
pub fn gpio_chips() -> Result<Vec<GpioChip>, GpioError> {
    let paths = gpiocdev::chip::chips().map_err(|error| GpioError::line("/dev", error))?;
    let chip = |path: PathBuf| {
        let chip = Chip::from_path(&path).ok()?;
        let info = chip.info().ok()?;
        let lines = chip.line_info_iter().into_iter().flatten().flatten();
        let used = lines.filter(|line| line.used);
        Some(GpioChip {
            path,
            label: info.label,
            lines: info.num_lines,
            used: used.map(|line| (line.offset, line.consumer)).collect(),
        })
    };
    Ok(paths.into_iter().filter_map(chip).collect())
}

/// Lines of a chip.
pub(super) struct ChardevLines {
    lamps: Vec<(LampRole, Request)>,
    switch: Option<Request>,
    numbers: EdgeNumbers,
    clock: Arc<dyn Clock>,
    debounce: Duration,
}

impl ChardevLines {
    /// Asks for a map's lines; its lamps are dark then.
    ///
    /// # Errors
    /// [`GpioError`].
    pub fn open(map: &PinMap, clock: Arc<dyn Clock>) -> Result<Self, GpioError> {
        let chips = gpio_chips()?;
        let chip = labelled(&chips, &map.chip)?;
        let refused = |name: &str, line: u32, error| {
            GpioError::line(format!("line {line} of {}, for '{name}'", map.chip), error)
        };
        let lamps: Result<Vec<_>, _> = (map.lamps())
            .map(|(role, pin)| {
                let mut line = Request::builder();
                line.on_chip(&chip.path)
                    .with_consumer(CONSUMER)
                    .with_line(pin.line);
                line.as_output(Value::Inactive);
                if pin.active_low {
                    line.as_active_low();
                }
                let line = line.request();
                let line = line.map_err(|error| refused(role.name(), pin.line, error))?;
                Ok((role, line))
            })
            .collect();
        let mut debounce = Duration::ZERO;
        let switch = match map.trigger {
            None => None,
            Some(pin) => Some(match switch(chip, pin, pin.debounce()) {
                Ok(line) => line,
                // A chip, or a kernel, that cannot let it settle: it is done here.
                Err(_) => {
                    debounce = pin.debounce();
                    switch(chip, pin, Duration::ZERO)
                        .map_err(|error| refused("trigger", pin.line, error))?
                }
            }),
        };
        Ok(Self {
            lamps: lamps?,
            switch,
            numbers: EdgeNumbers::default(),
            clock,
            debounce,
        })
    }
}

fn switch(chip: &GpioChip, pin: SwitchPin, debounce: Duration) -> gpiocdev::Result<Request> {
    let mut line = Request::builder();
    line.on_chip(&chip.path)
        .with_consumer(CONSUMER)
        .with_line(pin.line);
    line.as_input()
        .with_edge_detection(EdgeDetection::BothEdges)
        .with_event_clock(EventClock::Monotonic)
        .with_kernel_event_buffer_size(KEPT_EDGES);
    if pin.active_low {
        line.as_active_low();
    }
    if !debounce.is_zero() {
        line.with_debounce_period(debounce);
    }
    match pin.pull {
        Pull::Up => line.with_bias(Bias::PullUp),
        Pull::Down => line.with_bias(Bias::PullDown),
        Pull::External => &mut line,
    };
    line.request()
}

impl PanelLines for ChardevLines {
    fn set(&self, lamp: LampRole, lit: bool) -> Result<(), GpioError> {
        let found = self.lamps.iter().find(|(role, _)| *role == lamp);
        let Some((_, line)) = found else {
            return Ok(());
        };
        let value = match lit {
            true => Value::Active,
            false => Value::Inactive,
        };
        line.set_lone_value(value)
            .map_err(|error| GpioError::line(format!("the lamp '{}'", lamp.name()), error))
    }

    fn wait(&self, at_most: Duration) -> Result<Option<Edge>, GpioError> {
        let Some(line) = &self.switch else {
            // Whoever waits for a switch that is not there waits for nothing.
            self.clock.sleep_until(self.clock.now() + at_most);
            return Ok(None);
        };
        let time = Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(line, PollFlags::IN)], Some(&time)) {
            // By a signal (the process's): whoever waits looks at the time and waits on.
            Ok(0) | Err(Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(GpioError::line("the switch", error)),
        }
        let event = line
            .read_edge_event()
            .map_err(|error| GpioError::line("the switch", error))?;
        let now = self.clock.now();
        Ok(Some(Edge {
            down: event.kind == EdgeKind::Rising,
            at: now.checked_sub(age(event.timestamp_ns)).unwrap_or(now),
            lost: self.numbers.lost_before(event.line_seqno),
        }))
    }

    fn debounce(&self) -> Duration {
        self.debounce
    }
}

/// How long ago that was, by the clock that never jumps, ns.
fn age(then: u64) -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let now = 1_000_000_000 * i128::from(now.tv_sec) + i128::from(now.tv_nsec);
    let past = u64::try_from(now - i128::from(then)).unwrap_or(0);
    Duration::from_nanos(past)
}
