use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use trust::cert::{Identity, KeyKind, Request as Certified, San, Usages};
use trust::rule::PeerRule;
use wire::tls::{Ask, TlsOptions, TlsServer};
use wire::{Net, NetOptions};

use super::super::dir::tests::session;
use super::super::profile::Adapter;
use super::*;

/// What a service has been asked: `GET /path` with the headers that matter and the body.
type Asked = Arc<Mutex<Vec<String>>>;
/// A status line and a body for the target of a request, which is the nth.
type Answers = Arc<dyn Fn(&str, usize) -> (&'static str, String) + Send + Sync>;

/// Reads a request and answers it; `BREAK` breaks off in the middle of the answer, `WAIT` never answers.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, asked: &Asked, answers: &Answers) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    let ends = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        (body.len() >= length.unwrap_or(0)).then_some(text)
    };
    let text = loop {
        let Ok(read @ 1..) = stream.read(&mut piece).await else { return };
        request.extend_from_slice(&piece[..read]);
        if let Some(text) = ends(&request) {
            break text;
        }
    };
    let nth = {
        let mut all = asked.lock().unwrap();
        all.push(text.clone());
        all.len() - 1
    };
    let target = text.split(' ').nth(1).unwrap_or_default();
    let (status, body) = answers(target, nth);
    let more =
        if let Some(to) = status.strip_prefix("302 to ") { format!("Location: {to}\r\n") } else { String::new() };
    let head = |status: &str, length| {
        format!("HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let whole = match status {
        "WAIT" => return tokio::time::sleep(Duration::from_secs(30)).await,
        "BREAK" => head("200 OK", body.len() + 100) + &body,
        status => head(status, body.len()) + &body,
    };
    let _ = stream.write_all(whole.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A service on loopback: its port, and what it is asked.
async fn serve(answers: impl Fn(&str, usize) -> (&'static str, String) + Send + Sync + 'static) -> (u16, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (port, asked, answers) =
        (listener.local_addr().unwrap().port(), Asked::default(), Arc::new(answers) as Answers);
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (asked, answers) = (Arc::clone(&seen), Arc::clone(&answers));
            tokio::spawn(async move { answer(stream, &asked, &answers).await });
        }
    });
    (port, asked)
}

fn profile(port: u16, project: &Path, http: &str) -> Profile {
    let text = format!(
        "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nadapter = \"http\"\nunchanged_for = \"10ms\"\nready_within = \"900ms\"\n[recorders.mine.recordings.http]\nwithin = \"400ms\"\n{}",
        http.replace("PORT", &port.to_string())
    );
    let shown = |wrong: Vec<crate::file::Diagnostic>| wrong.iter().map(|d| d.render("toml", &text)).collect::<String>();
    super::super::parse(&text, project).unwrap_or_else(|wrong| panic!("{}", shown(wrong))).remove(0)
}

async fn gather_from(profile: &Profile, sessions: &[Session]) -> Result<Gathered, String> {
    let Adapter::Http(http) = &profile.recordings.adapter else { panic!("{:?}", profile.recordings.adapter) };
    gather(&Values::new(), profile, http, sessions).await
}

/// Each recording as `expected: file=legs`, where a file that is missing has a `?`.
fn found(gathered: &Gathered) -> Vec<String> {
    let one = |stored: &crate::kept::Stored| {
        let files = stored.recorded.files.iter().map(|file| {
            let legs: Vec<&str> = file.claims.iter().flatten().map(|leg| leg.name()).collect();
            let bytes = match &file.content {
                Content::Wav(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                other => format!("{other:?}"),
            };
            format!("{}={}:{bytes}", file.name, legs.join("+"))
        });
        format!("{:?}: {}", stored.recorded.expected, files.collect::<Vec<_>>().join(" "))
    };
    gathered.stored.iter().map(one).collect()
}

fn two() -> [Session; 2] {
    [session(7, "2000", "1000"), session(8, "1000", "2000")]
}

#[tokio::test]
async fn the_first_request_gives_an_id_and_the_second_the_file() {
    let (port, asked) = serve(|target, _| match target {
        "/calls?refci=7&id=n-7%40192.0.2.5" => ("200 OK", r#"{ "id": "a/b" }"#.to_owned()),
        "/calls?refci=8&id=n-8%40192.0.2.5" => ("200 OK", r#"{ "id": 12 }"#.to_owned()),
        "/audio/a%2Fb.wav?of=7" => ("200 OK", "seven".to_owned()),
        "/audio/12.wav?of=8" => ("200 OK", "eight".to_owned()),
        // Of the other legs there is nothing of its own.
        other if other.contains("id=f-") => ("200 OK", "[]".to_owned()),
        _ => ("404 Not Found", String::new()),
    })
    .await;
    let http = "url = \"http://127.0.0.1:PORT/calls?refci={refci}&id={call_id}\"\nid = \"$.id\"\nfiles = [{ url = \"http://127.0.0.1:PORT/audio/{id}.wav?of={refci}\", content = \"stereo\", left = \"far\" }]\n";
    // `[]` has no id; it is an answer like any other, so `recordings` tells where recordings are.
    let http = http.replace(
        "id = \"$.id\"",
        "recordings = \"$\"\nid = \"$.id\"\nready = { path = \"$.id\", is = [\"a/b\", \"12\"] }",
    );
    let gathered = gather_from(&profile(port, Path::new("/"), &http), &two()).await.unwrap();
    assert_eq!(found(&gathered), ["Some(0): audio/a%2Fb.wav=far+near:seven", "Some(1): audio/12.wav=far+near:eight"]);
    assert!(asked.lock().unwrap()[0].contains("user-agent: mixedmode/"), "{asked:?}");
}

const LIST: &str = "url = \"http://127.0.0.1:PORT/list\"\nrecordings = \"$.items[*]\"\nnext = \"$.next\"\nrefci = \"$.refci\"\n[[recorders.mine.recordings.http.files]]\neach = \"$.files[*]\"\nlink = \"$.href\"\ncontent = { path = \"$.side\", near = [\"agent\", \"a\"], far = \"caller\" }\n";

#[tokio::test]
async fn pages_are_turned_and_what_is_of_other_calls_is_passed_over() {
    let (port, _) = serve(|target, _| match target {
        "/list" => (
            "200 OK",
            r#"{ "next": "/list?page=2", "items": [
            { "refci": "7", "files": [{ "href": "7/a", "side": "agent" }, { "href": "/7/c", "side": "caller" }] },
            { "refci": "99", "files": [{ "href": "/nowhere", "side": "a" }] }] }"#
                .to_owned(),
        ),
        "/list?page=2" => (
            "200 OK",
            r#"{ "next": null, "items": [
            { "refci": 8, "files": [{ "href": "/gone", "side": "a" }, { "side": "caller" }] }] }"#
                .to_owned(),
        ),
        "/7/a" => ("200 OK", "agent".to_owned()),
        "/7/c" => ("302 to /moved", String::new()),
        "/moved" => ("200 OK", "caller".to_owned()),
        _ => ("404 Not Found", String::new()),
    })
    .await;
    let gathered = gather_from(&profile(port, Path::new("/"), LIST), &two()).await.unwrap();
    let expected =
        ["Some(0): 7/a=near:agent 7/c=far:caller", "Some(1): gone=near:Missing a file without a link=far:Missing"];
    assert_eq!(found(&gathered), expected);
}

#[tokio::test]
async fn a_service_is_asked_again_until_the_recordings_are_ready() {
    let ready = LIST.replace("refci = ", "ready = { path = \"$.state\", is = \"stored\" }\nrefci = ");
    let page = |state: &str| {
        format!(r#"{{ "items": [{{ "refci": 7, "state": "{state}", "files": [{{ "href": "/a", "side": "a" }}] }}] }}"#)
    };
    for (late_by, rules) in [(2, vec![]), (99, vec!["late-file"])] {
        let (port, _) = serve(move |target, nth| match target {
            "/a" => ("200 OK", "audio".to_owned()),
            // At first it does not know the call, then it is at work.
            _ if nth == 0 => ("404 Not Found", String::new()),
            _ => ("200 OK", page(if nth < late_by { "recording" } else { "stored" })),
        })
        .await;
        let gathered = gather_from(&profile(port, Path::new("/"), &ready), &two()[..1]).await.unwrap();
        assert_eq!(gathered.findings.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), rules);
        if let Some(late) = gathered.findings.first() {
            assert_eq!(late.expected, "`$.state` is stored within 900ms of the last call");
            assert_eq!((late.found.as_str(), gathered.stored.len()), ("`recording`", 0));
        } else {
            assert_eq!(found(&gathered), ["Some(0): a=near:audio"]);
        }
    }
}

#[tokio::test]
async fn where_nothing_says_that_all_is_there_it_is_when_nothing_changes() {
    let (port, asked) = serve(|target, nth| match target {
        "/list" => {
            let more = if nth == 0 { "" } else { r#", { "href": "/c", "side": "caller" }"# };
            (
                "200 OK",
                format!(r#"{{ "items": [{{ "refci": 7, "files": [{{ "href": "/a", "side": "a" }}{more}] }}] }}"#),
            )
        }
        _ => ("200 OK", "audio".to_owned()),
    })
    .await;
    let gathered = gather_from(&profile(port, Path::new("/"), LIST), &two()[..1]).await.unwrap();
    assert_eq!(found(&gathered), ["Some(0): a=near:audio c=far:audio"]);
    assert!(asked.lock().unwrap().len() >= 4, "asked a third time, to see that it stays so");
}

#[tokio::test]
async fn what_is_said_of_a_recording_comes_with_it() {
    let (port, asked) = serve(|target, _| match target {
        "/search" => ("200 OK", r#"[{ "agent": "1000" }]"#.to_owned()),
        _ => ("200 OK", "audio".to_owned()),
    })
    .await;
    let http = "url = \"http://127.0.0.1:PORT/search\"\nmethod = \"POST\"\nheaders = { Content-Type = \"application/json\" }\nbody = '{ \"refci\": {refci} }'\nrecordings = \"$[*]\"\nfiles = [{ url = \"http://127.0.0.1:PORT/a\", content = \"stereo\" }]\n[recorders.mine.recordings.metadata]\nnear = \"$.agent\"\n";
    let gathered = gather_from(&profile(port, Path::new("/"), http), &two()[..1]).await.unwrap();
    let mut findings = Vec::new();
    gathered.stored[0].said[0].compare(&two()[0], &mut findings);
    assert_eq!((findings[0].rule.as_str(), findings[0].found.as_str()), ("wrong-metadata", "`1000`"));
    let first = asked.lock().unwrap()[0].to_ascii_lowercase();
    assert!(
        first.starts_with("post /search http/1.1\r\n") && first.contains("content-type: application/json"),
        "{first}"
    );
    assert!(first.ends_with("{ \"refci\": 7 }"), "{first}");
}

#[tokio::test]
async fn who_we_are_is_told_to_the_service_alone_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "s3cret\n").unwrap();
    let (other, asked_elsewhere) = serve(|_, _| ("200 OK", "audio".to_owned())).await;
    for (authentication, header) in [
        ("{ user = \"me\", password = { file = \"key\" } }", "authorization: Basic bWU6czNjcmV0"),
        ("{ bearer = { file = \"key\" } }", "authorization: Bearer s3cret"),
        ("{ header = \"X-Api-Key\", value = { file = \"key\" } }", "x-api-key: s3cret"),
    ] {
        let (port, asked) = serve(move |_, _| {
            ("200 OK", format!(r#"{{ "items": [{{ "refci": 7, "files": [{{ "href": "http://127.0.0.1:{other}/a", "side": "a" }}] }}] }}"#))
        })
        .await;
        let http = format!("authentication = {authentication}\n{LIST}");
        let gathered = gather_from(&profile(port, folder.path(), &http), &two()[..1]).await.unwrap();
        assert_eq!(found(&gathered), ["Some(0): a=near:audio"]);
        assert!(asked.lock().unwrap().iter().all(|asked| asked.contains(header)), "{authentication}: {asked:?}");
        let (port, _) = serve(|_, _| ("401 Unauthorized", "no such key: s3cret".to_owned())).await;
        let why = gather_from(&profile(port, folder.path(), &http), &two()).await.unwrap_err();
        assert!(why.contains("answered with 401 Unauthorized, `no such key: …`: the service does not accept"), "{why}");
        assert!(!why.contains("s3cret"), "{why}");
    }
    let elsewhere = asked_elsewhere.lock().unwrap().clone();
    assert!(elsewhere.iter().all(|asked| !asked.contains("s3cret") && !asked.contains("Basic")), "{elsewhere:?}");
    let none = format!("authentication = {{ bearer = {{ environment = \"MIXEDMODE_NO_SUCH\" }} }}\n{LIST}");
    let why = gather_from(&profile(1, folder.path(), &none), &two()).await.unwrap_err();
    assert!(why.contains("`MIXEDMODE_NO_SUCH`"), "{why}");
}

#[tokio::test]
async fn what_is_wrong_with_the_service_is_told_as_such() {
    let file = r#"{ "items": [{ "refci": 7, "files": [{ "href": "/a", "side": "a" }] }] }"#;
    for (status, body, of_file, expected) in [
        (
            "500 Internal Server Error",
            "no database",
            "",
            "answered with 500 Internal Server Error, `no database`; it was asked for 900ms",
        ),
        ("200 OK", "<html>", "", "answered with `<html>`, expected JSON: "),
        ("200 OK", "", "", "answered with nothing, expected JSON"),
        ("WAIT", "", "", "GET http://127.0.0.1:PORT/list was not answered in time"),
        ("403 Forbidden", "no", "", "answered with 403 Forbidden, `no`: the profile has no `authentication`"),
        ("400 Bad Request", "", "", "GET http://127.0.0.1:PORT/list was answered with 400 Bad Request, nothing"),
        ("302 to /list", "", "", "was sent elsewhere more than 5 times"),
        ("200 OK", r#"{ "next": "/list" }"#, "", "the pages of http://127.0.0.1:PORT/list do not end"),
        ("200 OK", file, "503 Busy", "GET http://127.0.0.1:PORT/a was answered with 503"),
        ("200 OK", file, "BREAK", "GET http://127.0.0.1:PORT/a came to nothing: "),
        (
            "200 OK",
            r#"{ "items": [{ "refci": 7, "files": [{ "href": "/a", "side": "both" }] }] }"#,
            "",
            "is `both`, expected one of: agent, a, caller",
        ),
    ] {
        let (port, _) = serve(
            move |target, _| if target == "/a" { (of_file, "half".to_owned()) } else { (status, body.to_owned()) },
        )
        .await;
        let why = gather_from(&profile(port, Path::new("/"), LIST), &two()[..1]).await.unwrap_err();
        assert!(why.contains(&expected.replace("PORT", &port.to_string())), "{status} {body}: {why}");
    }
    let why = gather_from(&profile(1, Path::new("/"), LIST), &two()).await.unwrap_err();
    assert!(why.contains("GET http://127.0.0.1:1/list came to nothing: ") && why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_service_with_tls_is_known_by_the_ca_of_the_profile() {
    let here = std::net::IpAddr::from([127, 0, 0, 1]);
    let request = |name: &str, san: Vec<San>| {
        let now = std::time::SystemTime::now();
        let mut request = Certified::new(name, now - Duration::from_secs(60));
        (request.key, request.sans, request.usages) = (KeyKind::EcP256, san, Usages::SERVER);
        request
    };
    let own = Identity::self_signed(&request("service", vec![San::Ip(here)])).unwrap();
    let stranger = Identity::self_signed(&request("stranger", vec![San::Ip(here)])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.pem"), own.certificate.to_pem()).unwrap();
    std::fs::write(folder.path().join("stranger.pem"), stranger.certificate.to_pem()).unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let server =
        TlsServer::new(TlsOptions { ask: Ask::Never, ..TlsOptions::new(Some(own), PeerRule::anyone()) }).unwrap();
    let net = Net::os(NetOptions::default());
    let listener = net.listen((here, 0).into()).await.unwrap();
    let port = listener.local_addr().port();
    tokio::spawn(async move {
        let answers: Answers = Arc::new(|target, _| match target {
            "/list" => {
                ("200 OK", r#"{ "items": [{ "refci": 7, "files": [{ "href": "/a", "side": "a" }] }] }"#.to_owned())
            }
            _ => ("200 OK", "audio".to_owned()),
        });
        while let Ok((stream, _)) = listener.accept().await {
            let (server, answers) = (server.clone(), Arc::clone(&answers));
            tokio::spawn(async move {
                if let Ok(stream) = wire::tls::accept(&server, stream).await {
                    answer(stream, &Asked::default(), &answers).await;
                }
            });
        }
    });
    let http = |ca: &str| format!("ca = \"{ca}.pem\"\n{}", LIST.replace("http:", "https:"));
    let known = gather_from(&profile(port, folder.path(), &http("own")), &two()[..1]).await.unwrap();
    assert_eq!(found(&known), ["Some(0): a=near:audio"]);
    let unknown = gather_from(&profile(port, folder.path(), &http("stranger")), &two()[..1]).await.unwrap_err();
    assert!(unknown.contains("came to nothing") && unknown.contains("certificate"), "{unknown}");
    let empty = gather_from(&profile(port, folder.path(), &http("empty")), &two()[..1]).await.unwrap_err();
    assert!(empty.starts_with("`ca` cannot be used, ") && empty.ends_with("there is no certificate in it"), "{empty}");
}

#[test]
fn what_is_wrong_with_requests_is_told_with_the_way_out() {
    let complaints = |http: &str| -> String {
        let text = format!(
            "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nadapter = \"http\"\n{http}"
        );
        let wrong = super::super::parse(&text, Path::new("/")).unwrap_err();
        wrong.iter().map(|d| format!("{} ({})\n", d.message, d.help.clone().unwrap_or_default())).collect()
    };
    let fine = "http = { url = \"http://{address}/\", files = [{ link = \"$.a\", content = \"near\" }] }\n";
    for (from, to, expected) in [
        (fine, "", "the adapter `http` needs `http`"),
        ("url = ", "ulr = ", "needs `url`"),
        ("http://{address}/", "ftp://{address}/", "begins with `http://` or `https://`"),
        ("http://{address}/", "http://me:secret@{address}/", "names no user"),
        ("http://{address}/", "http://{address}/{id}", "`{id}` stands for nothing here"),
        ("link = \"$.a\"", "link = \"a\"", "expected a path that begins with `$`"),
        ("link = \"$.a\", ", "", "a file is at its `url` or at a `link`"),
        ("content = \"near\"", "content = \"mono\"", "unknown value `mono`"),
        ("content = \"near\"", "content = { path = \"$.a\" }", "no word for `stereo`, `near` or `far`"),
        ("url = ", "body = \"x\", url = ", "a GET has no `body`"),
        ("url = ", "headers = { Authorization = \"Bearer x\" }, url = ", "would keep a secret in this file"),
        ("url = ", "authentication = { bearer = \"x\" }, url = ", "a secret does not stand in this file"),
        ("url = ", "authentication = { user = \"x\" }, url = ", "expected `user` and `password`"),
        ("url = ", "authentication = { bearer = {} }, url = ", "in the environment or in a file"),
        (fine, &format!("{fine}stereo = \"a.wav\"\n"), "are for the adapters `dir` and `s3`"),
        (
            fine,
            &format!("{fine}metadata = {{ near = \"$.a\", file = \"a.json\" }}\n"),
            "`file` is for the adapters `dir` and `s3`",
        ),
        (fine, &format!("{fine}metadata = {{ within = \"1s\" }}\n"), "nothing is read of what the recorder says"),
    ] {
        let found = complaints(&fine.replace(from, to));
        assert!(found.contains(expected), "{to}: {found}");
    }
}
