use std::process::Command;

use rusqlite::Connection;
use verify::Content;

use super::super::dir::tests::session;
use super::super::profile::Adapter;
use super::*;
use crate::kept::Stored;

const TABLE: &str =
    "CREATE TABLE calls (id INTEGER, refci INTEGER, sip_id TEXT, file TEXT, side TEXT, agent TEXT, done BOOLEAN)";

fn profile(folder: &Path, sql: &str) -> Profile {
    let text = format!(
        "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nadapter = \"sql\"\nroot = \"{{project}}\"\nunchanged_for = \"100ms\"\nready_within = \"900ms\"\nmetadata = {{ near = \"$.agent\" }}\n[recorders.mine.recordings.sql]\n{sql}\n"
    );
    std::fs::write(folder.join("7.wav"), "seven").unwrap();
    std::fs::write(folder.join("8.wav"), "eight").unwrap();
    let shown = |wrong: Vec<crate::file::Diagnostic>| wrong.iter().map(|d| d.render("toml", &text)).collect::<String>();
    super::super::parse(&text, folder).unwrap_or_else(|wrong| panic!("{}", shown(wrong))).remove(0)
}

async fn gather_by(profile: &Profile, sessions: &[Session]) -> Result<Gathered, String> {
    let Adapter::Sql(sql) = &profile.recordings.adapter else { panic!("{:?}", profile.recordings.adapter) };
    let values = Values::from([("project", profile.project.display().to_string())]);
    gather(&values, profile, sql, sessions).await
}

/// Each recording as `expected: files` with what is wrong with what is said.
fn found(gathered: &Gathered, sessions: &[Session]) -> Vec<String> {
    let one = |stored: &Stored| {
        let files = stored.recorded.files.iter().map(|file| {
            let legs: Vec<&str> = file.claims.iter().flatten().map(|leg| leg.name()).collect();
            let missing = if matches!(file.content, Content::Missing) { "?" } else { "" };
            format!("{}{missing}={}", file.name, legs.join("+"))
        });
        let files = files.collect::<Vec<_>>().join(" ");
        let mut wrong = Vec::new();
        let told = stored.recorded.expected.map(|at| &sessions[at]);
        told.into_iter().for_each(|told| stored.said.iter().for_each(|said| said.compare(told, &mut wrong)));
        let wrong: Vec<String> = wrong.into_iter().map(|finding| format!(" ({})", finding.found)).collect();
        format!("{:?}: {files}{}", stored.recorded.expected, wrong.join(""))
    };
    gathered.stored.iter().map(one).collect()
}

fn two() -> [Session; 2] {
    [session(7, "2000", "1000"), session(8, "1000", "2000")]
}

const BY_REFCI: &str = "query = \"SELECT file AS path, side AS content, refci, agent, done AS complete FROM calls WHERE refci = {refci} ORDER BY id\"\n";
const ROWS: &str = "INSERT INTO calls VALUES (1, 7, 'n-7@192.0.2.5', '7.wav', 'near', '2000', TRUE), (2, 7, 'f-7@192.0.2.5', '7f.wav', 'far', '1000', TRUE), (3, 8, 'n-8@192.0.2.5', '8.wav', 'stereo', '1000', TRUE), (4, 9, 'x', '9.wav', 'stereo', '', TRUE)";

#[tokio::test]
async fn a_query_of_sqlite_says_which_files_hold_which_call() {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open(folder.path().join("calls.db")).unwrap();
    database.execute_batch(&format!("{TABLE}; {ROWS}")).unwrap();
    let (sessions, sqlite) = (two(), "sqlite = \"{project}/calls.db\"\n");
    let by_refci = profile(folder.path(), &format!("{sqlite}{BY_REFCI}"));
    let expected = ["Some(0): 7.wav=near 7f.wav?=far (`1000`)", "Some(1): 8.wav=near+far"];
    assert_eq!(found(&gather_by(&by_refci, &sessions).await.unwrap(), &sessions), expected);
    let of_all =
        "query = \"SELECT file AS path, sip_id AS call_id, 'far' AS left, agent FROM calls WHERE side = 'stereo';\"\n";
    let of_all = profile(folder.path(), &format!("{sqlite}{of_all}"));
    assert_eq!(found(&gather_by(&of_all, &sessions).await.unwrap(), &sessions), ["Some(1): 8.wav=far+near"]);
    // A parameter is never part of the text: this one would be a second condition.
    let odd = [Session {
        near: crate::kept::Party { number: "' OR '1'='1".to_owned(), device: String::new() },
        ..two()[0].clone()
    }];
    let by_agent = "query = \"SELECT file AS path FROM calls WHERE agent = {near}\"\n";
    let by_agent = profile(folder.path(), &format!("{sqlite}{by_agent}"));
    assert!(gather_by(&by_agent, &odd).await.unwrap().stored.is_empty());

    database.execute_batch("UPDATE calls SET done = FALSE WHERE refci = 8").unwrap();
    let late = gather_by(&by_refci, &sessions).await.unwrap();
    let rules: Vec<_> = late.findings.iter().map(|f| (f.rule.as_str(), f.file.as_deref())).collect();
    assert_eq!(rules, [("late-file", Some("8.wav"))]);
    let rows = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        database.execute_batch("UPDATE calls SET done = TRUE").unwrap();
    });
    assert!(gather_by(&by_refci, &sessions).await.unwrap().findings.is_empty(), "it is waited for");
    rows.await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_database_of_sqlite_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |query: &str| profile(folder.path(), &format!("sqlite = \"calls.db\"\nquery = \"{query}\"\n"));
    let why = gather_by(&ask("SELECT path FROM calls"), &two()).await.unwrap_err();
    assert!(why.contains("calls.db does not answer") && why.ends_with("it was asked for 900ms"), "{why}");
    assert!(!folder.path().join("calls.db").exists(), "nothing is made");
    let database = Connection::open(folder.path().join("calls.db")).unwrap();
    database.execute_batch(&format!("{TABLE}; {ROWS}")).unwrap();
    for (query, expected) in [
        ("SELECT path FROM recordings", "no such table: recordings"),
        ("SELECT path FROM calls", "no such column: path"),
        ("SELECT file FROM calls", "a row of the query has no `path`"),
        ("SELECT file AS path, 'mono' AS content FROM calls", "is `mono`, expected `stereo`, `near` or `far`"),
        ("DELETE FROM calls RETURNING file AS path", "readonly"),
        ("SELEKT", "syntax error"),
    ] {
        let why = gather_by(&ask(query), &two()).await.unwrap_err();
        assert!(why.contains(expected), "{query}: {why}");
    }
    std::fs::write(folder.path().join("calls.db"), "this is no database, whatever its name may say of it").unwrap();
    let why = gather_by(&ask("SELECT path FROM calls"), &two()).await.unwrap_err();
    assert!(why.contains("not a database"), "{why}");
}

/// A cluster of PostgreSQL's of our own on loopback.
struct Cluster {
    folder: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// `None` where PostgreSQL's programs are not installed or do not run.
    fn start() -> Option<Self> {
        let bin =
            std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin")).max()?;
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        std::fs::write(&password, "s3cret\n").unwrap();
        // PostgreSQL does not run as root.
        let as_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
        if as_root {
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            owned.ok().filter(std::process::ExitStatus::success)?;
        }
        let run = |program: &str, args: &[&str]| {
            let program = bin.join(program).display().to_string();
            let mut command = if as_root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", &program]);
                command
            } else {
                Command::new(program)
            };
            let output = command.args(args).current_dir(folder.path()).output();
            output.ok().filter(|output| output.status.success())
        };
        let (data, password) = (data.display().to_string(), password.display().to_string());
        run("initdb", &["-D", &data, "-U", "reader", "-A", "scram-sha-256", "--pwfile", &password, "--no-sync"])?;
        let options = format!("-p {port} -h 127.0.0.1 -k '' -F");
        run("pg_ctl", &["-D", &data, "-o", &options, "-l", &format!("{data}/log"), "-w", "start"])?;
        Some(Self { folder, port })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
        let pid = pid.lines().next().unwrap_or_default();
        // SIGINT: it ends its connections and itself.
        let _ = Command::new("kill").args(["-INT", pid]).status();
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[tokio::test]
async fn a_query_of_postgresql_says_which_files_hold_which_call() {
    let Some(cluster) = Cluster::start() else {
        eprintln!("skipped: there is no PostgreSQL here that can be started (`apt-get install postgresql`)");
        return;
    };
    let (folder, sessions) = (tempfile::tempdir().unwrap(), two());
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(cluster.port).user("reader").dbname("postgres").password("s3cret");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("{TABLE}; {ROWS}")).await.unwrap();
    std::fs::write(folder.path().join("password"), "s3cret").unwrap();
    let port = cluster.port;
    let postgres = format!(
        "postgres = {{ host = \"127.0.0.1\", port = {port}, name = \"postgres\", user = \"reader\", password = {{ file = \"password\" }} }}\n"
    );
    let by_refci = profile(folder.path(), &format!("{postgres}{BY_REFCI}"));
    let expected = ["Some(0): 7.wav=near 7f.wav?=far (`1000`)", "Some(1): 8.wav=near+far"];
    assert_eq!(found(&gather_by(&by_refci, &sessions).await.unwrap(), &sessions), expected);
    let ask = |query: &str| profile(folder.path(), &format!("{postgres}query = \"{query}\"\n"));
    for (query, expected) in [
        ("SELECT path FROM recordings", "relation \"recordings\" does not exist; it was asked for"),
        ("SELECT path FROM calls", "column \"path\" does not exist"),
        ("SELECT file AS path FROM calls WHERE refci = {near_device}", "invalid input syntax for type integer"),
    ] {
        let why = gather_by(&ask(query), &sessions).await.unwrap_err();
        assert!(why.contains(expected), "{query}: {why}");
    }
    std::fs::write(folder.path().join("password"), "hush").unwrap();
    let why = gather_by(&by_refci, &sessions).await.unwrap_err();
    assert!(why.contains("password authentication failed") && !why.contains("hush"), "{why}");
    drop(cluster);
    let gone = gather_by(&by_refci, &sessions).await.unwrap_err();
    assert!(gone.contains("does not answer") && gone.contains("it was asked for"), "{gone}");
}

#[test]
fn what_is_wrong_with_a_profile_is_told_with_the_way_out() {
    let complaints = |sql: &str| -> String {
        let text = format!(
            "[recorders.mine]\nlistens = {{ tcp = 5060 }}\nstart = {{ command = [\"x\"] }}\n[recorders.mine.recordings]\nadapter = \"sql\"\n{sql}"
        );
        let wrong = super::super::parse(&text, Path::new("/")).unwrap_err();
        wrong.iter().map(|d| format!("{} ({})\n", d.message, d.help.clone().unwrap_or_default())).collect()
    };
    let fine = "sql = { sqlite = \"{folder}/a.db\", query = \"SELECT 1\" }\n";
    for (from, to, expected) in [
        (fine, "", "the adapter `sql` needs `sql`"),
        ("sqlite = \"{folder}/a.db\", ", "", "a database is `sqlite` or `postgres`"),
        ("sqlite = \"{folder}/a.db\"", "postgres = { name = \"a\" }", "needs `user`"),
        (
            "sqlite = \"{folder}/a.db\"",
            "postgres = { name = \"a\", user = \"b\", password = \"c\" }",
            "a secret does not stand in this file",
        ),
        ("SELECT 1", "SELECT {refcy}", "did you mean `{refci}`?"),
        (", query = \"SELECT 1\"", "", "needs `query`"),
    ] {
        let found = complaints(&fine.replace(from, to));
        assert!(found.contains(expected), "{to}: {found}");
    }
}
