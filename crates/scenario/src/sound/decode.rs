//! Compressed files, through `symphonia`.

use std::io::{Cursor, ErrorKind};

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::default::{get_codecs, get_probe};

use super::{Kind, MOST, SoundError, wav};

/// What a file decodes to, as a WAV file. A decoder's delay and padding are cut off where the file tells them.
pub(super) fn decode(kind: Kind, bytes: Vec<u8>) -> Result<Vec<u8>, SoundError> {
    let broken = |error: Error| SoundError::Broken { what: kind.name(), why: error.to_string() };
    let empty = |why: &str| SoundError::Broken { what: kind.name(), why: why.to_owned() };
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let probed = get_probe().probe(&hint(kind), stream, FormatOptions::default(), MetadataOptions::default());
    let mut format = probed.map_err(broken)?;
    let track = format.default_track(TrackType::Audio).ok_or_else(|| empty("it has no audio"))?;
    let id = track.id;
    let codec = track.codec_params.as_ref().and_then(|codec| codec.audio());
    let codec = codec.ok_or_else(|| empty("it does not say how its audio is coded"))?;
    if codec.codec == CODEC_ID_OPUS {
        return Err(SoundError::Codec { what: "Opus in a file", to: "-ar 8000 out.wav" });
    }
    let mut decoder = get_codecs().make_audio_decoder(codec, &AudioDecoderOptions::default()).map_err(broken)?;
    let (mut samples, mut shape): (Vec<i16>, Option<(u32, usize)>) = (Vec::new(), None);
    let mut values: Vec<f64> = Vec::new();
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A file that was cut off is judged as far as it goes.
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) if samples.is_empty() => return Err(broken(error)),
            Err(_) => break,
        };
        if packet.track_id != id {
            continue;
        }
        // A packet that is damaged is missing from what was stored, and found so.
        let Ok(decoded) = decoder.decode(&packet) else { continue };
        let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
        if *shape.get_or_insert((rate, channels)) != (rate, channels) {
            return Err(empty("its rate or its number of channels changes in the midst of it"));
        }
        values.resize(decoded.samples_interleaved(), 0.0);
        decoded.copy_to_slice_interleaved(&mut values);
        samples.extend(values.iter().map(|value| (value * 32_768.0).round() as i16));
        if samples.len() as u64 * 2 > MOST {
            return Err(SoundError::TooLong { what: kind.name(), most: MOST });
        }
    }
    let (rate, channels) = shape.ok_or_else(|| empty("it has no audio"))?;
    let channels = u16::try_from(channels).map_err(|_| empty("it has too many channels"))?;
    wav(kind.name(), rate, channels, &samples)
}

fn hint(kind: Kind) -> Hint {
    let mut hint = Hint::new();
    hint.with_extension(match kind {
        Kind::Flac => "flac",
        Kind::Mp3 => "mp3",
        Kind::Ogg => "ogg",
        Kind::Mp4 => "m4a",
        Kind::Amr => "amr",
    });
    hint
}
