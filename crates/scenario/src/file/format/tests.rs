use super::*;

/// What a text becomes, which formatted again must be itself.
fn formatted(text: &str) -> String {
    let once = format(text).unwrap();
    assert_eq!(format(&once).unwrap(), once, "not the same a second time");
    once
}

#[test]
fn spaces_indentation_and_empty_lines_are_the_usual_ones_and_comments_stay() {
    let wild = "\u{feff}\n# what it shows  \n\n\nscenario:   A call   with blanks\r\nphones:\n      agent: {line: \"2000\",recording:   automatic,  says: [ {of: a}, b ] }   # ours\n      # the caller\n      customer:    {line: \"1000\"}\nsteps:\n- call: { from: customer , to: agent }\n-    answer: agent\n# then\n- talk: 1s\n\n\n\nexpect: {}\n  # the end\n\n";
    let tidy = "# what it shows\n\nscenario: A call   with blanks\nphones:\n  agent:    { line: \"2000\", recording: automatic, says: [{ of: a }, b] }   # ours\n  # the caller\n  customer: { line: \"1000\" }\nsteps:\n  - call: { from: customer, to: agent }\n  - answer: agent\n  # then\n  - talk: 1s\n\nexpect: {}\n# the end\n";
    // A comment between phones keeps them apart.
    let tidy = tidy.replace("agent:    {", "agent: {");
    assert_eq!(formatted(wild), tidy);
}

#[test]
fn neighbours_in_braces_stand_below_each_other() {
    let text = "phones:\n  a: { line: \"1\" }\n  longer: { line: \"2\" }\nexpect:\n  one: { a: 1 }\n  other: 2\n";
    let tidy = "phones:\n  a:      { line: \"1\" }\n  longer: { line: \"2\" }\nexpect:\n  one: { a: 1 }\n  other: 2\n";
    assert_eq!(formatted(text), tidy);
}

#[test]
fn what_stands_in_quotes_blocks_and_plain_text_is_left_alone() {
    for text in [
        "scenario: \"a  {b,c}  # no comment\"\n",
        "scenario: it's {not,a} flow, is it:no\n",
        "scenario: 'it''s  {a,b}'\n",
        "scenario: |\n    a  {b,c}\n\n\n      # no comment\n",
        "a: \"x\n     y,z  \\\" {\"\n",
        "a: http://x.y/{z,w}\n",
        "a: [\"x\", 'y,z']\n",
    ] {
        assert_eq!(formatted(text), text);
    }
}

#[test]
fn levels_below_items_and_brackets_over_several_lines_move_along() {
    let wild = "steps:\n    - call:\n          from: a\n          to: b\n    - many: {a: 1,\n        b: 2}\n    -   - x\n        - y\n";
    let tidy = "steps:\n  - call:\n      from: a\n      to: b\n  - many: { a: 1,\n      b: 2 }\n  - - x\n    - y\n";
    assert_eq!(formatted(wild), tidy);
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    let wrong = format("a: 1\nb: [\n").unwrap_err();
    assert!(wrong[0].message.contains("not YAML"), "{wrong:?}");
}

#[test]
fn mutated_files_keep_their_meaning_and_settle() {
    let text = "# c\nscenario: A\ncluster: { mode: \"mixed\", a: [1, { b: 2 }] } # x\nphones:\n  a: { line: \"2\" }\nsteps:\n  - call: { from: a }\n  - b: |\n      text\n  - c: 'd'\n";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    let spice: Vec<char> = " {}[]:,#'\"-|\n  ab".chars().collect();
    for _ in 0..3000 {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..1 + next(4) {
            let at = next(chars.len());
            if next(2) == 0 {
                chars[at] = spice[next(spice.len())];
            } else {
                chars.insert(at, spice[next(spice.len())]);
            }
        }
        let text: String = chars.into_iter().collect();
        let Ok(once) = format(&text) else { continue };
        assert!(same(&tree::parse(&once).unwrap(), &tree::parse(&text).unwrap()), "{text}\n---\n{once}");
        let twice = format(&once).unwrap();
        assert_eq!(format(&twice).unwrap(), twice, "{text}\n---\n{once}");
    }
}

fn yaml_below(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn every_scenario_keeps_its_meaning_and_its_comments_however_it_was_laid_out() {
    let mut files = Vec::new();
    yaml_below(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios"), &mut files);
    assert!(files.len() > 300, "{}", files.len());
    let comments = |text: &str| -> Vec<String> {
        let of = |line: &str| line.find('#').map(|at| line[at..].trim_end().to_owned());
        text.lines().filter_map(of).collect()
    };
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let tidy = formatted(&text);
        assert_eq!(comments(&tidy), comments(&text), "{}", file.display());
        // The same file as an author may write it.
        let wild: String = text.lines().map(|line| format!("{}{line}  \r\n", &line[..indentation(line)])).collect();
        let wild = wild.replace(", ", ",").replace("{ ", "{  ");
        let Ok(meant) = tree::parse(&wild) else { continue };
        let again = formatted(&wild);
        assert!(same(&meant, &tree::parse(&again).unwrap()), "{}", file.display());
        if same(&meant, &tree::parse(&text).unwrap()) && !text.contains('"') {
            assert_eq!(again, tidy, "{}", file.display());
        }
    }
}
