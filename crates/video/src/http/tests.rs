use std::io::Read;
use std::net::TcpListener;

use picture::frame::{Frame, FrameLimits};
use picture::render::encode_jpeg;
use picture::segmenter::{ManualClock, SystemClock};
use proptest::prelude::*;

use super::*;

/// By the system's clock: reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn jpeg(level: u8) -> Vec<u8> {
    encode_jpeg(&Frame::new(32, 24, vec![level; 3 * 32 * 24]).unwrap(), 90).unwrap()
}

/// A server of one request: what it was asked, and what it answers before it hangs up.
fn serve<R>(pieces: &[&[u8]], user: &str, ask: impl FnOnce(HttpStream) -> R) -> (String, R) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while head_end(&request).is_none() {
                let mut piece = [0; 512];
                let count = socket.read(&mut piece).unwrap();
                request.extend(&piece[..count]);
            }
            for piece in pieces {
                // A client that was refused what it wants hangs up.
                if socket.write_all(piece).is_err() {
                    break;
                }
            }
            String::from_utf8(request).unwrap()
        });
        let address = HttpAddress::parse(&format!("http://{user}{place}/video?x=1")).unwrap();
        let stream = HttpStream {
            address,
            context: SourceContext {
                clock: Arc::new(SystemClock),
                limits: FrameLimits::default(),
            },
        };
        let answer = ask(stream);
        (server.join().unwrap(), answer)
    })
}

/// All pictures of a stream up to its end: how many came, and the level of the last.
fn read_all(stream: &HttpStream) -> (u64, u8) {
    let mut source = stream.open().unwrap();
    let mut canvas = Frame::new(1, 1, vec![0; 3]).unwrap();
    let mut last = None;
    loop {
        match source.next(&mut canvas, Instant::now() + PATIENCE) {
            Ok(shot) => last = Some((shot.sequence + 1, canvas.rgb()[0])),
            Err(error) => {
                assert!(matches!(error, SourceError::Lost(_)), "{error}");
                return last.expect("a picture");
            }
        }
    }
}

fn part(jpeg: &[u8]) -> Vec<u8> {
    let length = jpeg.len();
    let head = format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), jpeg, b"\r\n"].concat()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";
const MIXED: &[u8] = b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";

#[test]
fn parts_with_lengths_and_bare_boundaries_and_none_are_read() {
    let parts = [10, 20, 30].map(|level| part(&jpeg(level))).concat();
    let bare = [10, 20, 30]
        .map(|level| [b"--frame\n\n", &jpeg(level)[..]].concat())
        .concat();
    let none = [10, 20, 30].map(jpeg).concat();
    for body in [parts, bare, none] {
        let (request, (count, level)) = serve(&[OK, MIXED, &body], "", |stream| read_all(&stream));
        assert_eq!((count, level.abs_diff(30) <= 3), (3, true));
        assert!(
            request.starts_with("GET /video?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"),
            "{request}"
        );
        assert!(!request.contains("Authorization"));
    }
}

#[test]
fn a_chunked_answer_is_joined_whatever_is_cut_by_it() {
    let parts = [10, 20, 30].map(|level| part(&jpeg(level))).concat();
    let mut body = Vec::new();
    for piece in parts.chunks(97) {
        body.extend(format!("{:X}\r\n", piece.len()).into_bytes());
        body.extend(piece);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    let chunked = b"transfer-encoding: Chunked\r\n";
    let (request, (count, _)) = serve(
        &[OK, chunked, MIXED, &body],
        "Aladdin:open%20sesame@",
        |stream| {
            assert!(
                !stream.label().contains("sesame") && !format!("{stream:?}").contains("sesame")
            );
            read_all(&stream)
        },
    );
    assert_eq!(count, 3);
    assert!(request.contains("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
}

#[test]
fn answers_that_are_no_stream_say_why() {
    let endless = [OK, &b"X: y\r\n".repeat(5000)].concat();
    for (answer, is_final, word) in [
        (
            &b"HTTP/1.1 302 Found\r\nLocation: http://else/\r\n\r\n"[..],
            true,
            "http://else/",
        ),
        (b"HTTP/1.0 401 No\r\n\r\n", true, "USER:PASSWORD"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", true, "404"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", false, "503"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
            true,
            "text/html",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
            true,
            "gzip",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            false,
            "not HTTP",
        ),
        (b"RTSP/1.0 200 OK\r\n\r\n", false, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: y", false, "not HTTP"),
        (b"", false, "not HTTP"),
        (&endless, false, ""),
    ] {
        let (_, refused) = serve(&[answer], "", |stream| stream.open().err().unwrap());
        assert_eq!(
            matches!(refused, SourceError::Unusable(_)),
            is_final,
            "{refused}"
        );
        assert!(
            is_final || matches!(refused, SourceError::Lost(_)),
            "{refused}"
        );
        assert!(refused.to_string().contains(word), "{refused}");
    }
}

#[test]
fn nobody_there_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    drop(listener);
    let stream = HttpStream {
        address: HttpAddress::parse(&format!("http://{place}/")).unwrap(),
        context: SourceContext {
            clock: Arc::new(SystemClock),
            limits: FrameLimits::default(),
        },
    };
    assert!(matches!(stream.open(), Err(SourceError::Lost(_))));
}

/// Nothing comes, ever.
struct Dead(Arc<ManualClock>);

impl Intake for Dead {
    fn read(&mut self, _: &mut [u8], until: Instant) -> IoResult<Option<usize>> {
        self.0
            .advance(until.saturating_duration_since(self.0.now()));
        Ok(None)
    }
}

/// Bytes that are there at once, and then the end.
struct Cut<'a>(&'a [u8]);

impl Intake for Cut<'_> {
    fn read(&mut self, room: &mut [u8], _: Instant) -> IoResult<Option<usize>> {
        self.0.read(room).map(Some)
    }
}

#[test]
fn a_head_that_is_cut_anywhere_is_no_answer() {
    let head = [OK, b"Transfer-Encoding: chunked\r\n", MIXED].concat();
    let now = Instant::now();
    for cut in 0..head.len() {
        let refused = answer(&mut Cut(&head[..cut]), now).unwrap_err();
        assert!(matches!(refused, SourceError::Lost(_)), "{cut}: {refused}");
        assert!(refused.to_string().contains("not HTTP"), "{cut}: {refused}");
    }
    let (framing, ahead) = answer(&mut Cut(&[&head[..], b"5\r\n"].concat()), now).unwrap();
    assert_eq!((framing, ahead), (Framing::chunked(), b"5\r\n".to_vec()));
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(status in "[0-9]{0,4}", junk: Vec<u8>, text in "[a-zA-Z:;,= \\-\r\n]{0,60}") {
        let bytes = [b"HTTP/1.1 ", status.as_bytes(), b"\r\n", text.as_bytes(), &junk, b"\r\n\r\n"].concat();
        let answered = answer(&mut Cut(&bytes), Instant::now());
        prop_assert!(answered.is_err() || status.parse() == Ok(200));
        let _ = HttpAddress::parse(&format!("http://{text}"));
        let _ = HttpAddress::parse(&String::from_utf8_lossy(&junk));
    }
}

#[test]
fn a_connection_that_fell_silent_is_lost_in_time() {
    let clock = Arc::new(ManualClock::default());
    let silent = answer(&mut Dead(clock.clone()), clock.now() + OPENING);
    assert!(matches!(silent, Err(SourceError::Lost(_))));
    let mut body = Body {
        wire: Dead(clock.clone()),
        framing: Framing::UntilClosed,
        ahead: vec![1, 2, 3],
        heard: clock.now(),
        clock: clock.clone(),
    };
    let start = clock.now();
    let mut read = |after: u64| body.read(&mut [0; 2], start + Duration::from_secs(after));
    assert_eq!(read(1).unwrap(), Some(2));
    assert_eq!(read(1).unwrap(), Some(1));
    assert_eq!(read(9).unwrap(), None);
    assert_eq!(read(10).unwrap_err().kind(), ErrorKind::TimedOut);
}
