//! `mixedmode record` as a process: killed in mid-call, started on a port in use, and met by peers that mean it harm.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use media::g711::{self, Law};
use media::wav;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mixedmode");

/// A recorder over plain TCP in a folder of its own.
struct Recorder {
    folder: PathBuf,
    child: Child,
    address: String,
}

impl Recorder {
    fn start(folder: &Path) -> Self {
        let config = folder.join("recorder.toml");
        let text =
            "user = \"7878\"\nsrtp = \"off\"\ntransports = [\"tcp\"]\nplain_port = 0\nrtp_ports = \"20000-40000\"\n";
        std::fs::write(&config, text).unwrap();
        let mut child = record(&config).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split(' ').nth(2).expect("it listens").to_owned();
        Self { folder: folder.to_owned(), child, address }
    }

    /// Ends it as its administrator would.
    fn stop(self) -> Output {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait_with_output().unwrap()
    }

    /// Ends it as a power cut would.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The only recording's folder.
    fn recording(&self) -> PathBuf {
        recording(&self.folder)
    }
}

fn record(config: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["record", "--config"]).arg(config).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn recording(folder: &Path) -> PathBuf {
    let only = |folder: PathBuf| {
        let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_dir());
        let first = entries.next().unwrap();
        assert!(entries.next().is_none(), "more than one folder");
        first
    };
    only(only(folder.join("recordings")))
}

/// A recorded call's near leg, in plain SIP and RTP.
struct Call {
    sip: TcpStream,
    rtp: UdpSocket,
    said: u16,
}

fn request(method: &str, cseq: u32, tag: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:7878@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK{method}{cseq}\r\n\
         From: <sip:1001@127.0.0.1;x-nearend;x-refci=25;x-nearendclusterid=Lab;x-nearenddevice=SEP1;x-farendrefci=24>;\
         tag=a\r\nTo: <sip:7878@127.0.0.1>{tag}\r\nCall-ID: one@127.0.0.1\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:1001@127.0.0.1:5060;transport=tcp>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads until a final answer has come whole.
fn answer(sip: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = sip.read(&mut buffer).unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if let Some((trying, rest)) = text.split_once("\r\n\r\n")
            && trying.starts_with("SIP/2.0 100")
        {
            text = rest.to_owned();
        }
        let length = text.split("Content-Length: ").nth(1).and_then(|l| l.split("\r\n").next()?.parse::<usize>().ok());
        if let (Some(length), Some((_, body))) = (length, text.split_once("\r\n\r\n"))
            && body.len() >= length
        {
            return text;
        }
    }
}

impl Call {
    fn establish(recorder: &Recorder) -> Self {
        let mut sip = recorder.connect();
        sip.write_all(request("INVITE", 1, "", "").as_bytes()).unwrap();
        let ok = answer(&mut sip);
        assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
        let between = |from: &str, to: &str| ok.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        rtp.connect(format!("127.0.0.1:{}", between("m=audio ", " "))).unwrap();
        let to = ok.lines().find(|line| line.starts_with("To:")).unwrap();
        let tag = format!(";tag={}", to.split("tag=").nth(1).unwrap());
        let port = rtp.local_addr().unwrap().port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n"
        );
        sip.write_all(request("ACK", 1, &tag, &sdp).as_bytes()).unwrap();
        Self { sip, rtp, said: 0 }
    }

    /// Packets of 20 ms, the n-th full of the code n.
    fn talk(&mut self, packets: u16) {
        for _ in 0..packets {
            let mut packet = vec![0x80, 0];
            packet.extend(self.said.to_be_bytes());
            packet.extend((u32::from(self.said) * 160).to_be_bytes());
            packet.extend([0, 0, 0, 7]);
            packet.resize(12 + 160, self.said as u8);
            self.rtp.send(&packet).unwrap();
            self.said += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// How many of the packets, counted from the first, the near leg's file holds, each in its place. Those in `lost` are
/// silence.
fn heard(folder: &Path, lost: &[usize]) -> usize {
    let near = wav::read(&std::fs::read(folder.join("near.wav")).unwrap()).unwrap();
    assert!(near.finished && near.defects.is_empty(), "{:?}", near.defects);
    let frames: Vec<&[i16]> = near.samples[0].chunks(160).collect();
    for (n, frame) in frames.iter().enumerate() {
        let expected = if lost.contains(&n) { 0 } else { g711::decode(Law::Mu, n as u8) };
        assert!(frame.iter().all(|sample| *sample == expected), "frame {n}");
    }
    frames.len()
}

/// A call of two seconds, cut off by a kill; what was synced is a second old at most.
fn killed(folder: &Path) -> PathBuf {
    let recorder = Recorder::start(folder);
    let mut call = Call::establish(&recorder);
    call.talk(100);
    let recording = recorder.recording();
    recorder.kill();
    assert!(!recording.join("recording.json").exists());
    recording
}

#[test]
fn a_killed_recorder_finishes_its_recording_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let recording = killed(folder.path());
    let output = Recorder::start(folder.path()).stop();
    assert!(output.status.success(), "{output:?}");
    assert!(heard(&recording, &[]) >= 90);
    let metadata = std::fs::read_to_string(recording.join("recording.json")).unwrap();
    assert!(metadata.contains("\"recovered\""), "{metadata}");
}

#[test]
fn damage_to_a_killed_recorders_journal_costs_what_it_hit_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let recording = killed(folder.path());
    let journal = recording.join("journal.mmj");
    let mut bytes = std::fs::read(&journal).unwrap();
    // The fortieth packet's payload is found by its code; the last record is torn.
    let at = bytes.windows(160).position(|w| w.iter().all(|code| *code == 40)).unwrap();
    bytes[at + 80] ^= 0x20;
    bytes.truncate(bytes.len() - 30);
    std::fs::write(&journal, bytes).unwrap();
    let output = Recorder::start(folder.path()).stop();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("journal.mmj") && said.contains("damaged"), "{said}");
    assert!(heard(&recording, &[40]) >= 90);
    let metadata = std::fs::read_to_string(recording.join("recording.json")).unwrap();
    assert!(metadata.contains("journal-damaged") && metadata.contains("journal-torn"), "{metadata}");
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = folder.path().join("recorder.toml");
    std::fs::write(&config, format!("srtp = \"off\"\ntransports = [\"tcp\"]\nplain_port = {port}\n")).unwrap();
    let output = record(&config).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port} (TCP)")), "{said}");
}

#[test]
fn a_call_in_progress_survives_every_hostile_peer_on_its_listener() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path());
    let mut call = Call::establish(&recorder);
    let huge = "INVITE sip:7878@127.0.0.1 SIP/2.0\r\nContent-Length: 4000000000\r\n\r\n".to_owned();
    let long = format!("INVITE sip:7878@127.0.0.1 SIP/2.0\r\nX: {}", "x".repeat(100_000));
    let half = request("INVITE", 9, "", "")[..150].to_owned();
    let hello = "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".to_owned();
    let mut open = Vec::new();
    for hostile in [huge, long, half, hello, "\0".repeat(5000), "\r".repeat(5000), "GET / HTTP/1.1\r\n\r\n".into()] {
        let mut peer = recorder.connect();
        // It may be cut off while it still talks.
        let _ = peer.write_all(hostile.as_bytes());
        call.talk(5);
        open.push(peer);
    }
    for _ in 0..50 {
        open.push(recorder.connect());
    }
    // On the media port: nothing, noise, another version, a length that lies.
    for noise in [&b""[..], b"\x80", &[0xff; 1400], &[0x40; 172], &[0x8f; 13]] {
        call.rtp.send(noise).unwrap();
        call.talk(3);
    }
    drop(open);
    call.talk(10);
    call.sip.write_all(request("OPTIONS", 2, "", "").as_bytes()).unwrap();
    assert!(answer(&mut call.sip).starts_with("SIP/2.0 200"));
    let recording = recorder.recording();
    let output = recorder.stop();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(heard(&recording, &[]), usize::from(call.said));
}
