//! What a key in the drop folder means.

use domain::CreatorId;
use drop_intake::Place;
use ports::fakes::MemoryObjects;

use super::rig::{Rig, event};

const ADA: &str = "crt_000000000000000000000000000000c1";

fn set(name: &str) -> Place {
    Place::Set { creator: CreatorId::from_bits(0xc1), name: name.to_owned() }
}

#[test]
fn files_of_one_name_belong_together() {
    for (path, name) in [
        ("harbour.mp4", "harbour"),
        ("harbour.json", "harbour"),
        ("harbour.JSON", "harbour"),
        ("harbour.MOV", "harbour"),
        ("harbour.jpeg", "harbour"),
        ("harbour/1.jpg", "harbour"),
        ("harbour/IMG.0001.PNG", "harbour"),
        ("Möwen am Hafen (2).webm", "Möwen am Hafen (2)"),
    ] {
        assert_eq!(Place::of(&format!("drop/{ADA}/{path}")), Some(set(name)), "{path}");
    }
    let longest = "n".repeat(200);
    assert_eq!(Place::of(&format!("drop/{ADA}/{longest}.mp4")), Some(set(&longest)));
}

#[test]
fn what_is_no_file_of_the_drop_folder_is_nothing() {
    let folder = format!("drop/{ADA}/");
    for key in ["up/med_1", "drop-results/a.json", "drop", "drop/", &folder, "other/drop/a.json"] {
        assert_eq!(Place::of(key), None, "{key}");
    }
}

#[test]
fn every_other_file_is_a_problem_of_its_own() {
    for (path, rule) in [
        ("harbour.mp4", "drop.name"),
        ("crt_1/harbour.mp4", "drop.creator"),
        (&format!("{ADA}/harbour"), "drop.type"),
        (&format!("{ADA}/harbour.txt"), "drop.type"),
        (&format!("{ADA}/harbour/notes.txt"), "drop.type"),
        (&format!("{ADA}/harbour/harbour.json"), "drop.type"),
        (&format!("{ADA}/.mp4"), "drop.name"),
        (&format!("{ADA}/har.bour.mp4"), "drop.name"),
        (&format!("{ADA}/har\nbour.mp4"), "drop.name"),
        (&format!("{ADA}/harbour.problem.json"), "drop.name"),
        (&format!("{ADA}/a/b/c.mp4"), "drop.name"),
        (&format!("{ADA}/{}.mp4", "n".repeat(201)), "drop.name"),
    ] {
        let Some(Place::Nowhere { key, problem }) = Place::of(&format!("drop/{path}")) else {
            panic!("{path} has a place");
        };
        assert_eq!((key, problem.rule.as_str()), (format!("drop/{path}"), rule));
    }
}

#[tokio::test]
async fn a_misplaced_file_is_told_where_its_name_says_however_long_that_is() {
    let rig = Rig::new();
    let long = format!("{}.txt", "n".repeat(1_015));
    for path in ["notes.txt", &long] {
        rig.handle(&event(&format!("drop/{path}"))).await.unwrap();
    }
    let told = rig.told();
    assert_eq!(told.len(), 2);
    assert!(told.iter().any(|(key, _)| key == "notes.txt.problem.json"));
    let longest = MemoryObjects::keys(&rig.stage.objects).iter().map(String::len).max();
    assert!(longest <= Some(1_024), "{longest:?}");
}
