//! What helps at the desk: explaining, looking at the machine, beginning a project.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use mixedmode::Exit;

fn mixedmode(args: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("mixedmode").chain(args.iter().copied()).map(Into::into);
    let exit = mixedmode::run(args, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_finding_is_explained() {
    let (exit, out, err) = mixedmode(&["explain", "swapped-legs"]);
    assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
    assert!(out.starts_with("swapped-legs (finding)\n  means    near and far are exchanged\n"), "{out}");
    for part in ["\n  causes   ", "\n  look at  ", "\n  to fix   ", "\n  source   Cisco"] {
        assert!(out.contains(part), "{out}");
    }
}

#[test]
fn a_name_of_two_kinds_is_explained_twice_and_every_exit_code_once() {
    let (_, out, _) = mixedmode(&["explain", "out-of-service"]);
    assert!(out.contains("out-of-service (finding)") && out.contains("(reason why CUCM gave a recording up)"), "{out}");
    for code in [Exit::Pass, Exit::Usage, Exit::BadFile, Exit::Setup, Exit::Finding, Exit::Inconclusive] {
        let (exit, out, _) = mixedmode(&["explain", &(code as u8).to_string()]);
        assert_eq!((exit, out.matches("(exit code)").count()), (Exit::Pass, 1), "{out}");
    }
}

#[test]
fn what_is_not_known_is_answered_with_what_is_near() {
    let (exit, out, err) = mixedmode(&["explain", "swaped-legs", "leak"]);
    assert_eq!(exit, Exit::Usage);
    assert_eq!(err, "error: nothing is called `swaped-legs`; did you mean `swapped-legs`?\n");
    assert!(out.starts_with("leak (finding)\n"), "{out}");
    let (_, all, _) = mixedmode(&["explain"]);
    assert!(all.contains("finding:\n") && all.contains("\n  lost-frames ") && all.contains("exit code:\n"), "{all}");
}
