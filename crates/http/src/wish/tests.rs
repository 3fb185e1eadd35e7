use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Wishes, String> {
    let mut wishes = Wishes::default();
    for (name, text) in pairs {
        wishes
            .set(name, text, Kind::BadQuery)
            .map_err(|problem| problem.detail)?;
    }
    Ok(wishes)
}

#[test]
fn a_switch_is_read_as_each_tool_writes_it() {
    for (texts, on) in [
        (["true", "True", "TRUE", "1", "yes", "on"], true),
        (["false", "False", "FALSE", "0", "no", "off"], false),
    ] {
        for text in texts {
            assert_eq!(read(&[("patch", text)]).unwrap().patch, Some(on), "{text}");
        }
    }
}

#[test]
fn an_empty_wish_is_none() {
    let all: Vec<_> = Wishes::NAMES.iter().map(|name| (*name, "")).collect();
    assert_eq!(read(&all), Ok(Wishes::default()));
}

#[test]
fn what_cannot_be_read_is_named_with_what_is_accepted() {
    let long = "m".repeat(300);
    for (name, text, accepted) in [
        ("patch", "maybe", "true or false"),
        ("format", "bmp", "overlay-jpeg"),
        ("on_mismatch", "Keep", "refuse or keep"),
        ("pixel_mm", "0", "at most 100"),
        ("caliper", "1,2,3", "four numbers"),
        ("page", "0", "from 1"),
        ("identity", "hidden", "removed or kept"),
        ("page", "-1", "from 1"),
        ("frames", "5-", "0,5,10-20"),
        ("window", "40", "40,400"),
        ("region", "0", "from 1"),
        ("region", "1,2,3", "x,y,width,height"),
        ("colour", "red", "modality, model, on_mismatch"),
        (&long, "red", "modality, model, on_mismatch"),
        ("format", &long, "json, rle"),
    ] {
        let detail = read(&[(name, text)]).unwrap_err();
        assert!(detail.contains(accepted), "{detail}");
        assert!(detail.contains(&name[..name.len().min(40)]), "{detail}");
        assert!(detail.len() < 250, "{detail}");
    }
    let twice = read(&[("model", "a"), ("model", "a")]).unwrap_err();
    assert!(twice.contains("`model` is given twice"), "{twice}");
}

#[test]
fn query_and_form_complete_each_other_and_must_not_differ() {
    let of = |pairs: &[_]| read(pairs).unwrap();
    let query = of(&[("modality", "ultrasound"), ("patch", "1")]);
    let form = of(&[("patch", "true"), ("page", "3")]);
    let both = of(&[("modality", "ultrasound"), ("patch", "1"), ("page", "3")]);
    assert_eq!(query.clone().and(form), Ok(both));
    let problem = query.and(of(&[("patch", "0")])).unwrap_err();
    assert_eq!(problem.kind, Kind::BadMultipart);
    assert!(problem.detail.contains("`patch`"), "{problem:?}");
}
