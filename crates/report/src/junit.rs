//! The outcome as JUnit XML, which CI systems show: a finding is a failure, what could not be set up or decided is an error.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun, TestSuite};
use scenario::outcome::{Finding, RunOutcome, ScenarioOutcome, Try, Verdict};

use crate::gist::{Gist, gists};
use crate::place::{earlier, headline, paragraph};
use crate::terminal::story;

/// Why there is no JUnit report.
#[derive(Debug, thiserror::Error)]
#[error("the JUnit report cannot be made: {0}")]
pub struct JunitError(#[from] SerializeError);

/// A suite for each folder, a test case for each scenario. Figures that say how much was proven are properties of the case.
///
/// # Errors
/// [`JunitError`] where the XML cannot be written; characters that XML cannot hold are left out.
pub fn junit(run: &RunOutcome) -> Result<String, JunitError> {
    let mut report = Report::new("mixedmode");
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    for scenario in &run.scenarios {
        let folder = folder(&scenario.file);
        let case = case(scenario);
        match suites.iter_mut().find(|(name, _)| *name == folder) {
            Some((_, suite)) => drop(suite.add_test_case(case)),
            None => suites.push((folder.clone(), begun(run, &folder, case))),
        }
    }
    for (_, mut suite) in suites {
        let took = suite.test_cases.iter().filter_map(|case| case.time).sum();
        suite.set_time(took);
        report.add_test_suite(suite);
    }
    Ok(report.to_string()?)
}

fn begun(run: &RunOutcome, folder: &str, case: TestCase) -> TestSuite {
    let mut suite = TestSuite::new(folder);
    let seed = run.seed.to_string();
    let told = [("recorder", run.recorder.as_str()), ("network", &run.network), ("seed", &seed)];
    suite.add_properties(told.map(|(name, value)| Property::new(name, value)));
    suite.add_test_case(case);
    suite
}

fn case(scenario: &ScenarioOutcome) -> TestCase {
    let mut case = TestCase::new(&scenario.file, status(scenario));
    case.set_classname(folder(&scenario.file));
    if scenario.duration_ms > 0 {
        case.set_time(Duration::from_millis(scenario.duration_ms));
    }
    let figures = [
        ("title", scenario.title.clone()),
        ("frames_compared", scenario.frames_compared.to_string()),
        ("harness_late_p95_us", scenario.lateness.p95_us.to_string()),
        ("not_checked", scenario.not_checked.join("; ")),
    ];
    for (name, value) in figures {
        if !value.is_empty() {
            case.add_property(Property::new(name, value));
        }
    }
    if !matches!(scenario.verdict, Verdict::Pass | Verdict::Skipped) {
        case.set_system_out(story(scenario));
    }
    case
}

/// A flaky scenario is a failure that says so: what failed before stands beside it as `rerunFailure`, as Maven Surefire writes it.
fn status(scenario: &ScenarioOutcome) -> TestCaseStatus {
    let (kind, class) = match scenario.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Skipped => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(headline(scenario));
            return skipped;
        }
        Verdict::Finding => {
            let rule = scenario.findings.first().map_or("finding", |finding| finding.rule.as_str());
            (NonSuccessKind::Failure, rule)
        }
        Verdict::Flaky => (NonSuccessKind::Failure, "flaky"),
        Verdict::Inconclusive => (NonSuccessKind::Error, "inconclusive"),
        Verdict::NotRun => (NonSuccessKind::Error, "not-run"),
        Verdict::SetupError => (NonSuccessKind::Error, "set-up"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(headline(scenario)).set_type(class);
    let mut parts: Vec<String> = scenario.reason.iter().cloned().collect();
    parts.extend(told(&scenario.findings, &scenario.file));
    parts.extend(scenario.earlier.iter().map(earlier));
    status.set_description(parts.join("\n\n"));
    status.add_reruns(scenario.earlier.iter().map(|tried| rerun(tried, &scenario.file)));
    status
}

/// A paragraph for each kind of finding: what comes again and again is told once, with its pattern.
fn told(findings: &[Finding], file: &str) -> Vec<String> {
    let of = |gist: &Gist<'_>| {
        let more = gist.more().map(|more| format!("\nand       {more}")).unwrap_or_default();
        format!("{}{more}", paragraph(gist.first, file))
    };
    gists(findings).iter().map(of).collect()
}

fn rerun(tried: &Try, file: &str) -> TestRerun {
    let kind = if tried.verdict == Verdict::Finding { NonSuccessKind::Failure } else { NonSuccessKind::Error };
    let mut rerun = TestRerun::new(kind);
    rerun.set_message(earlier(tried)).set_type(tried.findings.first().map_or("try", |first| first.rule.as_str()));
    let mut parts: Vec<String> = tried.reason.iter().cloned().collect();
    parts.extend(told(&tried.findings, file));
    rerun.set_description(parts.join("\n\n"));
    rerun
}

/// `scenarios/hold` for `scenarios/hold/early.yaml`; `.` for a file by itself.
fn folder(file: &str) -> String {
    match file.rsplit_once(['/', '\\']) {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finding, run, scenario, tried};

    #[test]
    fn findings_are_failures_and_what_decides_nothing_is_an_error() {
        let mut damaged = scenario("scenarios/hold/b.yaml", Verdict::Finding);
        damaged.findings = vec![finding("lost-frames"), finding("leak")];
        let mut late = scenario("c.yaml", Verdict::Inconclusive);
        late.reason = Some("the harness was late".into());
        let run = run(vec![scenario("scenarios/hold/a.yaml", Verdict::Pass), damaged, late]);
        let text = junit(&run).unwrap();
        for part in [
            r#"<testsuites name="mixedmode" tests="3" skipped="0" failures="1" errors="1">"#,
            r#"<testsuite name="scenarios/hold" tests="2" skipped="0" errors="0" failures="1" time="3.000">"#,
            r#"<failure message="lost-frames: expected all, found some (and 1 more)" type="lost-frames">"#,
            "where     scenarios/hold/b.yaml:9",
            r#"<testsuite name="." tests="1" skipped="0" errors="1" failures="0" time="1.500">"#,
            r#"<error message="the harness was late" type="inconclusive">"#,
            r#"<property name="recorder" value="mine"/>"#,
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn what_comes_again_is_told_once_with_its_pattern() {
        let lost = |packet: u64| {
            let mut lost = finding("lost-frames");
            (lost.leg, lost.file) = (Some("near".into()), Some("near.wav".into()));
            (lost.audio_ms, lost.packets) = (Some((packet * 20, packet * 20 + 20)), Some((packet, packet)));
            lost
        };
        let mut damaged = scenario("a.yaml", Verdict::Finding);
        damaged.findings = [37, 74, 111, 148].map(lost).to_vec();
        let text = junit(&run(vec![damaged])).unwrap();
        assert_eq!(text.matches("expected  all").count(), 1, "{text}");
        assert!(text.contains("and       3 more places, every 37th packet"), "{text}");
    }

    #[test]
    fn every_try_is_in_it() {
        let mut flaky = scenario("a.yaml", Verdict::Flaky);
        let broken = Try { number: 2, verdict: Verdict::SetupError, reason: Some("a port".into()), findings: vec![] };
        flaky.earlier = vec![tried(1), broken];
        let text = junit(&run(vec![flaky])).unwrap();
        let read = roxmltree::Document::parse(&text).unwrap();
        let told = |tag: &str| read.descendants().find(|node| node.has_tag_name(tag)).unwrap();
        assert_eq!(told("failure").attribute("type"), Some("flaky"), "{text}");
        assert_eq!(told("rerunFailure").attribute("type"), Some("leak"), "{text}");
        assert_eq!(told("rerunError").attribute("message"), Some("try 2 ended in SET-UP: a port"), "{text}");
    }

    #[test]
    fn what_was_not_run_says_why() {
        let mut skipped = scenario("a.yaml", Verdict::Skipped);
        skipped.reason = Some("its trunk is UDP".into());
        let mut broken = scenario("b.yaml", Verdict::SetupError);
        broken.reason = Some("port 5061 is taken".into());
        let text = junit(&run(vec![skipped, broken])).unwrap();
        assert!(text.contains(r#"<skipped message="its trunk is UDP"/>"#), "{text}");
        assert!(text.contains(r#"<error message="port 5061 is taken" type="set-up">"#), "{text}");
    }

    #[test]
    fn characters_that_xml_cannot_hold_do_not_spoil_it() {
        let mut odd = scenario("a.yaml", Verdict::Finding);
        odd.findings = vec![finding("]]> \u{0} \u{1b}[31m <&\"")];
        let text = junit(&run(vec![odd])).unwrap();
        let read = roxmltree::Document::parse(&text).unwrap();
        let failure = read.descendants().find(|node| node.has_tag_name("failure")).unwrap();
        assert!(failure.attribute("message").unwrap().starts_with("]]> "), "{text}");
    }
}
