//! In place of TLS, where it is not built in: nobody ever has one.

use std::convert::Infallible;
use std::net::TcpStream;

use super::files::{TlsError, TlsFiles};
use crate::wire::Connection;

pub fn read(_: &TlsFiles) -> Result<Infallible, TlsError> {
    Err(TlsError::NotBuilt)
}

pub fn accept(sides: &Infallible, _: TcpStream) -> Result<Box<dyn Connection + Send>, TlsError> {
    match *sides {}
}

pub fn connect(
    sides: &Infallible,
    _: TcpStream,
    _: &str,
) -> Result<Box<dyn Connection + Send>, TlsError> {
    match *sides {}
}
