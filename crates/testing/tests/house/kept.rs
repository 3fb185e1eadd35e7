//! What only some places may have: `unsafe`, and crates from outside.

/// Where `unsafe` may be: crates, and the folder in each, if not all. Kernels, and the border to C.
pub const UNSAFE: [(&str, &str); 2] = [("crates/compute", ""), ("crates/capi", "border/")];

/// Crates from outside that only these places may know: the crate, a place, and the files in it, if not all.
pub const KEPT: [(&str, &str, &[&str]); 18] = [
    ("ed25519", "crates/update", &["key.rs"]),
    (
        "tract",
        "crates/engine",
        &["model/nodes.rs", "model/folding.rs", "model/runtime/"],
    ),
    ("axum", "crates/http", &[]),
    ("hyper", "crates/http", &[]),
    ("prost", "crates/http", &["grpc/"]),
    ("png", "crates/picture", &[]),
    ("hayro", "crates/dicom", &["codec/jpeg2000.rs"]),
    ("rumqttc", "crates/mqtt", &["rumqtt.rs"]),
    ("ureq", "crates/dimse", &["stow.rs", "tls/"]),
    ("rustls", "crates/dimse", &["tls/kit.rs"]),
    ("rustls", "crates/access", &["certificate.rs"]),
    ("rcgen", "crates/access", &["certificate.rs"]),
    ("moq", "board", &["camera/linux/"]),
    ("linuxvideo", "board", &["camera/linux/"]),
    ("gpiocdev", "board", &["gpio/chardev.rs"]),
    ("rppal", "board", &["gpio/rpi.rs"]),
    ("pyo3", "crates/python", &[]),
    ("clap", "", &["cli/"]),
];
