//! Damages to containers and to `recording.json`.

use serde_json::{Value, json};

use super::bench::Copy;
use super::{Damage, audio};

const N: &[&str] = &["near.wav"];
/// A file that is named otherwise is itself not named.
const UNLISTED: &[&str] = &["unlisted-file"];

pub(super) const DAMAGES: &[Damage] = &[
    // Headers.
    audio("wrong rate in the header", "wrong-rate", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| {
            put(bytes, 24, 16_000);
            put(bytes, 28, 32_000);
        });
    }),
    audio("header of 11,025 Hz", "wrong-rate", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| {
            put(bytes, 24, 11_025);
            put(bytes, 28, 22_050);
        });
    }),
    audio("header sizes never finalised", "unfinished-header", None, None, N, |copy| sizes(copy, 0, 0)),
    audio("header sizes of all ones", "unfinished-header", None, None, N, |copy| sizes(copy, u32::MAX, u32::MAX)),
    audio("header that claims one hour", "truncated-file", None, None, N, |copy| {
        sizes(copy, 57_600_036, 57_600_000);
    }),
    audio("header that claims half", "wrong-header", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| put(bytes, 40, 48_000));
    })
    .with(&["end-clipped"]),
    audio("odd chunk without pad byte", "wrong-header", None, None, N, |copy| chunk(copy, b"odd size?")),
    audio("mono labelled stereo", "wrong-channel-count", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| {
            put(bytes, 28, 32_000);
            (bytes[22], bytes[32]) = (2, 4);
        });
    }),
    audio("stereo labelled mono", "wrong-channel-count", None, None, &["stereo.wav"], |copy| {
        copy.bytes("stereo.wav", |bytes| {
            put(bytes, 28, 16_000);
            (bytes[22], bytes[32]) = (1, 2);
        });
    }),
    audio("bytes swapped", "wrong-encoding", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| bytes[44..].as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse()));
    }),
    audio("one byte lost", "wrong-encoding", None, Some(3000), N, |copy| {
        copy.bytes("near.wav", |bytes| drop(bytes.drain(48_044..=48_044)));
    })
    .with(&["truncated-file", "wrong-header", "sample-slip", "end-clipped"]),
    // Files.
    audio("file truncated", "truncated-file", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| bytes.truncate(60_001));
    })
    .with(&["end-clipped", "wrong-header"]),
    audio("file truncated behind its header", "empty-file", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| bytes.truncate(44));
    })
    .with(&["truncated-file"]),
    audio("file truncated in its header", "unreadable-file", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| bytes.truncate(20));
    }),
    audio("empty file", "empty-file", None, None, N, |copy| copy.bytes("near.wav", Vec::clear)),
    audio("text instead of audio", "unreadable-file", None, None, N, |copy| {
        copy.bytes("near.wav", |bytes| *bytes = b"this is no recording at all\n".repeat(99));
    }),
    audio("missing leg file", "missing-file", None, None, &[], |copy| remove(copy, "near.wav")),
    audio("missing stereo file", "missing-file", None, None, &[], |copy| remove(copy, "stereo.wav")),
    audio("missing recording", "missing-recording", None, None, &[], |copy| {
        std::fs::remove_dir_all(copy.recording()).unwrap();
    }),
    audio("a file too many", "unlisted-file", None, None, &[], |copy| {
        std::fs::copy(copy.path("near.wav"), copy.path("again.wav")).unwrap();
    }),
    audio("recording twice", "unexpected-recording", None, None, &[], |copy| {
        let twin = copy.recording().with_extension("twin");
        std::fs::create_dir(&twin).unwrap();
        for file in ["near.wav", "far.wav", "stereo.wav", "recording.json", "journal.mmj"] {
            std::fs::copy(copy.path(file), twin.join(file)).unwrap();
        }
    })
    .with(&["wrong-metadata"]),
    audio("a file of one terabyte", "unreadable-file", None, None, N, |copy| {
        let file = std::fs::File::options().write(true).open(copy.path("near.wav")).unwrap();
        file.set_len(1 << 40).unwrap();
    }),
    audio("a device instead of a file", "unreadable-file", None, None, &[], |copy| {
        remove(copy, "near.wav");
        std::os::unix::fs::symlink("/dev/zero", copy.path("near.wav")).unwrap();
    }),
    audio("a file that is a device", "wrong-metadata", None, None, &[], |copy| name(copy, "/dev/zero")).with(UNLISTED),
    audio("a file outside of the folder", "wrong-metadata", None, None, &[], |copy| {
        std::fs::copy(copy.path("near.wav"), copy.recording().with_file_name("near.sound")).unwrap();
        name(copy, "../near.sound");
    })
    .with(UNLISTED),
    audio("a file by its whole path", "wrong-metadata", None, None, &[], |copy| {
        name(copy, &copy.path("near.wav").display().to_string());
    })
    .with(UNLISTED),
    audio("a file listed twice", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| {
            let files = json["files"].as_array_mut().unwrap();
            files.push(files[0].clone());
        });
    }),
    // Metadata.
    audio("near and far address swapped", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| swap(json, "/near/address", "/far/address"));
    }),
    audio("near and far device swapped", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| swap(json, "/near/device", "/far/device"));
    }),
    audio("refci and far end's refci swapped", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| swap(json, "/refci", "/farend_refci"));
    }),
    audio("Call-IDs of the legs swapped", "wrong-metadata", Some("near"), None, &[], |copy| {
        copy.json(|json| swap(json, "/legs/0/call_id", "/legs/1/call_id"));
    }),
    audio("Call-IDs of nobody", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| {
            for leg in json["legs"].as_array_mut().unwrap() {
                leg["call_id"] = json!("nobody@nowhere");
            }
        });
    }),
    audio("sides of the legs swapped", "wrong-metadata", Some("far"), None, &[], |copy| {
        copy.json(|json| swap(json, "/legs/0/side", "/legs/1/side"));
    }),
    audio("another suite", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| json["legs"][0]["suite"] = json!("AES_CM_128_HMAC_SHA1_32"));
    }),
    audio("another cluster", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| json["cluster_id"] = json!("OtherCluster"));
    }),
    audio("another length of a file", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| json["files"][0]["samples"] = json!(7));
    }),
    audio("another duration", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| json["duration_ms"] = json!(5));
    }),
    audio("a status that denies the audio", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| json["status"] = json!("failed"));
    }),
    audio("another offset of the far leg", "wrong-metadata", None, None, &[], |copy| {
        copy.json(|json| json["stereo"]["far_offset"] = json!(12_345));
    }),
    audio("contents of the leg files swapped", "swapped-legs", None, None, &[], |copy| {
        copy.json(|json| {
            for file in json["files"].as_array_mut().unwrap() {
                let content = if file["content"] == "near" { "far" } else { "near" };
                if file["content"] != "stereo" {
                    file["content"] = json!(content);
                }
            }
        });
    })
    .with(&["wrong-metadata"]),
    audio("a file not listed", "unlisted-file", None, None, &[], |copy| {
        copy.json(|json| drop(json["files"].as_array_mut().unwrap().remove(0)));
    }),
    audio("metadata of garbage", "unreadable-metadata", None, None, &[], |copy| {
        copy.bytes("recording.json", |bytes| *bytes = b"{ garbage".to_vec());
    }),
    audio("metadata of a later version", "unreadable-metadata", None, None, &[], |copy| {
        copy.json(|json| json["version"] = json!(99));
    }),
    audio("no metadata", "missing-file", None, None, &[], |copy| remove(copy, "recording.json")),
];

/// The sizes of RIFF and of the audio.
fn sizes(copy: &Copy, riff: u32, data: u32) {
    copy.bytes("near.wav", |bytes| {
        put(bytes, 4, riff);
        put(bytes, 40, data);
    });
}

/// A chunk between format and audio, without a pad byte.
fn chunk(copy: &Copy, text: &[u8]) {
    copy.bytes("near.wav", |bytes| {
        let chunk = [b"LIST", (text.len() as u32).to_le_bytes().as_slice(), text].concat();
        bytes.splice(36..36, chunk);
        let riff = bytes.len() as u32 - 8;
        put(bytes, 4, riff);
    });
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Names the near leg's file otherwise.
fn name(copy: &Copy, name: &str) {
    copy.json(|json| json["files"][0]["name"] = json!(name));
}

fn remove(copy: &Copy, file: &str) {
    std::fs::remove_file(copy.path(file)).unwrap();
}

fn swap(json: &mut Value, one: &str, other: &str) {
    let first = json.pointer(one).unwrap().clone();
    let second = std::mem::replace(json.pointer_mut(other).unwrap(), first);
    *json.pointer_mut(one).unwrap() = second;
}
