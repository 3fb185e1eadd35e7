//! What is listed by hand (page, OpenAPI document, README) is what the tables have.

use super::support::{Server, picture};
use espmedsam_http::{ServerConfig, openapi_json};
use picture::frame::{FileInfo, Format};
use picture::mask::presence::{Presence, PresenceState};
use picture::mask::warnings::CODES;
use picture::report::{Form, Times};
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&openapi_json().unwrap()).unwrap()
}

fn page() -> String {
    let reply = Server::start(ServerConfig::default(), 1).get("/");
    String::from_utf8(reply.body).unwrap()
}

#[test]
fn the_page_shows_every_stage_and_takes_every_format() {
    let page = page();
    let (_, stages) = page.split_once("const STAGES = [").unwrap();
    let (stages, _) = stages.split_once("]];").unwrap();
    // Each is ['key', 'what it says', 'colour'].
    let entries = stages
        .split('[')
        .filter_map(|entry| entry.split('\'').nth(1));
    let times: Vec<_> = Times::default().rows().map(|time| time.key).collect();
    let (total, stages) = times.split_last().unwrap();
    assert_eq!(
        (entries.collect::<Vec<_>>().as_slice(), *total),
        (stages, "total")
    );
    assert!(page.contains("accept=\"image/png,image/jpeg,image/bmp,image/tiff,image/webp,application/dicom,.dcm,.dicom\""));
    for format in Format::ALL {
        assert!(page.contains(format.media_type()), "{format:?}");
    }
    assert_eq!(page.matches("PNG, JPEG, BMP, TIFF, WebP, DICOM").count(), 2);
    assert!(!page.contains("%FORMATS%") && !page.contains("%ACCEPT%"));
}

#[test]
fn the_openapi_document_names_formats_forms_and_warnings() {
    let document = document();
    let segment = document["paths"]["/v1/segment"]["post"]["description"].as_str();
    assert!(segment.unwrap().contains(&Format::names_in_words()));
    let forms = document["components"]["schemas"]["Format"]["enum"].as_array();
    let forms: Vec<_> = forms.unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(forms.join(", "), Form::names());
    let code = &document["components"]["schemas"]["WarningReply"]["properties"]["code"];
    let codes = code["description"].as_str().unwrap();
    for code in CODES {
        assert!(codes.contains(code), "{code}: {codes}");
    }
    let replies =
        document["paths"]["/v1/segment"]["post"]["responses"]["200"]["content"].as_object();
    for form in Form::ALL {
        assert!(replies.unwrap().contains_key(form.media_type()), "{form:?}");
    }
}

#[test]
fn every_essential_is_documented_as_a_header_and_no_other() {
    let server = Server::start(ServerConfig::default(), 1);
    server.fake.files_say(FileInfo {
        pages: 4,
        ..FileInfo::plain(Format::Tiff, 8)
    });
    server.fake.says_presence(Some(Presence {
        score: 0.9,
        state: PresenceState::Present,
    }));
    let reply = server.post(
        "/v1/segment?modality=ultrasound&format=png",
        "",
        &picture(40, 40, [5, 5, 9, 9]),
    );
    let document = document();
    let headers =
        document["paths"]["/v1/segment"]["post"]["responses"]["200"]["headers"].as_object();
    let mut documented: Vec<_> = headers
        .unwrap()
        .keys()
        .map(|name| name.to_lowercase())
        .collect();
    documented.sort();
    let names = reply.head.lines().filter_map(|line| line.split_once(':'));
    let mut sent: Vec<_> = names.map(|(name, _)| name.to_lowercase()).collect();
    sent.retain(|name| name.starts_with("x-espmedsam-") || name == "server-timing");
    sent.sort();
    assert_eq!(sent, documented);
}

#[test]
fn the_readme_names_formats_and_forms() {
    let readme = std::fs::read_to_string(testing::repository("README.md")).unwrap();
    let formats = Format::names_in_words().replace(" or ", " and ");
    assert!(readme.contains(&format!("{formats} are read")));
    assert!(readme.contains(&format!("`format={}`", Form::names())));
}
