//! The recorder under test: its profile, its certificates, its ports, and whether it answers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use recorder::certs::Store;
use scenario::run::{Pinged, ping};
use scenario::under_test::{Dated, Profile, SOON, UnderTest, load_all};
use wire::{Net, NetOptions};

use super::Check;

/// Reads `mixedmode.toml`, which may be missing where nothing of it is asked for.
///
/// # Errors
/// What is wrong in the file.
pub(super) fn config(file: &Path, name: &str) -> Result<(Check, Vec<Profile>), String> {
    let what = "mixedmode.toml";
    if !file.exists() {
        let said = format!("there is no {}", file.display());
        return match name {
            "bundled" => Ok((Check::ok(what, format!("{said}; `mixedmode init own-recorder` begins one")), Vec::new())),
            _ => Err(format!("{said} that tells of `{name}`; `mixedmode init own-recorder` begins one")),
        };
    }
    let profiles = load_all(file).map_err(|broken| {
        let places: Vec<String> =
            broken.diagnostics.iter().map(|d| format!("line {}: {}", d.place.line, d.message)).collect();
        format!("{}: {}; no run with it can begin", file.display(), places.join("; "))
    })?;
    let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
    let said = format!("{} tells of {}", file.display(), names.join(", "));
    if name != "bundled" && !names.contains(&name) {
        return Err(format!("{said}, and not of `{name}`"));
    }
    Ok((Check::ok(what, said), profiles))
}

/// The dates of all certificates that are kept from run to run.
pub(super) fn dates(store: &Path, profiles: &[Profile]) -> Vec<Check> {
    let now = SystemTime::now();
    let of_profiles = profiles.iter().flat_map(|profile| profile.certificate_dates()).map(|dated| date(&dated, now));
    let mut checks: Vec<Check> = of_profiles.collect();
    match store.exists().then(|| Store::new(store).list(now)) {
        None => {}
        Some(Err(error)) => checks.push(Check::fail("certificates", error.to_string())),
        Some(Ok(entries)) => checks.extend(entries.iter().map(|entry| {
            let said = format!("{} ({}) until {}", entry.file.display(), entry.subject, entry.valid.1);
            match &entry.warning {
                Some(warning) => {
                    Check::warn("certificates", format!("{said}: {warning}; `mixedmode certs create --replace`"))
                }
                None => Check::ok("certificates", said),
            }
        })),
    }
    checks
}

fn date(dated: &Dated, now: SystemTime) -> Check {
    let file = dated.file.display();
    let (subject, from, until) = match &dated.certificate {
        Ok(certificate) => certificate,
        Err(why) => return Check::fail("certificates", format!("{file}: {why}; give the path of a PEM certificate")),
    };
    let days = |time: Duration| time.as_secs() / (24 * 3600);
    match until.duration_since(now) {
        Err(past) => Check::fail(
            "certificates",
            format!(
                "{file} ({subject}) ended {} days ago; make a new one and give it to both sides",
                days(past.duration())
            ),
        ),
        Ok(_) if *from > now => {
            Check::fail("certificates", format!("{file} ({subject}) is not valid yet; look at the clock"))
        }
        Ok(left) if left < SOON => {
            Check::warn("certificates", format!("{file} ({subject}) ends in {} days; make a new one soon", days(left)))
        }
        Ok(left) => Check::ok("certificates", format!("{file} ({subject}) is valid for {} days", days(left))),
    }
}

/// Whether the ports are free for a recorder that is to be started, and whether it answers OPTIONS.
pub(super) fn answers(name: &str, profiles: Vec<Profile>) -> Vec<Check> {
    let profile = profiles.into_iter().find(|profile| profile.name == name);
    let mut checks = profile.as_ref().map(ports).unwrap_or_default();
    let under_test = profile.map_or(UnderTest::Bundled, |profile| UnderTest::External(Arc::new(profile)));
    match ping(&under_test) {
        Ok(all) => checks.extend(all.into_iter().map(|pinged| answered(name, &pinged))),
        Err(error) => checks.push(Check::fail("OPTIONS", error.to_string())),
    }
    checks
}

fn answered(name: &str, pinged: &Pinged) -> Check {
    let transport = pinged.transport;
    match &pinged.answer {
        Ok(answer) if answer.starts_with("408") || answer.starts_with("503") => {
            let said = format!(
                "`{name}` answers {answer} over {transport}, by which CUCM takes it out of service; answer 200"
            );
            Check::fail("OPTIONS", said)
        }
        Ok(answer) => Check::ok("OPTIONS", format!("`{name}` answers {answer} over {transport}")),
        Err(why) => Check::fail("OPTIONS", format!("`{name}` over {transport}: {why}")),
    }
}

/// The ports of a recorder that is started at a fixed address.
fn ports(profile: &Profile) -> Vec<Check> {
    let (Some(address), Some(_)) = (profile.address, &profile.start) else { return Vec::new() };
    let listens = profile.listens;
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let net = Net::os(NetOptions::default());
    let all = [listens.tls, listens.tcp].into_iter().flatten();
    all.map(|port| {
        let at = SocketAddr::new(address, port);
        match runtime.block_on(net.listen(at)) {
            Ok(_) => Check::ok("ports", format!("{at} is free")),
            Err(error) => {
                let help = format!("end what listens there (`ss -ltnp 'sport = :{port}'`), or name another port");
                Check::fail("ports", format!("{at} cannot be had for `{}`: {error}; {help}", profile.name))
            }
        }
    })
    .collect()
}
