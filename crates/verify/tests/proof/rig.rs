//! Two concurrent calls, their ledger, and a recorder that records them perfectly: what the tests then damage.

use std::io::Cursor;

use media::g711::{Law, decode_all, encode_all};
use media::ledger::{Fate, Leg, Nature, Row, Stream, StreamKind};
use media::signal::Voice;
use media::wav::{Encoding, Writer, read};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use verify::{ChannelTrace, Content, Expected, Limits, Recorded, RecordedFile, Truth, Verdict, judge, judge_traced};

/// Samples of a frame.
pub(crate) const FRAME: usize = 160;

/// Frames of a leg.
pub(crate) const FRAMES: usize = 300;

/// Packets of a key: five while it is held, and its end twice more.
pub(crate) const KEY_PACKETS: usize = 7;

/// How the recorder lays out its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Stereo,
    Mono,
    /// Both legs in one channel.
    Mix,
}

/// Two calls as said and as recorded.
pub(crate) struct Case {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) law: Law,
    /// Near and far of call 0, near and far of call 1, then the voice on the main call of call 0's phone.
    pub(crate) streams: Vec<Stream>,
    /// The audio of each call by leg, on the time line of the file.
    pub(crate) audio: [[Vec<i16>; 2]; 2],
    pub(crate) layout: Layout,
    /// How the legs become one sample of a mix.
    pub(crate) mixing: fn(i16, i16) -> i16,
    pub(crate) limits: Limits,
    /// The files' bytes by call and file, once they are written.
    pub(crate) files: Option<Vec<Vec<Vec<u8>>>>,
    /// What the recorder's metadata says each recording is.
    pub(crate) named: [Option<usize>; 2],
    /// What the files' channels are said to hold.
    pub(crate) claims: [Leg; 2],
    /// The calls that were recorded.
    pub(crate) recorded: Vec<usize>,
    /// Samples by which frames from 150 on are later than their number says.
    pub(crate) hold: usize,
    /// The first file of call 0 is not there.
    pub(crate) gone: bool,
}

impl Case {
    /// A case in which everything is right. Law, layout, start of the far leg and speech depend on the seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(seed, seed << 8)
    }

    /// The same case with the same words, in which voices have other names.
    pub(crate) fn of(seed: u64, identity: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let law = Law::ALL[(seed % 2) as usize];
        let layout = if seed.is_multiple_of(3) { Layout::Mono } else { Layout::Stereo };
        let mut streams = Vec::new();
        for call in 0..2u64 {
            let far_late = u64::from(rng.next_u32() % 100) * 1000;
            for (leg, late) in [(Leg::Near, 0), (Leg::Far, far_late)] {
                let file = ["agent", "customer"][((leg as u64 + call) % 2) as usize];
                let voice = Voice::speech(speech(file, rng.next_u32()), identity | streams.len() as u64);
                let kind = StreamKind::Bridge(leg);
                streams.push(stream(&format!("SEP00000000000{call}"), kind, law, 1_000_000 + late, voice, &mut rng));
            }
        }
        let mut main = streams[0].clone();
        main.kind = StreamKind::Voice;
        streams.push(main);
        let mut case = Self {
            rng,
            law,
            streams,
            audio: Default::default(),
            layout,
            mixing: i16::saturating_add,
            limits: Limits::default(),
            files: None,
            named: [Some(0), Some(1)],
            claims: Leg::ALL,
            recorded: vec![0, 1],
            hold: 0,
            gone: false,
        };
        case.record();
        case
    }

    /// Records both calls as the ledger says: every genuine packet that arrived, in its place; silence elsewhere.
    pub(crate) fn record(&mut self) {
        for call in 0..2 {
            self.record_call(call);
        }
    }

    /// Records one call as the ledger says.
    pub(crate) fn record_call(&mut self, call: usize) {
        self.audio[call] = self.played(call);
    }

    /// What a perfect recorder makes of a call, by leg.
    pub(crate) fn played(&self, call: usize) -> [Vec<i16>; 2] {
        let legs = [&self.streams[2 * call], &self.streams[2 * call + 1]];
        let start = legs.iter().map(|stream| stream.started_us).min().unwrap_or(0);
        let mut audio = legs.map(|stream| play(stream, start));
        if self.layout == Layout::Mono {
            // A file of its own starts with its own first packet.
            let late = (legs[1].started_us - start) as usize * 8 / 1000;
            audio[1].drain(..late);
        } else {
            let length = audio.iter().map(Vec::len).max().unwrap_or(0);
            audio.iter_mut().for_each(|leg| leg.resize(length, 0));
        }
        audio
    }

    /// Where a frame of a leg of call 0 starts in its channel.
    pub(crate) fn place(&self, leg: usize, frame: usize) -> usize {
        let late = (self.streams[leg].started_us - self.streams[0].started_us) as usize * 8 / 1000;
        let start = if self.layout == Layout::Mono { 0 } else { late };
        start + frame * FRAME + if frame >= 150 { self.hold } else { 0 }
    }

    /// Presses a key in a stream of call 0: packets of an event in place of seven frames, five of them while it is held.
    pub(crate) fn press(&mut self, stream: usize, frame: usize) {
        let old = self.streams[stream].clone();
        let new = &mut self.streams[stream];
        (new.rows, new.payloads) = Default::default();
        for (number, row) in old.rows.iter().enumerate() {
            let held = number.wrapping_sub(frame);
            if held >= KEY_PACKETS {
                new.push(*row, old.payload(row));
                continue;
            }
            let duration = ((held + 1).min(5) * FRAME) as u16;
            let [high, low] = duration.to_be_bytes();
            let end = if held >= 4 { 0x80 } else { 0 };
            let timestamp = old.rows[frame].timestamp;
            new.push(Row { timestamp, payload_type: 101, marker: held == 0, ..*row }, &[7, end | 10, high, low]);
        }
    }

    /// A random number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    /// A random leg of call 0 and a frame well inside it.
    pub(crate) fn somewhere(&mut self) -> (usize, usize) {
        let leg = self.below(2);
        (leg, 30 + self.below(FRAMES - 90))
    }

    /// What the law can say.
    pub(crate) fn noise(&mut self, samples: usize) -> Vec<i16> {
        let codes: Vec<u8> = (0..samples).map(|_| self.rng.next_u32() as u8).collect();
        decode_all(self.law, &codes)
    }

    /// The audio of a packet.
    pub(crate) fn content(&self, stream: usize, frame: usize) -> Vec<i16> {
        let stream = &self.streams[stream];
        decode_all(self.law, stream.payload(&stream.rows[frame]))
    }

    /// The files as the recorder writes them.
    pub(crate) fn write(&mut self) -> &mut Vec<Vec<Vec<u8>>> {
        let write = |call: &[Vec<i16>; 2]| match self.layout {
            Layout::Stereo => {
                let both = call[0].iter().zip(&call[1]).flat_map(|(near, far)| [*near, *far]).collect::<Vec<_>>();
                vec![wav(2, &both)]
            }
            Layout::Mono => call.iter().map(|leg| wav(1, leg)).collect(),
            Layout::Mix => {
                let mix: Vec<i16> = call[0].iter().zip(&call[1]).map(|(a, b)| (self.mixing)(*a, *b)).collect();
                vec![wav(1, &mix)]
            }
        };
        let files = self.audio.iter().map(write).collect();
        self.files.insert(files)
    }

    pub(crate) fn judge(self) -> Verdict {
        self.judged(judge)
    }

    pub(crate) fn judge_traced(self) -> (Verdict, Vec<ChannelTrace>) {
        self.judged(judge_traced)
    }

    fn judged<T>(mut self, judge: fn(&Truth<'_>, &[Recorded<'_>], &Limits) -> T) -> T {
        if self.files.is_none() {
            self.write();
        }
        let files = self.files.take().unwrap_or_default();
        let truth = Truth {
            streams: &self.streams,
            recordings: vec![Expected::new("call 0", 0, 1), Expected::new("call 1", 2, 3)],
        };
        let mut recorded: Vec<Recorded<'_>> = (self.recorded.iter())
            .map(|&call| Recorded {
                label: format!("recording {call}"),
                expected: self.named[call],
                files: (files[call].iter().enumerate())
                    .map(|(number, bytes)| match self.layout {
                        Layout::Stereo => RecordedFile {
                            claims: self.claims.map(Some).to_vec(),
                            ..RecordedFile::stereo("stereo.wav", bytes)
                        },
                        Layout::Mix => RecordedFile { claims: vec![None], ..RecordedFile::stereo("mix.wav", bytes) },
                        Layout::Mono => {
                            let leg = self.claims[number];
                            RecordedFile::mono(format!("{}.wav", leg.name()), leg, bytes)
                        }
                    })
                    .collect(),
            })
            .collect();
        if self.gone {
            recorded[0].files[0].content = Content::Missing;
        }
        judge(&truth, &recorded, &self.limits)
    }
}

/// A speech file from `start` on, round its end.
fn speech(name: &str, start: u32) -> Vec<i16> {
    let path = format!("{}/../../testdata/speech/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).expect("the speech of testdata");
    let mut samples = read(&bytes).expect("a WAV file").samples.remove(0);
    let start = start as usize % samples.len();
    samples.rotate_left(start);
    samples
}

/// A stream of [`FRAMES`] packets that all arrived.
fn stream(phone: &str, kind: StreamKind, law: Law, start: u64, mut voice: Voice, rng: &mut ChaCha20Rng) -> Stream {
    let (sequence, timestamp) = (rng.next_u32() as u16, rng.next_u32());
    let mut stream = Stream {
        phone: phone.into(),
        kind,
        dialog: format!("{kind:?}@{phone}"),
        main_dialog: format!("main@{phone}"),
        ssrc: rng.next_u32(),
        codec: law.into(),
        suite: None,
        key_fingerprint: None,
        source: ([127, 0, 0, 2], 20000).into(),
        destination: ([127, 0, 0, 3], 30000).into(),
        clock: 8000,
        samples_per_packet: FRAME as u32,
        started_us: start,
        ended_us: start + 20_000 * FRAMES as u64,
        rows: Vec::new(),
        payloads: Vec::new(),
    };
    for frame in 0..FRAMES {
        let mut samples = [0; FRAME];
        voice.next_frame(&mut samples);
        let row = Row {
            sequence: sequence.wrapping_add(frame as u16),
            index: u64::from(sequence) + frame as u64,
            timestamp: timestamp.wrapping_add((frame * FRAME) as u32),
            sent_us: start + 20_000 * frame as u64,
            payload_type: law.payload_type(),
            fate: Fate::Delivered { delay_us: 300 },
            ..Row::base()
        };
        stream.push(row, &encode_all(law, &samples));
    }
    stream
}

/// What a perfect recorder makes of a stream, on a time line that starts at `start`.
fn play(stream: &Stream, start: u64) -> Vec<i16> {
    let law = stream.codec.law().expect("G.711");
    let late = (stream.started_us - start) as usize * 8 / 1000;
    let first = stream.rows[0].timestamp;
    let mut out = Vec::new();
    let is_played = |row: &&Row| row.nature == Nature::Genuine && row.law().is_some() && row.fate.delay_us().is_some();
    for row in stream.rows.iter().filter(is_played) {
        let at = late + row.timestamp.wrapping_sub(first) as usize;
        if out.len() < at + FRAME {
            out.resize(at + FRAME, 0);
        }
        out[at..at + FRAME].copy_from_slice(&decode_all(law, stream.payload(row)));
    }
    out
}

/// A WAV file of interleaved samples.
pub(crate) fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
    wav_as(channels, Encoding::Pcm16, samples)
}

/// A WAV file of interleaved samples in an encoding.
pub(crate) fn wav_as(channels: u16, encoding: Encoding, samples: &[i16]) -> Vec<u8> {
    let write = || {
        let mut writer = Writer::new(Cursor::new(Vec::new()), 8000, channels, encoding)?;
        writer.write(samples)?;
        writer.finish().map(Cursor::into_inner)
    };
    write().expect("memory takes whatever is written")
}
