//! Against `ffmpeg` itself, in both directions. It has to be there: `make ffmpeg`, which `make test` does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_video::avi::AviWriter;
use espmedsam_video::http::{HttpAddress, HttpStream};
use espmedsam_video::pipe::{Pipe, PipeEnd};
use espmedsam_video::replay::Replay;
use espmedsam_video::source::{Encoding, Opener, Shot, Source, SourceContext, SourceError};
use espmedsam_video::y4m::Y4mWriter;
use picture::frame::{Frame, FrameLimits};
use picture::render::encode_jpeg;
use picture::segmenter::{ManualClock, SystemClock};

/// By the system's clock: reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A colour that no two channels share.
const COLOUR: [u8; 3] = [0x40, 0x80, 0xc0];
const SOLID: &str = "color=c=0x4080C0:s=322x242:r=25,format=rgb24";
const MOVING: &str = "testsrc2=s=320x240:r=25";

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]);
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stderr(Stdio::inherit()).output();
    let output =
        output.unwrap_or_else(|error| panic!("ffmpeg is missing (`make ffmpeg`): {error}"));
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

/// What ffmpeg makes of a source of its own or of a file, as RGB, one picture after the other.
fn as_ffmpeg_sees(input: &[&str], size: [u32; 2]) -> Vec<Vec<u8>> {
    let rgb = run(ffmpeg()
        .args(input)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]));
    let picture = 3 * (size[0] * size[1]) as usize;
    rgb.chunks_exact(picture).map(<[u8]>::to_vec).collect()
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

fn canvas() -> Frame {
    Frame::new(1, 1, vec![0; 3]).unwrap()
}

/// The last picture of what ffmpeg writes into a FIFO.
fn through_a_fifo(arguments: &[&str]) -> (Shot, Frame) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("video");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let pipe = Pipe {
        end: PipeEnd::Fifo(path.clone()),
        context: SourceContext {
            clock: Arc::new(SystemClock),
            limits: FrameLimits::default(),
        },
    };
    let mut source = pipe.open().unwrap();
    let mut writer = ffmpeg().args(arguments).arg(&path).spawn().unwrap();
    let (mut frame, mut last) = (canvas(), None);
    loop {
        match source.next(&mut frame, Instant::now() + PATIENCE) {
            Ok(shot) => last = Some((shot, frame.clone())),
            Err(SourceError::Lost(_)) => break,
            Err(error) => panic!("{arguments:?}: {error}"),
        }
    }
    assert!(writer.wait().unwrap().success());
    last.unwrap()
}

#[test]
fn ffmpeg_s_own_server_of_jpegs_is_read() {
    // A port that is free now.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/video", listener.local_addr().unwrap());
    drop(listener);
    #[rustfmt::skip]
    let mut server = ffmpeg().args([
        "-f", "lavfi", "-i", SOLID, "-frames:v", "20", "-pix_fmt", "yuvj422p", "-f", "mpjpeg",
        "-listen", "1", &url,
    ]).spawn().unwrap();
    let stream = HttpStream {
        address: HttpAddress::parse(&url).unwrap(),
        context: SourceContext {
            clock: Arc::new(SystemClock),
            limits: FrameLimits::default(),
        },
    };
    // Until it listens it refuses.
    let (start, mut frame) = (Instant::now(), canvas());
    let mut source = loop {
        match stream.open() {
            Ok(source) => break source,
            Err(SourceError::Lost(_)) if start.elapsed() < PATIENCE => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    let mut last = None;
    while let Ok(shot) = source.next(&mut frame, Instant::now() + PATIENCE) {
        last = Some((shot.sequence, shot.encoding));
    }
    assert_eq!(last, Some((19, Encoding::Jpeg)));
    for pixel in frame.rgb().as_chunks::<3>().0 {
        assert!(
            pixel.iter().zip(COLOUR).all(|(a, b)| a.abs_diff(b) <= 4),
            "{pixel:?}"
        );
    }
    assert!(server.wait().unwrap().success());
}

/// Every picture of a file, at its own time.
fn replayed(path: &Path) -> Vec<Frame> {
    let clock = Arc::new(ManualClock::default());
    let replay = Replay {
        path: path.into(),
        each: None,
        looped: false,
        context: SourceContext {
            clock: clock.clone(),
            limits: FrameLimits::default(),
        },
    };
    let mut source: Box<dyn Source> = replay.open().unwrap();
    let (mut frames, mut frame) = (Vec::new(), canvas());
    loop {
        match source.next(&mut frame, picture::segmenter::Clock::now(&*clock)) {
            Ok(shot) => {
                assert_eq!(shot.sequence, frames.len() as u64);
                frames.push(frame.clone());
            }
            Err(SourceError::TimedOut) => clock.advance(Duration::from_millis(1)),
            Err(SourceError::Ended) => return frames,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

#[test]
fn every_layout_and_range_of_y4m_gives_the_colour_that_was_meant() {
    for (layout, range) in [
        ("yuv420p", "tv"),
        ("yuv422p", "tv"),
        ("yuv444p", "tv"),
        ("yuv420p", "pc"),
        ("yuv444p", "pc"),
        ("gray", "pc"),
    ] {
        let filter = format!("scale=out_range={range}:out_color_matrix=bt601,format={layout}");
        #[rustfmt::skip]
        let (shot, frame) = through_a_fifo(&[
            "-f", "lavfi", "-i", SOLID, "-vf", &filter, "-color_range", range, "-frames:v", "10",
            "-strict", "-1", "-f", "yuv4mpegpipe",
        ]);
        let encoding = match layout {
            "gray" => Encoding::Grey,
            _ => Encoding::Planar,
        };
        assert_eq!((shot.sequence, shot.encoding), (9, encoding));
        assert_eq!(frame.size(), [322, 242]);
        let expected = match layout {
            "gray" => [0.299, 0.587, 0.114]
                .iter()
                .zip(COLOUR)
                .map(|(k, v)| k * f64::from(v))
                .sum(),
            _ => 0.0,
        };
        for pixel in frame.rgb().as_chunks::<3>().0 {
            for (channel, value) in pixel.iter().enumerate() {
                let right = if layout == "gray" {
                    expected
                } else {
                    f64::from(COLOUR[channel])
                };
                let error = (f64::from(*value) - right).abs();
                assert!(error <= 3.0, "{layout} {range}: {pixel:?}");
            }
        }
    }
}

#[test]
fn y4m_and_mjpeg_through_a_pipe_show_what_ffmpeg_shows() {
    let source = ["-f", "lavfi", "-i", MOVING, "-frames:v", "20"];
    let right = as_ffmpeg_sees(&source, [320, 240]);
    for (output, encoding) in [
        (
            &["-pix_fmt", "yuv444p", "-f", "yuv4mpegpipe"][..],
            Encoding::Planar,
        ),
        (
            &["-pix_fmt", "yuvj444p", "-q:v", "2", "-f", "mjpeg"][..],
            Encoding::Jpeg,
        ),
    ] {
        let (shot, frame) = through_a_fifo(&[&source[..], output].concat());
        assert_eq!((shot.sequence, shot.encoding), (19, encoding));
        let difference = mean_difference(frame.rgb(), &right[19]);
        assert!(difference < 3.0, "{encoding:?}: {difference}");
        // It is that picture and not the one before.
        assert!(difference < mean_difference(frame.rgb(), &right[18]));
    }
}

#[test]
fn files_that_ffmpeg_writes_are_replayed_picture_by_picture() {
    let folder = tempfile::tempdir().unwrap();
    for (name, output) in [
        (
            "a.avi",
            &["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p"][..],
        ),
        ("a.y4m", &["-pix_fmt", "yuv444p"][..]),
        ("a.gif", &[][..]),
    ] {
        let path: PathBuf = folder.path().join(name);
        let tone = ["-f", "lavfi", "-i", "sine=r=8000"];
        let sound: &[&str] = if name == "a.avi" { &tone } else { &[] };
        let source = ["-f", "lavfi", "-i", MOVING];
        run(ffmpeg()
            .args(source)
            .args(sound)
            .args(output)
            .args(["-t", "0.48"])
            .arg(&path));
        let text = path.to_str().unwrap();
        let right = as_ffmpeg_sees(&["-i", text, "-fps_mode", "passthrough"], [320, 240]);
        let mut ours = replayed(&path);
        // AVI has empty chunks where a picture is shown once more; ffmpeg then gives none.
        ours.dedup();
        assert_eq!(ours.len(), right.len(), "{name}");
        assert!(ours.len() >= 12, "{name}");
        for (ours, right) in ours.iter().zip(&right) {
            let difference = mean_difference(ours.rgb(), right);
            assert!(difference < 1.5, "{name}: {difference}");
        }
    }
}

#[test]
fn what_is_written_here_ffmpeg_reads() {
    let shades = [30, 90, 150, 210];
    let frame = |shade: u8| Frame::new(322, 242, vec![shade; 3 * 322 * 242]).unwrap();
    let mut y4m = Vec::new();
    let writer = Y4mWriter::begin([322, 242], [25, 1], &mut y4m);
    let mut avi = AviWriter::new(std::io::Cursor::new(Vec::new()), [322, 242], [25, 1]).unwrap();
    for shade in shades {
        assert!(writer.push(&frame(shade), &mut y4m));
        avi.push(&encode_jpeg(&frame(shade), 90).unwrap()).unwrap();
    }
    let avi = avi.finish().unwrap().into_inner();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a.y4m", y4m), ("a.avi", avi)] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        // Any complaint is an error.
        let path = path.to_str().unwrap();
        let strict = [
            "-xerror",
            "-err_detect",
            "explode",
            "-i",
            path,
            "-fps_mode",
            "passthrough",
        ];
        let seen = as_ffmpeg_sees(&strict, [322, 242]);
        assert_eq!(seen.len(), shades.len(), "{name}");
        for (seen, shade) in seen.iter().zip(shades) {
            let difference = mean_difference(seen, frame(shade).rgb());
            assert!(difference <= 1.0, "{name} {shade}: {difference}");
        }
    }
}

#[test]
fn interlaced_video_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.y4m");
    #[rustfmt::skip]
    run(ffmpeg().args([
        "-f", "lavfi", "-i", MOVING, "-frames:v", "2", "-vf", "setfield=tff,format=yuv420p",
        "-field_order", "tt", "-flags", "+ilme+ildct", "-f", "yuv4mpegpipe",
    ]).arg(&path));
    let replay = Replay {
        path,
        each: None,
        looped: false,
        context: SourceContext {
            clock: Arc::new(SystemClock),
            limits: FrameLimits::default(),
        },
    };
    let refused = replay.open().err().unwrap().to_string();
    assert!(refused.contains("yadif"), "{refused}");
}
