//! The phones of a scenario boot.

use media::signal::Voice;
use wire::{Impairment, Route};

use super::cast::Cast;
use super::start;
use crate::file::{self, Cluster, Codec, Says, Scenario};
use crate::run::addresses::{Addresses, device_name};
use crate::run::error::SetupError;
use crate::run::stage::{Certificates, address_of};

impl Cast<'_> {
    pub(super) async fn boot(
        &mut self,
        scenario: &Scenario,
        index: usize,
        certificates: &Certificates,
        addresses: Addresses,
        seed: u64,
    ) -> Result<(), SetupError> {
        let asked = &scenario.phones[index];
        let tftp = (addresses.cucm(), addresses.tftp_port).into();
        let voice = voice(&asked.says, seed ^ (index as u64 + 11))?;
        let device = device_name(index);
        let mut config = phone::Config::new(&device, addresses.phone(index), tftp, voice, self.clock.clone());
        config.identity = Some(certificates.phones[index].clone());
        config.suites.clone_from(&asked.suites);
        config.codecs = asked.codecs.iter().map(|codec| phone_codec(*codec)).collect();
        config.first.sequence = asked.first_sequence;
        config.first.ssrc = asked.ssrc;
        let Cluster { tone_to_observed: observed, tone_to_connected: connected, .. } = scenario.cluster;
        config.recording_tone = phone::RecordingTone { observed, connected };
        if !scenario.network.is_clean() {
            for place in 0..=scenario.destinations.len() {
                let route = Route::new(addresses.phone(index), address_of(scenario, addresses, place));
                self.net.set_impairment(route, impairment(&scenario.network));
            }
        }
        let phone = phone::boot(self.net.clone(), config, seed ^ (index as u64 + 101))
            .await
            .map_err(|e| start(&format!("phone `{}` ({device})", asked.name), &e))?;
        self.phones.push(phone);
        Ok(())
    }
}

pub(in crate::run) const fn phone_codec(codec: Codec) -> phone::Codec {
    match codec {
        Codec::G722 => phone::Codec::G722,
        Codec::Pcmu => phone::Codec::Pcmu,
        Codec::Pcma => phone::Codec::Pcma,
        Codec::G729 => phone::Codec::G729,
    }
}

fn impairment(network: &file::Network) -> Impairment {
    Impairment {
        loss: network.loss,
        burst: (network.burst > 1.0).then(|| wire::Burst {
            enter: network.loss / network.burst,
            leave: 1.0 / network.burst,
            loss: 1.0,
        }),
        delay: network.delay,
        jitter: network.jitter,
        reorder: network.reorder,
        duplicate: network.duplicate,
        ..Impairment::default()
    }
}

/// The two bundled speakers, so that the program speaks without any file beside it.
const SPEAKERS: [&[u8]; 2] = [
    include_bytes!("../../../../../testdata/speech/agent.wav"),
    include_bytes!("../../../../../testdata/speech/customer.wav"),
];

/// The voice that says it, whose frames `identity` names.
///
/// # Errors
/// The file that cannot be spoken, and why.
pub fn voice(says: &Says, identity: u64) -> Result<Voice, SetupError> {
    let (file, samples) = match says {
        Says::Speaker(number) => (format!("speaker {number}"), file::speech_of(SPEAKERS[number % 2])),
        Says::File(path) => (path.display().to_string(), file::speech(path)),
        Says::Signal(signal, speaker) => return Ok(signal.voice(*speaker, identity)),
    };
    let samples = samples.map_err(|why| SetupError::Speech { file, why })?;
    Ok(Voice::speech(samples, identity))
}
