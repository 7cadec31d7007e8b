//! The page around overview and blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use scenario::outcome::RunOutcome;

use super::overview::{fixes, headline, overview};
use super::text::visible;

const STYLE: &[&str] =
    &[include_str!("page/base.css"), include_str!("page/overview.css"), include_str!("page/scenario.css")];

/// In the order in which they need each other; together they are one function.
const PROGRAM: &[&str] = &[
    include_str!("page/data.js"),
    include_str!("page/dom.js"),
    include_str!("page/state.js"),
    include_str!("page/overview.js"),
    include_str!("page/findings.js"),
    include_str!("page/source.js"),
    include_str!("page/axis.js"),
    include_str!("page/timeline.js"),
    include_str!("page/sound.js"),
    include_str!("page/audio.js"),
    include_str!("page/strip.js"),
    include_str!("page/ladder.js"),
    include_str!("page/message.js"),
    include_str!("page/figures.js"),
    include_str!("page/scenario.js"),
    include_str!("page/keys.js"),
    include_str!("page/main.js"),
];

pub(super) fn page(run: &RunOutcome, blocks: &[String]) -> Markup {
    let program = format!("(() => {{\n\"use strict\";\n{}}})();\n", PROGRAM.concat());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&program));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "mixedmode " (env!("CARGO_PKG_VERSION")) };
                title { (headline(run)) " · " (visible(&run.recorder)) " · mixedmode" }
                style { (PreEscaped(STYLE.concat())) }
            }
            body {
                (marks())
                a.skip href="#main" { "Skip to the content" }
                (top())
                main #main tabindex="-1" {
                    noscript { p.notice { "Only this overview can be read without JavaScript." } }
                    (overview(run))
                    (fixes(run))
                    article #scenario hidden {}
                }
                (help())
                @for (at, block) in blocks.iter().enumerate() {
                    script type="application/octet-stream" id={ "data-" (at) } { (PreEscaped(block)) }
                }
                script { (PreEscaped(program)) }
            }
        }
    }
}

/// Nothing may be asked for; the program is the one below and no other; clips are made in the page.
fn policy(program: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, program.as_bytes());
    let hash = BASE64.encode(digest);
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; media-src blob:; base-uri 'none'; form-action 'none'"
    )
}

fn top() -> Markup {
    html! {
        header.top {
            a.home href="#" { "mixedmode" }
            div.tools {
                button #theme aria-label="Theme" { "Theme: system" }
                button #help-open aria-haspopup="dialog" { "Keys " kbd { "?" } }
            }
        }
    }
}

fn marks() -> Markup {
    let mark = |key: &str, shape: Markup| html! { symbol id={ "mark-" (key) } viewBox="0 0 16 16" { (shape) } };
    html! {
        svg width="0" height="0" style="position:absolute" aria-hidden="true" {
            (mark("pass", html! { path d="M3 8.5 6.5 12 13 4.5" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {} }))
            (mark("finding", html! { path d="M4 4 12 12M12 4 4 12" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" {} }))
            (mark("setup-error", html! { path d="M8 2 15 14H1Z" fill="currentColor" {} }))
            (mark("inconclusive", html! { path d="M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12" fill="none" stroke="currentColor" stroke-width="2" {} path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" {} }))
            (mark("flaky", html! { path d="M2 10 5.5 5 8.5 11 14 4" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" {} }))
            (mark("not-run", html! { path d="M4 4h8v8H4Z" fill="none" stroke="currentColor" stroke-width="2" {} }))
            (mark("skipped", html! { path d="M3.5 8h9" stroke="currentColor" stroke-width="2" stroke-linecap="round" {} }))
        }
    }
}

/// Keys, and what they do.
type Key = (&'static [&'static str], &'static str);

/// The keys by where they do something.
const KEYS: [(&str, &[Key]); 3] = [
    (
        "Everywhere",
        &[(&["?"], "this help"), (&["t"], "theme: system, light, dark"), (&["Esc"], "close, or back to the overview")],
    ),
    (
        "Overview",
        &[
            (&["/"], "filter by text"),
            (&["j", "k"], "next, previous scenario; also the arrow keys"),
            (&["Enter"], "open it"),
        ],
    ),
    (
        "Scenario",
        &[
            (&["f", "F"], "next, previous finding"),
            (&["Space"], "play or stop what was recorded around the finding"),
            (&["←", "→"], "move the play-head by a frame of 20 ms; with Shift by a second"),
            (&["+", "−", "0"], "zoom in, out, show all"),
            (&["j", "k"], "next, previous message of the ladder; also the arrow keys"),
            (&["Enter"], "read the message"),
            (&["n", "p"], "next, previous scenario"),
        ],
    ),
];

fn help() -> Markup {
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keys" }
            @for (place, keys) in KEYS {
                h3 { (place) }
                dl.keys {
                    @for (keys, what) in keys {
                        div { dt { @for key in *keys { kbd { (key) } " " } } dd { (what) } }
                    }
                }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
