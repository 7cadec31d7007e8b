//! What cannot work is refused before a socket is opened.

use std::collections::BTreeSet;

use crate::config::{Config, DeviceSecurityMode, PhoneDevice, RecordingOption, SipTrunk, TrunkTransport};

/// A configuration that CUCM's administration pages would not accept, or that is not built here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// NULL-SHA is not built.
    #[error(
        "{kind} security profile \"{name}\" has device security mode authenticated, which is not available: it needs TLS with NULL-SHA; choose encrypted or non-secure"
    )]
    Authenticated {
        /// `phone` or `SIP trunk`.
        kind: &'static str,
        /// Name of the profile.
        name: String,
    },
    /// A name that nothing carries.
    #[error("{of} refers to {kind} \"{name}\", which does not exist")]
    Unknown {
        /// What refers.
        of: String,
        /// What kind of thing is missing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Two things with one name.
    #[error("{kind} \"{name}\" exists twice")]
    Twice {
        /// What kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A value that cannot be written into a message.
    #[error("{what} \"{value}\" is not usable: {why}")]
    Unusable {
        /// Which value.
        what: &'static str,
        /// The value.
        value: String,
        /// Why it cannot stand.
        why: &'static str,
    },
    /// A recorded line without a profile.
    #[error("line {line} of {device} is recorded, but has no recording profile")]
    NoRecordingProfile {
        /// Device name.
        device: String,
        /// Directory number.
        line: String,
    },
    /// A trunk with nowhere to go.
    #[error("trunk \"{0}\" has no destination")]
    NoDestination(String),
    /// Mode and transport do not fit.
    #[error("SIP trunk security profile \"{0}\" is encrypted, but its outgoing transport is not TLS")]
    EncryptedWithoutTls(String),
    /// A phone without a number.
    #[error("phone {0} has no line")]
    NoLine(String),
}

impl Config {
    /// Checks what the pages of CUCM would check.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_profiles()?;
        let mut names = BTreeSet::new();
        for phone in &self.phones {
            unique(&mut names, "device", &phone.device_name.to_ascii_uppercase())?;
            self.check_phone(phone)?;
        }
        self.check_numbers()?;
        for trunk in &self.trunks {
            unique(&mut names, "device", &trunk.name.to_ascii_uppercase())?;
            self.check_trunk(trunk)?;
        }
        self.check_routes()?;
        token("cluster id", &self.cluster_id)
    }

    /// One number on several phones is a shared line; on one phone it can stand once, and no phone can have a park number.
    fn check_numbers(&self) -> Result<(), ConfigError> {
        let mut all = BTreeSet::new();
        for phone in &self.phones {
            let mut own = BTreeSet::new();
            for line in &phone.lines {
                unique(&mut own, "directory number", &line.directory_number)?;
            }
            all.append(&mut own);
        }
        let directed = &self.directed_call_park;
        if !directed.numbers.is_empty() {
            token("retrieval prefix", &directed.retrieval_prefix)?;
        }
        for number in self.park_numbers.iter().chain(&directed.numbers) {
            token("park number", number)?;
            unique(&mut all, "directory number", number)?;
        }
        Ok(())
    }

    fn check_profiles(&self) -> Result<(), ConfigError> {
        let phones = self.phone_security_profiles.iter().map(|p| ("phone", &p.name, p.mode));
        let trunks = self.sip_trunk_security_profiles.iter().map(|p| ("SIP trunk", &p.name, p.mode));
        for (kind, name, mode) in phones.chain(trunks) {
            if mode == DeviceSecurityMode::Authenticated {
                return Err(ConfigError::Authenticated { kind, name: name.clone() });
            }
        }
        let wrong = self.sip_trunk_security_profiles.iter().find(|profile| {
            profile.mode == DeviceSecurityMode::Encrypted && profile.outgoing_transport != TrunkTransport::Tls
        });
        wrong.map_or(Ok(()), |profile| Err(ConfigError::EncryptedWithoutTls(profile.name.clone())))
    }

    fn check_phone(&self, phone: &PhoneDevice) -> Result<(), ConfigError> {
        let of = || format!("phone {}", phone.device_name);
        token("device name", &phone.device_name)?;
        if !self.phone_security_profiles.iter().any(|p| p.name == phone.security_profile) {
            return Err(unknown(of(), "phone security profile", &phone.security_profile));
        }
        if phone.lines.is_empty() {
            return Err(ConfigError::NoLine(phone.device_name.clone()));
        }
        for line in &phone.lines {
            token("directory number", &line.directory_number)?;
            display(&line.display)?;
            let forward = [&line.forward.all, &line.forward.busy, &line.forward.no_answer];
            forward.into_iter().flatten().try_for_each(|number| token("forward destination", number))?;
            if line.recording_option == RecordingOption::Disabled {
                continue;
            }
            let Some(name) = &line.recording_profile else {
                return Err(ConfigError::NoRecordingProfile {
                    device: phone.device_name.clone(),
                    line: line.directory_number.clone(),
                });
            };
            let Some(profile) = self.recording_profile(name) else {
                return Err(unknown(of(), "recording profile", name));
            };
            token("recording destination", &profile.recording_destination)?;
        }
        Ok(())
    }

    fn check_trunk(&self, trunk: &SipTrunk) -> Result<(), ConfigError> {
        let of = || format!("trunk {}", trunk.name);
        if trunk.destinations.is_empty() {
            return Err(ConfigError::NoDestination(trunk.name.clone()));
        }
        if self.security_profile_of(trunk).is_none() {
            return Err(unknown(of(), "SIP trunk security profile", &trunk.security_profile));
        }
        if self.sip_profile_of(trunk).is_none() {
            return Err(unknown(of(), "SIP profile", &trunk.sip_profile));
        }
        Ok(())
    }
}

fn unknown(of: String, kind: &'static str, name: &str) -> ConfigError {
    ConfigError::Unknown { of, kind, name: name.to_owned() }
}

fn unique(seen: &mut BTreeSet<String>, kind: &'static str, name: &str) -> Result<(), ConfigError> {
    if seen.insert(name.to_owned()) {
        return Ok(());
    }
    Err(ConfigError::Twice { kind, name: name.to_owned() })
}

/// A value that stands unquoted in a URI: letters, digits and a few marks, so that no message can be broken by it.
fn token(what: &'static str, value: &str) -> Result<(), ConfigError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-_.*#".contains(c);
    if !value.is_empty() && value.chars().all(fits) {
        return Ok(());
    }
    Err(ConfigError::Unusable {
        what,
        value: value.to_owned(),
        why: "it must be letters, digits and + - _ . * # only, and not empty",
    })
}

/// A value that stands in quotes.
fn display(value: &str) -> Result<(), ConfigError> {
    if !value.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
        return Ok(());
    }
    Err(ConfigError::Unusable {
        what: "display name",
        value: value.to_owned(),
        why: "quotes, backslashes and control characters are not allowed",
    })
}
