use scenario::outcome::{Finding, Happening, Lateness, SCHEMA, ScenarioOutcome, Verdict};

use super::*;

const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\" & <!-- \0\x1b[31m\u{202e}";

fn scenario(verdict: Verdict) -> ScenarioOutcome {
    ScenarioOutcome {
        file: "call.yaml".into(),
        title: "A call".into(),
        verdict,
        reason: None,
        findings: Vec::new(),
        not_checked: Vec::new(),
        story: vec![Happening { at_ms: 60, what: "2 phones are registered".into() }],
        channels: Vec::new(),
        frames_compared: 12_345,
        lateness: Lateness::default(),
        duration_ms: 11_122,
        earlier: Vec::new(),
        evidence: None,
    }
}

fn run(scenarios: Vec<ScenarioOutcome>) -> RunOutcome {
    RunOutcome { schema: SCHEMA.into(), network: "simulated".into(), seed: 7, recorder: "bundled".into(), scenarios }
}

fn hostile() -> RunOutcome {
    let mut finding = Finding::new(HOSTILE, HOSTILE, HOSTILE);
    finding.recording = Some(HOSTILE.into());
    let mut scenario = scenario(Verdict::Finding);
    scenario.file = HOSTILE.into();
    scenario.title = HOSTILE.into();
    scenario.reason = Some(HOSTILE.into());
    scenario.findings = vec![finding];
    scenario.not_checked = vec![HOSTILE.into()];
    scenario.story = vec![Happening { at_ms: 0, what: HOSTILE.into() }];
    RunOutcome { recorder: HOSTILE.into(), network: HOSTILE.into(), ..run(vec![scenario]) }
}

/// What is in the block of a scenario.
fn unpacked(page: &str, at: usize) -> ScenarioOutcome {
    let head = format!("<script type=\"application/octet-stream\" id=\"data-{at}\">");
    let rest = page.split_once(&head).unwrap().1;
    let block = rest.split_once("</script>").unwrap().0;
    let packed = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, block).unwrap();
    let json = miniz_oxide::inflate::decompress_to_vec_zlib(&packed).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn no_text_of_others_becomes_markup_and_none_is_lost() {
    let page = html(&hostile()).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "one block of data and the program");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img"), "markup of others");
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert!(!page.contains(['\0', '\x1b', '\u{202e}']), "characters that HTML forbids, or that turn text round");
    assert_eq!(unpacked(&page, 0), hostile().scenarios[0]);
}

#[test]
fn an_attribute_cannot_be_left() {
    let page = html(&hostile()).unwrap();
    let overview = page.split_once("<section id=\"overview\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(!overview.contains("onerror='alert(2)'>\""), "a quote of others");
    assert!(overview.contains("&quot; &amp; &lt;!--"));
}

#[test]
fn the_policy_forbids_every_request_and_names_the_program() {
    let page = html(&run(vec![scenario(Verdict::Pass)])).unwrap();
    let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("data:"), "{policy}");
    let program = page.rsplit_once("<script>").unwrap().1.rsplit_once("</script>").unwrap().0;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, program.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
    assert!(policy.contains(&hash));
    let places = ["http://", "https://", "src=\"", "@import", "url("];
    for place in places {
        let found = page.replace("http://www.w3.org/2000/svg", "").replace("url(#", "").contains(place);
        assert!(!found, "{place} points out of the file");
    }
}

#[test]
fn the_same_outcome_gives_the_same_bytes() {
    assert_eq!(html(&hostile()).unwrap(), html(&hostile()).unwrap());
}

#[test]
fn the_worst_stands_first_and_every_verdict_has_its_word() {
    use Verdict::{Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped};
    let all = [Pass, Skipped, Finding, NotRun, Inconclusive, Flaky, SetupError];
    let page = html(&run(all.map(scenario).to_vec())).unwrap();
    let words: Vec<&str> = page
        .split("<tr data-verdict=")
        .skip(1)
        .map(|row| row.split_once("</svg>").unwrap().1.split_once('<').unwrap().0)
        .collect();
    assert_eq!(words, ["Not set up", "Finding", "Flaky", "Inconclusive", "Not run", "Passed", "Skipped"]);
}

#[test]
fn the_headline_is_the_verdict_on_the_run() {
    use Verdict::{Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped};
    let line = |verdicts: &[Verdict]| overview::headline(&run(verdicts.iter().map(|v| scenario(*v)).collect()));
    assert_eq!(line(&[]), "Nothing was run");
    assert_eq!(line(&[Pass]), "The only scenario passed");
    assert_eq!(line(&[Pass, Pass]), "All 2 scenarios passed");
    assert_eq!(line(&[Pass, Skipped]), "1 of 2 scenarios passed, the others were skipped");
    assert_eq!(line(&[Skipped, Skipped]), "Every scenario was skipped");
    assert_eq!(line(&[Finding]), "The recorder is wrong in the only scenario");
    assert_eq!(line(&[Finding, Pass, Inconclusive]), "The recorder is wrong in 1 of 3 scenarios");
    assert_eq!(line(&[SetupError]), "The only scenario could not be set up");
    assert_eq!(line(&[SetupError, Finding, Pass]), "1 of 3 scenarios could not be set up; the recorder is wrong in 1");
    assert_eq!(line(&[Flaky, Pass]), "The recorder is only sometimes right in 1 of 2 scenarios");
    assert_eq!(line(&[NotRun, Pass]), "1 of 2 scenarios did not come to an end");
    assert_eq!(line(&[Inconclusive, Pass]), "Nothing can be said of 1 of 2 scenarios");
}

#[test]
fn a_page_without_scenarios_is_small() {
    let page = html(&run(Vec::new())).unwrap();
    assert!(page.len() < 150_000, "style and program have {} bytes", page.len());
}
