use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::super::dir::tests::session;
use super::super::dir::{Gathered, Shelf};
use super::super::profile::Adapter;
use super::super::template::Values;
use super::*;
use crate::kept::Session;

const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>recordings</Name><IsTruncated>true</IsTruncated>
<NextContinuationToken>a+b/c=</NextContinuationToken>
<Contents><Key>in/7 &amp; 8.wav</Key><LastModified>2026-05-31T10:15:00.000Z</LastModified><Size>44</Size></Contents>
<Contents><Key>in/no size</Key></Contents></ListBucketResult>"#;

#[test]
fn a_page_of_a_list_is_read() {
    let page = Page::read(LIST).unwrap();
    assert_eq!(page.next.as_deref(), Some("a+b/c="));
    let names: Vec<_> = page.objects.iter().map(|(key, stamp)| (key.as_str(), stamp.size)).collect();
    assert_eq!(names, [("in/7 & 8.wav", 44)]);
    assert!(page.objects[0].1.modified.is_some());
    assert_eq!(Page::read(&LIST.replace("true", "false")).unwrap().next, None);
    assert!(Page::read("<html>").is_err_and(|why| why.starts_with("is no XML")));
    assert!(Page::read("<Error/>").is_err_and(|why| why.contains("`Error`, expected a `ListBucketResult`")));
}

#[test]
fn what_is_wrong_with_a_bucket_is_told_with_the_way_out() {
    let complaints = |s3: &str| -> String {
        let text = format!(
            "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nadapter = \"s3\"\nstereo = \"a.wav\"\n{s3}"
        );
        let wrong = super::super::parse(&text, Path::new("/")).unwrap_err();
        wrong.iter().map(|d| format!("{} ({})\n", d.message, d.help.clone().unwrap_or_default())).collect()
    };
    let fine = "s3 = { endpoint = \"http://{address}:9000\", bucket = \"recordings\" }\n";
    for (from, to, expected) in [
        (fine, "", "the adapter `s3` needs `s3`"),
        ("endpoint", "end_point", "did you mean `endpoint`?"),
        ("http:", "ftp:", "begins with `http://` or `https://`"),
        ("\"recordings\"", "\"Recordings/x\"", "expected the name of a bucket"),
        ("bucket", "access_key = { environment = \"X\" }, bucket", "`access_key` and `secret_key` need each other"),
        ("bucket", "secret_key = \"hush\", bucket", "a secret does not stand in this file"),
        (fine, &format!("{fine}command = [\"x\"]\n"), "`command` and `within` are for the adapter `exec`"),
    ] {
        let found = complaints(&fine.replace(from, to));
        assert!(found.contains(expected), "{to}: {found}");
    }
}

/// moto (<https://docs.getmoto.org>), a server that speaks S3 and checks signatures, on a port of loopback's.
struct Moto {
    _child: Child,
    port: u16,
    client: reqwest::Client,
}

impl Moto {
    /// `None` where moto is not installed. Behind so many requests it checks who asks.
    async fn start(unchecked: usize) -> Option<Self> {
        let script = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])";
        let is_there = Command::new("python3").args(["-c", "import moto.server, flask"]).output().await;
        if !is_there.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("python3");
        command.env("INITIAL_NO_AUTH_ACTION_COUNT", unchecked.to_string());
        command.args(["-c", script, &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let moto = Self { _child: command.spawn().unwrap(), port, client };
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(moto);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("moto does not listen");
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Vec<u8>) -> String {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        // moto wants to see whose request it is, until it is told to check that.
        let by = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let request = self.client.request(method, url).header("authorization", by).body(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    /// A user who may do anything with buckets: three requests.
    async fn user(&self) -> (String, String) {
        let iam = |action: &str| format!("Action={action}&UserName=recorder&Version=2010-05-08").into_bytes();
        let form = |body: Vec<u8>| self.iam(body);
        form(iam("CreateUser")).await;
        let all = "&PolicyName=all&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D";
        form([iam("PutUserPolicy"), all.into()].concat()).await;
        let key = form(iam("CreateAccessKey")).await;
        (element(&key, "AccessKeyId").unwrap(), element(&key, "SecretAccessKey").unwrap())
    }

    async fn iam(&self, body: Vec<u8>) -> String {
        let by =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let request = self
            .client
            .post(format!("http://127.0.0.1:{}/", self.port))
            .header("authorization", by)
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap().text().await.unwrap()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    profile: Profile,
}

impl Bench {
    fn new(port: u16, root: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nadapter = \"s3\"\nroot = \"{root}/\"\nstereo = \"**/{{refci}}.wav\"\nunchanged_for = \"100ms\"\nready_within = \"2s\"\n{more}\n[recorders.mine.recordings.s3]\nendpoint = \"http://127.0.0.1:{port}\"\nbucket = \"recordings\"\naccess_key = {{ file = \"id\" }}\nsecret_key = {{ file = \"secret\" }}\n"
        );
        let profile = super::super::parse(&text, folder.path()).unwrap().remove(0);
        Self { folder, profile }
    }

    async fn shelf(&self, (id, secret): &(String, String)) -> Result<Shelf, String> {
        std::fs::write(self.folder.path().join("id"), id).unwrap();
        std::fs::write(self.folder.path().join("secret"), secret).unwrap();
        let values = Values::from([("folder", self.folder.path().display().to_string())]);
        let Adapter::S3(s3) = &self.profile.recordings.adapter else { panic!("{:?}", self.profile.recordings.adapter) };
        Shelf::of_bucket(&self.profile, s3, &values).await
    }

    async fn gather(&self, keys: &(String, String), sessions: &[Session]) -> Result<Gathered, String> {
        self.shelf(keys).await?.gather(&self.profile, sessions).await
    }
}

fn names(gathered: &Gathered) -> Vec<String> {
    gathered.stored.iter().map(|stored| format!("{:?} {}", stored.recorded.expected, stored.recorded.label)).collect()
}

/// One more than there are on a page.
const OLD: usize = 1001;

#[tokio::test]
async fn objects_of_a_bucket_are_found_as_files_of_a_folder_are() {
    let Some(moto) = Moto::start(usize::MAX >> 1).await else {
        eprintln!("skipped: there is no moto here (`pip install moto[s3,iam,server]`), which stands for an S3 service");
        return;
    };
    let bench = Bench::new(moto.port, "in/new", "metadata = { near = \"$.agent\", file = \"**/{refci}.json\" }");
    let (keys, sessions) = (("test".to_owned(), "test".to_owned()), [session(7, "2000", "1000")]);
    // That there is no bucket yet is no mistake before the scenario.
    bench.shelf(&keys).await.unwrap();
    let put = async |key: &str, body: &[u8]| moto.ask(reqwest::Method::PUT, key, body.to_vec()).await;
    put("/recordings", b"").await;
    for at in 0..OLD {
        put(&format!("/recordings/in/new/{at}/7.wav"), b"old").await;
    }
    let shelf = bench.shelf(&keys).await.unwrap();
    for (key, body) in
        [("new/a%20%26%20b/%C3%A4%2B%25/7.wav", &b"RIFF"[..]), ("other/7.wav", b"x"), ("new/deep/7.json", b"{}")]
    {
        put(&format!("/recordings/in/{key}"), body).await;
    }
    let gathered = shelf.gather(&bench.profile, &sessions).await.unwrap();
    assert_eq!(names(&gathered), ["Some(0) a & b/ä+%/7.wav"], "{:?}", gathered.findings);
    assert!(gathered.findings.is_empty() && gathered.stored[0].said.len() == 1, "{:?}", gathered.findings);
    let missing = Bench::new(moto.port, "in/new", "").gather(&keys, &sessions).await.unwrap();
    let told = &missing.findings[0];
    assert!(told.rule == "missing-file" && told.expected.contains("below s3://recordings/in/new/"), "{told:?}");
}

/// moto decodes what it checks the signature of, so that of keys and prefixes none may have to be encoded here.
#[tokio::test]
async fn requests_are_signed_so_that_a_service_which_looks_lets_them_in() {
    let Some(moto) = Moto::start(1 + 3 + 1 + 1).await else {
        eprintln!("skipped: there is no moto here (`pip install moto[s3,iam,server]`), which stands for an S3 service");
        return;
    };
    moto.ask(reqwest::Method::PUT, "/recordings", Vec::new()).await;
    let keys = moto.user().await;
    let (bench, sessions) = (Bench::new(moto.port, "", ""), [session(7, "2000", "1000")]);
    let shelf = bench.shelf(&keys).await.unwrap();
    moto.ask(reqwest::Method::PUT, "/recordings/a-b/7.wav", b"RIFF".to_vec()).await;
    let gathered = shelf.gather(&bench.profile, &sessions).await.unwrap();
    assert_eq!(names(&gathered), ["Some(0) a-b/7.wav"], "{:?}", gathered.findings);
    let wrong = (keys.0.clone(), "hush".to_owned());
    let refused = bench.gather(&wrong, &sessions).await.unwrap_err();
    assert!(refused.contains("was answered with 403 Forbidden, SignatureDoesNotMatch"), "{refused}");
    assert!(refused.ends_with("the service does not accept the keys of the profile") && !refused.contains("hush"));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_when_time_is_up() {
    let bench = Bench::new(1, "in", "");
    let why = bench.gather(&("a".to_owned(), "b".to_owned()), &[session(7, "2000", "1000")]).await.unwrap_err();
    assert!(
        why.contains("GET http://127.0.0.1:1/recordings came to nothing") && why.ends_with("asked for 2s"),
        "{why}"
    );
}
