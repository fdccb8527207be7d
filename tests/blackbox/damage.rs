//! A disk that fills up or lies: the process stops with a named exit code, never goes on with
//! less, and nothing that was answered is lost.
//!
//! A full disk is a limit on the size of files (`ulimit -f`), so that a write fails in the same
//! place as it would on a full one. The database grows by segments of 16 MiB, so the limit leaves
//! room for some of them. Damage is bytes overwritten while no process runs.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Launch, Server, bursar};
use crate::http::{Client, Request};

/// How many payments one call makes.
const CALL: usize = 100;

/// How many calls at most; far more than the room that is left.
const CALLS_MAX: usize = 2000;

/// The room that is left on a small disk: enough to start, little enough to fill soon.
const ROOM_KIB: u64 = 48 * 1024;

fn payments(writer: usize, call: usize) -> Vec<Value> {
    let fill = "x".repeat(500);
    (0..CALL)
        .map(|line| {
            json!({"wallet": format!("w{writer}"), "provider": "shop", "amount": "0.01",
                "currency": "EUR", "idempotency_key": format!("p-{writer}-{call}-{line}"),
                "metadata": {"a": fill, "b": fill, "c": fill, "d": fill}})
        })
        .collect()
}

/// Pays until the server ends; the ids of what it acknowledged.
fn pay_until_it_ends(client: &mut Client, writer: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for call in 0..CALLS_MAX {
        let request = Request::lines("/v1/payments/batch", &payments(writer, call));
        let Ok(answer) = client.try_send(&request) else { break };
        let lines = answer.lines();
        let posted = lines.iter().filter(|line| line["status"] == 201);
        acknowledged.extend(posted.map(|line| line["id"].as_str().expect("an id").to_owned()));
    }
    acknowledged
}

fn largest_file_kib(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).expect("the directory can be read");
    let sizes = files.map(|file| {
        let path = file.expect("an entry can be read").path();
        if path.is_dir() {
            largest_file_kib(&path)
        } else {
            path.metadata().map_or(0, |metadata| metadata.len() / 1024)
        }
    });
    sizes.max().unwrap_or_default()
}

fn server_with_writers(writers: usize) -> Server {
    let server = Server::start();
    let mut client = server.client();
    client.register("shop");
    for writer in 0..writers {
        client.open_with(&format!("w{writer}"), "1000000.00");
    }
    server
}

#[test]
fn a_full_disk_stops_the_process_and_loses_nothing_acknowledged() {
    let mut server = server_with_writers(3);
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let limit = largest_file_kib(&server.data()) + ROOM_KIB;
    let launch = Launch { file_limit_kib: Some(limit), ..Launch::default() };
    let mut small = Server::start_in(server.home(), launch).expect("there is room to start");
    let address = small.address();
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| scope.spawn(move || pay_until_it_ends(&mut Client::new(address), writer)))
            .collect();
        let joined = writers.into_iter().map(|writer| writer.join().expect("no writer panics"));
        joined.flatten().collect()
    });
    assert_eq!(small.wait(), Some(5), "{}", small.log());
    assert!(!acknowledged.is_empty(), "some fit before the disk was full");

    server.restart();
    let mut client = server.client();
    let mut found = std::collections::HashSet::new();
    for writer in 0..3 {
        let entries = client.all(&format!("/v1/wallets/w{writer}/entries"));
        for entry in entries.iter().filter(|entry| entry["kind"] == "payment") {
            let reference = entry["reference"].as_str().expect("a reference").to_owned();
            assert!(found.insert(reference), "{entry} stands there twice");
        }
    }
    for id in &acknowledged {
        assert!(found.contains(id), "{id} was acknowledged and is lost");
    }
    client.assert_balanced();
}

#[test]
fn a_disk_without_room_to_start_is_named_and_nothing_is_lost() {
    let mut server = server_with_writers(1);
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let limit = Some(64);
    let launch = Launch { file_limit_kib: limit, ..Launch::default() };
    let ended = Server::start_in(server.home(), launch).err().expect("there is no room at all");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("disk"), "{ended:?}");
    server.restart();
    assert_eq!(server.client().posted("w0"), "1000000.00");
}

/// A stopped server with a good deal of data.
fn stopped_with_data() -> Server {
    let mut server = server_with_writers(1);
    let mut client = server.client();
    for call in 0..20 {
        client.batch("/v1/payments/batch", &payments(0, call));
    }
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    server
}

fn verify(server: &Server) -> crate::harness::Ended {
    let data = server.data();
    bursar(&["verify", "--data", data.to_str().expect("the path is text")])
}

/// Turns 64 bytes in the middle of every 64 KiB that hold anything.
fn damage(file: &Path) {
    let mut file = OpenOptions::new().read(true).write(true).open(file).expect("the file is there");
    let length = file.metadata().expect("a file has a length").len();
    let mut buffer = [0; 64];
    for region in 0..length / 0x10000 {
        let place = SeekFrom::Start(region * 0x10000 + 0x8000);
        file.seek(place).expect("a place in the file");
        file.read_exact(&mut buffer).expect("bytes in the file");
        for byte in &mut buffer {
            *byte ^= 0x55;
        }
        file.seek(place).expect("a place in the file");
        file.write_all(&buffer).expect("the file can be written");
    }
}

#[test]
fn a_good_directory_is_verified() {
    let server = stopped_with_data();
    let ended = verify(&server);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stdout.is_empty(), "a report goes to standard output");
}

#[test]
fn damage_stops_the_start_and_says_what_and_where() {
    let server = stopped_with_data();
    damage(&server.data().join("sled").join("db"));
    let started = Server::start_in(server.home(), Launch::default());
    let ended = started.err().expect("damage stops the start");
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let said = ended.stderr.to_lowercase();
    let named = ["damage", "corrupt", "checksum"].iter().any(|word| said.contains(word));
    assert!(named, "{ended:?}");
    let data = server.data();
    let place = data.to_str().expect("the path is text").to_lowercase();
    assert!(said.contains(&place) || said.contains("group") || said.contains("record"), "{said}");
}

#[test]
fn a_file_that_was_cut_short_stops_the_start() {
    let server = stopped_with_data();
    let file = OpenOptions::new().write(true).open(server.data().join("sled").join("db"));
    let file = file.expect("the file is there");
    let length = file.metadata().expect("a file has a length").len();
    file.set_len(length / 4).expect("a file can be cut");
    let started = Server::start_in(server.home(), Launch::default());
    let ended = started.err().expect("half a journal is damage");
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

#[test]
fn damage_is_found_by_verify() {
    let server = stopped_with_data();
    damage(&server.data().join("sled").join("db"));
    let ended = verify(&server);
    assert!(matches!(ended.code, Some(1 | 4)), "{ended:?}");
    assert!(!(ended.stdout + &ended.stderr).is_empty(), "it says what it found");
}

#[test]
fn a_file_that_is_missing_stops_the_start() {
    for file in ["sled/db", "witness"] {
        let server = stopped_with_data();
        fs::remove_file(server.data().join(file)).expect("the file is there");
        let started = Server::start_in(server.home(), Launch::default());
        let ended = started.err().expect("a directory without this file is damaged");
        assert_eq!(ended.code, Some(4), "{file}: {ended:?}");
        assert!(ended.stderr.contains("damaged"), "{file}: {ended:?}");
    }
}
