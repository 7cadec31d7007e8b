//! `mixedmode certs`: the certificate tasks of a recorder's administrator.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use recorder::certs::Store;

use crate::args::{Certs, CertsVerb};
use crate::exit::Exit;

/// What a verb came to: text for standard output, or why it could not be done.
type Done = Result<String, String>;

pub(crate) fn certs(args: &Certs, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let store = Store::new(&args.store);
    let done = match &args.verb {
        CertsVerb::Create { address, days, replace } => create(&store, *address, *days, *replace),
        CertsVerb::List => list(&store),
        CertsVerb::Export { file } => export(&store, file),
        CertsVerb::Import { file } => import(&store, file),
    };
    match done {
        Ok(text) => {
            write!(out, "{text}")?;
            Ok(Exit::Pass)
        }
        Err(why) => {
            writeln!(err, "error: {why}")?;
            Ok(Exit::BadFile)
        }
    }
}

fn create(store: &Store, address: IpAddr, days: u32, replace: bool) -> Done {
    let length = Duration::from_secs(u64::from(days) * 24 * 3600);
    let made = store.create(address, SystemTime::now(), length, replace).map_err(|e| e.to_string())?;
    let own = store.own().map_err(|e| e.to_string())?;
    let subject = own.certificate.subject();
    Ok(if made {
        format!("created {subject}, valid for {days} days; export it and upload it to CUCM as CallManager-trust\n")
    } else {
        format!("kept {subject}, which is still valid (--replace makes a new one)\n")
    })
}

fn list(store: &Store) -> Done {
    let entries = store.list(SystemTime::now()).map_err(|e| e.to_string())?;
    if entries.is_empty() {
        return Ok("no certificates\n".to_owned());
    }
    let line = |entry: &recorder::certs::Entry| {
        let whose = if entry.own { "own    " } else { "trusted" };
        let (from, to) = &entry.valid;
        let warning = entry.warning.as_ref().map(|w| format!("\n        warning: {w}")).unwrap_or_default();
        format!(
            "{whose} {}\n        issuer {}, {from} to {to}\n        SHA-256 {}{warning}\n",
            entry.subject, entry.issuer, entry.fingerprint
        )
    };
    Ok(entries.iter().map(line).collect())
}

fn export(store: &Store, file: &Path) -> Done {
    let pem = store.export().map_err(|e| e.to_string())?;
    if file == Path::new("-") {
        return Ok(pem);
    }
    std::fs::write(file, pem).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    Ok(format!("written to {}\n", file.display()))
}

fn import(store: &Store, file: &Path) -> Done {
    let text = wire::file::read_text(file, recorder::certs::LARGEST)
        .map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let files = store.import(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(files.iter().map(|f| format!("trusted: {}\n", f.display())).collect())
}
