//! A Raspberry Pi's lines by `rppal`, which some know and whose author has retired it (0.22.1, 2025): all of it is in this
//! file, and only with the feature `rpi`. Anywhere but on a Raspberry Pi it says that the model is unknown.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use picture::segmenter::Clock;
use picture::sync::lock;
use rppal::gpio::{Bias, Gpio, InputPin, Level, OutputPin, Trigger};

use super::error::GpioError;
use super::lines::{Edge, EdgeNumbers, PanelLines};
use super::pins::{LampPin, PinMap, Pull, SwitchPin};
use super::role::LampRole;

/// Lines of the one chip that there is, whatever its label.
pub(super) struct RppalLines {
    lamps: Vec<(LampRole, Mutex<Lamp>)>,
    switch: Option<Mutex<Switch>>,
    numbers: EdgeNumbers,
    clock: Arc<dyn Clock>,
}

struct Lamp {
    pin: OutputPin,
    active_low: bool,
}

struct Switch {
    pin: InputPin,
    active_low: bool,
}

impl RppalLines {
    /// Takes a map's lines; its lamps are dark then.
    ///
    /// # Errors
    /// [`GpioError::Line`].
    pub fn open(map: &PinMap, clock: Arc<dyn Clock>) -> Result<Self, GpioError> {
        let gpio = Gpio::new().map_err(|error| GpioError::line("rppal", error))?;
        let lamps: Result<Vec<_>, _> = (map.lamps())
            .map(|(role, pin)| Ok((role, Mutex::new(lamp(&gpio, pin)?))))
            .collect();
        let switch = map.trigger.map(|pin| switch(&gpio, pin)).transpose()?;
        Ok(Self {
            lamps: lamps?,
            switch: switch.map(Mutex::new),
            numbers: EdgeNumbers::default(),
            clock,
        })
    }
}

fn take(gpio: &Gpio, line: u32) -> Result<rppal::gpio::Pin, GpioError> {
    let number = u8::try_from(line).unwrap_or(u8::MAX);
    let pin = gpio.get(number);
    pin.map_err(|error| GpioError::line(format!("GPIO {line}"), error))
}

fn lamp(gpio: &Gpio, pin: LampPin) -> Result<Lamp, GpioError> {
    let LampPin {
        line, active_low, ..
    } = pin;
    let pin = take(gpio, line)?;
    let pin = match active_low {
        true => pin.into_output_high(),
        false => pin.into_output_low(),
    };
    Ok(Lamp { pin, active_low })
}

fn switch(gpio: &Gpio, pin: SwitchPin) -> Result<Switch, GpioError> {
    let mut input = take(gpio, pin.line)?.into_input();
    input.set_bias(match pin.pull {
        Pull::Up => Bias::PullUp,
        Pull::Down => Bias::PullDown,
        Pull::External => Bias::Off,
    });
    let debounce = Some(pin.debounce()).filter(|debounce| !debounce.is_zero());
    let asked = input.set_interrupt(Trigger::Both, debounce);
    asked.map_err(|error| GpioError::line(format!("GPIO {}, for 'trigger'", pin.line), error))?;
    Ok(Switch {
        pin: input,
        active_low: pin.active_low,
    })
}

impl PanelLines for RppalLines {
    fn set(&self, lamp: LampRole, lit: bool) -> Result<(), GpioError> {
        if let Some((_, lamp)) = self.lamps.iter().find(|(role, _)| *role == lamp) {
            let Lamp { pin, active_low } = &mut *lock(lamp);
            pin.write(match lit != *active_low {
                true => Level::High,
                false => Level::Low,
            });
        }
        Ok(())
    }

    fn wait(&self, at_most: Duration) -> Result<Option<Edge>, GpioError> {
        let Some(switch) = &self.switch else {
            self.clock.sleep_until(self.clock.now() + at_most);
            return Ok(None);
        };
        let Switch { pin, active_low } = &mut *lock(switch);
        let event = pin.poll_interrupt(false, Some(at_most));
        let event = event.map_err(|error| GpioError::line("the switch", error))?;
        Ok(event.map(|event| Edge {
            down: (event.trigger == Trigger::RisingEdge) != *active_low,
            // Its time is since the start of the board by a clock that it does not name.
            at: self.clock.now(),
            lost: self.numbers.lost_before(event.seqno),
        }))
    }

    /// The kernel lets it settle for `rppal`.
    fn debounce(&self) -> Duration {
        Duration::ZERO
    }
}
