//! What a maker can get wrong.

use update::{FORMAT, PackError, PackageKind, PackageList, SigningSecret, list_files, pack};

fn program(files: &std::path::Path) -> PackageList {
    PackageList {
        format: FORMAT,
        notice: "Research use only. Not for clinical use.".into(),
        kind: PackageKind::Program,
        line: "scope".into(),
        serial: 1,
        version: "1".into(),
        created: "today".into(),
        min_program: "0.1.0".parse().unwrap(),
        architecture: Some("arm64".into()),
        self_tests: Vec::new(),
        files: list_files(files).unwrap(),
    }
}

#[test]
fn files_are_listed_in_their_order_and_links_are_none() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [("b", "2"), ("a/c", "33"), ("a/b/d", "")] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let found = list_files(folder.path()).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|file| (file.path.as_str(), file.bytes))
        .collect();
    assert_eq!(found, [("a/b/d", 0), ("a/c", 2), ("b", 1)]);
    std::os::unix::fs::symlink("b", folder.path().join("link")).unwrap();
    assert!(matches!(
        list_files(folder.path()),
        Err(PackError::NotPlain { .. })
    ));
}

#[test]
fn nothing_is_packed_that_no_device_would_take() {
    let secret = SigningSecret::generate("maker").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let deb = folder.path().join("program.deb");
    std::fs::write(&deb, "program").unwrap();
    let list = program(folder.path());
    let packed = |list: &PackageList| {
        let mut package = Vec::new();
        pack(folder.path(), list, &secret, &mut package).map(|()| package)
    };
    assert_eq!(
        packed(&list).unwrap(),
        packed(&list).unwrap(),
        "the same bytes"
    );

    let wrong = PackageList {
        serial: 0,
        ..list.clone()
    };
    assert!(matches!(packed(&wrong), Err(PackError::List(_))));
    for (name, text) in [("a.deb", "a"), ("b", "b")] {
        std::fs::write(folder.path().join(name), text).unwrap();
        let wrong = program(folder.path());
        let error = packed(&wrong).unwrap_err().to_string();
        assert!(error.contains("a program is one .deb"), "{error}");
    }
    for text in ["program, longer", "short", "other!!"] {
        std::fs::write(&deb, text).unwrap();
        assert!(
            matches!(packed(&list), Err(PackError::Changed { .. })),
            "{text}"
        );
    }
}
