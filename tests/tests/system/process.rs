//! The programs as processes: built once, watched through what they say, killed when dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long anything may take. Only a test that fails ever waits for so long.
const LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// The lines that a process has written so far.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

/// A running program.
pub(crate) struct Process {
    name: String,
    child: Child,
    out: Lines,
    err: Lines,
    readers: Vec<JoinHandle<()>>,
}

/// What a program has left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: Vec<String>,
    /// Standard error.
    pub(crate) err: Vec<String>,
}

/// Starts `concentrator`.
pub(crate) fn concentrator(arguments: &[&str]) -> Process {
    concentrator_in(&[], arguments)
}

/// Starts `concentrator` in an environment.
pub(crate) fn concentrator_in(environment: &[(&str, &str)], arguments: &[&str]) -> Process {
    Process::start("concentrator", environment, arguments)
}

/// Starts `plcsim`.
pub(crate) fn plcsim(arguments: &[&str]) -> Process {
    Process::start("plcsim", &[], arguments)
}

/// Starts `concentrator-headend`.
pub(crate) fn head_end(arguments: &[&str]) -> Process {
    Process::start("concentrator-headend", &[], arguments)
}

/// Looks until there is something to see.
#[allow(clippy::disallowed_methods, reason = "processes live by the clock of the machine")]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < LIMIT, "waited in vain: {what}");
        std::thread::sleep(LOOK);
    }
}

impl Process {
    fn start(name: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut child = Command::new(programs().join(name))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (Lines::default(), Lines::default());
        let readers = vec![
            out.clone().fill(child.stdout.take().unwrap()),
            err.clone().fill(child.stderr.take().unwrap()),
        ];
        Self { name: format!("{name} {}", arguments.join(" ")), child, out, err, readers }
    }

    /// Waits for the word behind `mark` in a line of standard error.
    pub(crate) fn says(&mut self, mark: &str) -> String {
        let err = self.err.clone();
        self.tells(&err, mark)
    }

    /// Waits for the word behind `mark` in a line of standard output.
    pub(crate) fn prints(&mut self, mark: &str) -> String {
        let out = self.out.clone();
        self.tells(&out, mark)
    }

    fn tells(&mut self, lines: &Lines, mark: &str) -> String {
        let what = format!("{}: {mark}", self.name);
        wait_for(&what, || {
            let word = lines.word_behind(mark);
            assert!(word.is_some() || self.is_running(), "{what}: ended, and said {:?}", self.err.all());
            word
        })
    }

    /// The word behind `mark` in a line of standard output, if there is one yet.
    pub(crate) fn printed(&self, mark: &str) -> Option<String> {
        self.out.word_behind(mark)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let signal = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(signal.unwrap().success());
    }

    /// Asks it to end.
    pub(crate) fn terminate(self) -> Ended {
        self.signal("TERM");
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let status = wait_for(&self.name, || self.child.try_wait().unwrap());
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        Ended { code: status.code(), out: self.out.all(), err: self.err.all() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn fill(self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        std::thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.for_each(|line| self.0.lock().unwrap().push(line));
        })
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn word_behind(&self, mark: &str) -> Option<String> {
        let lines = self.0.lock().unwrap();
        let rest = lines.iter().find_map(|line| line.split_once(mark)).map(|(_, rest)| rest)?;
        Some(rest.split_whitespace().next().unwrap_or_default().to_owned())
    }
}

/// The folder of the programs: of the profile of this test, and of the sources as they are now.
fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        build(folder);
        folder.to_owned()
    })
}

fn build(folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()).unwrap() {
        "debug" => "dev",
        profile => profile,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "-p", "concentrator", "-p", "sim", "-p", "headend", "--bins"])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status();
    assert!(built.unwrap().success(), "the programs cannot be built");
}
