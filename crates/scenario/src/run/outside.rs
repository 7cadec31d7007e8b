//! What stands behind trunks for calls: its certificates, what CUCM knows of it, and itself.

use std::time::{Duration, SystemTime};

use cucm::config as cfg;
use media::signal::Voice;
use media::srtp::Suite;
use phone::MediaClock;
use phone::outside::{Config, Kind, Outside, Party, Security, open};
use trust::cert::{Certificate, Identity, KeyKind, Request};
use wire::Net;

use super::addresses::Addresses;
use super::error::SetupError;
use super::play::{phone_codec, voice};
use crate::file::{Scenario, Site, SiteKind};

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// The sites of a scenario before they are opened.
pub(super) struct Sites<'a> {
    scenario: &'a Scenario,
    addresses: Addresses,
    identities: Vec<Identity>,
}

impl<'a> Sites<'a> {
    /// Fresh certificates around `now`.
    pub(super) fn make(scenario: &'a Scenario, addresses: Addresses, now: SystemTime) -> Result<Self, SetupError> {
        let identity = |site: &Site| {
            let request = Request::call_manager(&site.name, now - HOUR).with_key(KeyKind::EcP256).valid_for(DAY);
            Identity::self_signed(&request)
                .map_err(|e| SetupError::Certificate { whose: site.name.clone(), why: e.to_string() })
        };
        let identities = scenario.outside.iter().map(identity).collect::<Result<_, _>>()?;
        Ok(Self { scenario, addresses, identities })
    }

    /// Adds a trunk for each site to the cluster, and a route pattern for each of its parties.
    pub(super) fn configure(&self, config: &mut cfg::Config) {
        for (index, (site, identity)) in self.scenario.outside.iter().zip(&self.identities).enumerate() {
            let (profile, at) = (format!("{} Profile", site.name), self.addresses.site(index, site.encrypted));
            config.sip_trunk_security_profiles.push(match site.encrypted {
                true => cfg::SipTrunkSecurityProfile::encrypted(&profile, &site.name),
                false => cfg::SipTrunkSecurityProfile::non_secure(&profile),
            });
            if site.encrypted {
                config.call_manager_trust.add(identity.certificate.clone());
            }
            config.trunks.push(cfg::SipTrunk {
                name: site.name.clone(),
                destinations: vec![cfg::Destination { address: at.ip(), port: at.port() }],
                srtp_allowed: site.encrypted,
                transmit_security_status: false,
                security_profile: profile,
                sip_profile: STANDARD.to_owned(),
                takes_calls: true,
                recording_information: match site.kind {
                    SiteKind::Cluster => cfg::RecordingInformation::None,
                    SiteKind::Gateway => cfg::RecordingInformation::Gateways,
                },
            });
            let patterns = site.parties.iter().map(|party| cfg::RoutePattern::to_trunk(&party.line, &site.name));
            config.route_patterns.extend(patterns);
        }
        // The recorder's trunks may have a profile of their own with another offer.
        if !self.scenario.outside.is_empty() && config.sip_profiles.iter().all(|profile| profile.name != STANDARD) {
            config.sip_profiles.push(cfg::SipProfile { name: STANDARD.to_owned(), ..cfg::SipProfile::standard() });
        }
    }

    /// Opens them all.
    pub(super) async fn open(
        &self,
        (net, clock): (&Net, &MediaClock),
        call_manager: &Certificate,
        seed: u64,
    ) -> Result<Vec<Outside>, SetupError> {
        let mut opened = Vec::new();
        let mut number = self.scenario.phones.len() as u64;
        for (index, (site, identity)) in self.scenario.outside.iter().zip(&self.identities).enumerate() {
            let at = self.addresses.site(index, site.encrypted);
            let mut parties = Vec::new();
            for party in &site.parties {
                let voice: Voice = voice(&party.says, seed ^ (number + 11))?;
                number += 1;
                parties.push(Party { number: party.line.clone(), display: party.display.clone(), voice });
            }
            let config = Config {
                name: site.name.clone(),
                kind: match site.kind {
                    SiteKind::Cluster => Kind::Cluster,
                    SiteKind::Gateway => Kind::Gateway,
                },
                forking: site.forking,
                address: at.ip(),
                port: at.port(),
                cucm: (self.addresses.cucm(), if site.encrypted { 5061 } else { 5060 }).into(),
                security: site
                    .encrypted
                    .then(|| Security { identity: identity.clone(), trusted: vec![call_manager.clone()] }),
                suites: if site.encrypted { Suite::ALL.to_vec() } else { Vec::new() },
                codecs: site.parties[0].codecs.iter().map(|codec| phone_codec(*codec)).collect(),
                parties,
                media: clock.clone(),
            };
            let site = open(net.clone(), config, seed ^ (index as u64 + 301)).await;
            opened.push(
                site.map_err(|why| SetupError::Start { who: format!("`{}`", self.scenario.outside[index].name), why })?,
            );
        }
        Ok(opened)
    }
}

const STANDARD: &str = "Standard SIP Profile";
