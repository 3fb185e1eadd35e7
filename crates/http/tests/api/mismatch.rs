//! A picture of another kind than it was sent as: no mask passes for a right one.

use super::support::{Server, picture};
use espmedsam_http::ServerConfig;

/// A red picture, which the fake's guard does not know.
fn odd() -> Vec<u8> {
    let red = image::RgbImage::from_pixel(64, 64, image::Rgb([255, 0, 0]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    red.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn it_is_refused_with_what_was_seen() {
    let server = Server::start(ServerConfig::default(), 4);
    for format in ["json", "png", "overlay", "patch"] {
        let ask = format!("/v1/segment?modality=ultrasound&format={format}");
        let reply = server.post(&ask, "", &odd());
        reply.assert_problem(422, "modality-mismatch");
        let check = &reply.json()["modality_check"];
        assert_eq!(check["state"], "modality-mismatch");
        assert_eq!(
            (&check["score"], &check["threshold"]),
            (&0.125.into(), &0.5.into())
        );
        assert_eq!(check["likeliest"], "other");
    }
}

#[test]
fn a_kept_mask_is_marked_in_every_form() {
    let server = Server::start(ServerConfig::default(), 4);
    let ask = "/v1/segment?modality=ultrasound&on_mismatch=keep";
    let reply = server.post(ask, "", &odd());
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["modality_check"]["state"], "modality-mismatch");
    let png = server.post(&format!("{ask}&format=png"), "", &odd());
    assert_eq!(
        png.header("x-espmedsam-modality-check"),
        Some("modality-mismatch")
    );
    // The overlay says it in letters: white in the upper left corner, where there is no mask.
    let overlay = server.post(&format!("{ask}&format=overlay"), "", &odd());
    let drawn = image::load_from_memory(&overlay.body).unwrap().to_rgb8();
    let white = |x, y| drawn.get_pixel(x, y).0 == [255, 255, 255];
    assert!((0..30).any(|x| (0..9).any(|y| white(x, y))));
}

#[test]
fn a_picture_that_matches_says_so() {
    let server = Server::start(ServerConfig::default(), 4);
    let good = picture(64, 64, [5, 5, 9, 9]);
    let reply = server.post("/v1/segment?modality=ultrasound", "", &good);
    assert_eq!(reply.json()["modality_check"]["state"], "match");
    let overlay = server.post("/v1/segment?modality=ultrasound&format=overlay", "", &good);
    assert_eq!(overlay.header("x-espmedsam-modality-check"), Some("match"));
}

#[test]
fn an_unknown_wish_is_refused() {
    let server = Server::start(ServerConfig::default(), 4);
    let ask = "/v1/segment?modality=ultrasound&on_mismatch=whatever";
    server
        .post(ask, "", &odd())
        .assert_problem(400, "bad-query");
}
