//! Living under a service manager: what is said to it, what it hands over, where what is logged goes, and a configuration
//! that is read anew. By hand, without one, all of this is silent.

pub mod attend;
pub mod log;
pub mod manager;
pub mod reload;
pub mod signals;
pub mod socket;
pub mod vigil;
