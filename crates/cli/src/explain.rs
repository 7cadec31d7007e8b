//! `mixedmode explain`.

use std::io::{self, Write};

use clap::Args;
use scenario::advice::{self, Advice, Kind};

use crate::exit::Exit;

/// `mixedmode explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// What was printed, such as `lost-frames`, `x509-subject`, `inconclusive` or `4`; without any, all names are listed.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) fn explain(args: &Explain, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    if args.names.is_empty() {
        list(out)?;
        return Ok(Exit::Pass);
    }
    let mut exit = Exit::Pass;
    for name in &args.names {
        let mut is_known = false;
        for (kind, advice) in advice::about(name) {
            write!(out, "{}", text(kind, advice))?;
            is_known = true;
        }
        if !is_known {
            let help = match advice::nearest(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`mixedmode explain` lists all names".to_owned(),
            };
            writeln!(err, "error: nothing is called `{name}`; {help}")?;
            exit = Exit::Usage;
        }
    }
    Ok(exit)
}

fn text(kind: Kind, advice: &Advice) -> String {
    let Advice { name, means, causes, look, fix, source } = advice;
    format!(
        "{name} ({})\n  means    {means}\n  causes   {causes}\n  look at  {look}\n  to fix   {fix}\n  source   {source}\n",
        kind.name()
    )
}

/// All names, by kind, each with what it means.
fn list(out: &mut impl Write) -> io::Result<()> {
    let mut latest = None;
    for (kind, advice) in advice::all() {
        if latest.replace(kind) != Some(kind) {
            writeln!(out, "{}:", kind.name())?;
        }
        writeln!(out, "  {:<30} {}", advice.name, advice.means)?;
    }
    Ok(())
}
