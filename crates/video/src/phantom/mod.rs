//! A patient who never tires: a moving picture made by rule, with the true mask of every frame.
//!
//! [`PhantomSpec`] says what is shown; [`Phantom`] opens it as any other source and knows the [truth](Phantom::truth).
//! The same specification gives the same pictures, bit for bit, on every machine: no clock, no system's sine and no
//! thread has a say in them.

mod curves;
mod endoscope;
mod grain;
mod incident;
mod moment;
mod opener;
mod outline;
mod painter;
mod random;
mod source;
mod spec;
mod texture;
mod ultrasound;

#[cfg(test)]
mod tests;

pub use incident::{Incident, IncidentKind};
pub use opener::Phantom;
pub use source::Patient;
pub use spec::{Anatomy, PhantomError, PhantomSpec};
