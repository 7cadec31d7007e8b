//! What a scenario and the program end with.

use super::Advice;

const RUNNING: &str = "docs/running.md";

pub(super) const VERDICTS: &[Advice] = &[
    Advice {
        name: "pass",
        means: "everything that was said was recorded, and nothing else",
        causes: "a recorder that is right in this scenario",
        look: "frames proven, and what the last lines say could not be checked",
        fix: "nothing",
        source: "docs/proof.md",
    },
    Advice {
        name: "finding",
        means: "the recorder under test is wrong",
        causes: "each finding names its rule; `mixedmode explain RULE` tells what usually causes it",
        look: "the first finding; later ones often follow from it. `--report-html` has ladder, time line and audio",
        fix: "mend what the first finding says, and run again with `--last-failed`",
        source: RUNNING,
    },
    Advice {
        name: "setup-error",
        means: "the scenario could not be run: a port, a certificate, a process, a program that was to tell of recordings",
        causes: "a recorder that does not start, a port that is taken, an address that is not this machine's",
        look: "the reason beneath the scenario, and `mixedmode doctor`",
        fix: "do what the reason says; nothing is known about the recorder",
        source: "docs/recorders.md",
    },
    Advice {
        name: "inconclusive",
        means: "nothing can be said: the harness was too slow, or what was to be tested did not happen",
        causes: "a busy machine, too many scenarios at once, a disturbance that met no message",
        look: "the reason; for lateness `mixedmode doctor` and `--jobs`",
        fix: "run fewer at once (`--jobs 4`), or give the machine rest; the recorder is not blamed",
        source: RUNNING,
    },
    Advice {
        name: "flaky",
        means: "the scenario failed, and passed when it was tried again",
        causes: "a race in the recorder, or a machine that is sometimes too slow for it",
        look: "what the earlier try found, in every report as `earlier`",
        fix: "run it with `--repeat 20` until it fails, and mend that; `--flaky pass` lets it pass",
        source: RUNNING,
    },
    Advice {
        name: "skipped",
        means: "the scenario was not run: it needs something that this recorder does not do when told",
        causes: "`recorder:` keys that only the bundled recorder obeys, or a transport that the profile does not list",
        look: "the reason beneath the scenario",
        fix: "nothing, or list the transport in `listens` of the profile",
        source: "docs/recorders.md",
    },
    Advice {
        name: "not-run",
        means: "the run ended before the scenario did, or before it began",
        causes: "Ctrl-C, `--fail-fast`, a time limit of the CI system",
        look: "what ended the run",
        fix: "run again with `--last-failed`",
        source: RUNNING,
    },
];

pub(super) const EXIT_CODES: &[Advice] = &[
    Advice {
        name: "0",
        means: "every scenario passed, or some passed and the others were skipped; a verb other than `run` did its work",
        causes: "a recorder that is right",
        look: "how many were skipped",
        fix: "nothing",
        source: RUNNING,
    },
    Advice {
        name: "1",
        means: "the command line makes no sense, or names nothing to run",
        causes: "an unknown option, a folder without any scenario, a filter that fits nothing, a recorder that is not in mixedmode.toml",
        look: "the line that begins with `error:`",
        fix: "mend the command line; `--help` shows what there is",
        source: RUNNING,
    },
    Advice {
        name: "2",
        means: "a file that was given is wrong, or cannot be read",
        causes: "a mistake in a scenario, in mixedmode.toml, in a ledger or in a report to be merged; a path that is not there",
        look: "the line and caret of each mistake",
        fix: "mend every mistake that is shown; nothing was run",
        source: RUNNING,
    },
    Advice {
        name: "3",
        means: "a scenario could not be set up, or a report could not be written",
        causes: "a port that is taken, a recorder that does not start, a folder that cannot be written",
        look: "the reason beneath the scenario, and `mixedmode doctor`",
        fix: "do what the reason says, and run again",
        source: RUNNING,
    },
    Advice {
        name: "4",
        means: "the recorder under test is wrong, or only sometimes right (flaky)",
        causes: "findings: each names its rule",
        look: "the first finding of each scenario",
        fix: "`mixedmode explain RULE`, mend, `--last-failed`",
        source: RUNNING,
    },
    Advice {
        name: "5",
        means: "inconclusive: the harness was too slow, what was to be tested did not happen, the run was ended, or all was skipped",
        causes: "a busy machine, Ctrl-C, a profile without the transport of the scenarios",
        look: "the reasons beneath the scenarios",
        fix: "give the machine rest or `--jobs` a smaller number; where all was skipped, see why",
        source: RUNNING,
    },
    Advice {
        name: "130",
        means: "Ctrl-C or SIGTERM came twice: the program ended at once and no report was written",
        causes: "somebody was in a hurry",
        look: "nothing",
        fix: "press Ctrl-C once, and wait for the reports",
        source: RUNNING,
    },
];
