use super::console::print;
use super::failure::Failure;
use super::table::Table;
use crate::workshop::cameras;
use live::{CameraSize, OfferedCamera};
use picture::NOTICE;

pub(super) fn run() -> Result<(), Failure> {
    let found = cameras().map_err(|error| Failure::Failed(format!("cameras: {error}")))?;
    if found.is_empty() {
        return print(format!("no cameras\n\n{NOTICE}\n"));
    }
    let mut table = Table::new(["camera", "device", "format", "encoding", "sizes"]);
    for camera in &found {
        list(camera, &mut table);
    }
    print(format!("{table}\n{NOTICE}\n"))
}

/// A row for each format; one that says why, if there is none.
fn list(camera: &OfferedCamera, table: &mut Table) {
    let device = camera.stable.as_ref().unwrap_or(&camera.path);
    let named = || [camera.card.clone(), device.display().to_string()];
    if camera.formats.is_empty() {
        let [card, device] = named();
        let problem = camera.problem.clone();
        let problem = problem.unwrap_or_else(|| "offers nothing".into());
        table.row([card, device, "–".into(), "–".into(), problem]);
    }
    for format in &camera.formats {
        let [card, device] = named();
        let sizes: Vec<String> = format.sizes.iter().map(size).collect();
        table.row([
            card,
            device,
            format.code.clone(),
            format.encoding.map_or("not read".into(), |encoding| {
                format!("{encoding:?}").to_lowercase()
            }),
            match sizes.is_empty() {
                true => "any".into(),
                false => sizes.join(", "),
            },
        ]);
    }
}

/// `1280x720 @ 30`: the fastest.
fn size(size: &CameraSize) -> String {
    let [width, height] = size.largest;
    let largest = match size.smallest == size.largest {
        true => format!("{width}x{height}"),
        false => format!(
            "{}x{} to {width}x{height}",
            size.smallest[0], size.smallest[1]
        ),
    };
    match size.fps.iter().copied().reduce(f32::max) {
        Some(fps) => format!("{largest} @ {fps:.0}"),
        None => largest,
    }
}
