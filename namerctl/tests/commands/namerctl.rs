use std::io::Write as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::namerd::Namerd;

/// A folder to run the program in, with an environment of its own.
pub(crate) struct Namerctl {
    pub(crate) folder: TempDir,
    environment: Vec<(&'static str, String)>,
    input: String,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit_code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Namerctl {
    /// A program that knows no namerd.
    pub(crate) fn alone() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: vec![("USER", "ada".to_owned())],
            input: String::new(),
        }
    }

    pub(crate) fn of(namerd: &Namerd) -> Self {
        Self::alone().variable("NAMERCTL_BASE_URL", &namerd.url)
    }

    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in("", args)
    }

    /// Runs it in a folder below its own.
    pub(crate) fn run_in(&self, folder: &str, args: &[&str]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_namerctl"))
            .args(args)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path().join(folder))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        // A program that does not read its input closes it.
        drop(input.write_all(self.input.as_bytes()));
        drop(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            exit_code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// All that there is to see.
    #[track_caller]
    pub(crate) fn is(&self, exit_code: i32, out: &str, err: &str) {
        let told = (self.exit_code, self.out.as_str(), self.err.as_str());
        assert_eq!(told, (exit_code, out, err));
    }

    /// A failure whose first line on standard error is this one, with nothing on standard output.
    #[track_caller]
    pub(crate) fn failed(&self, exit_code: i32, first_line: &str) {
        let line = self.err.lines().next().unwrap_or_default();
        assert_eq!((self.exit_code, line), (exit_code, first_line), "{self:#?}");
        assert_eq!(self.out, "");
    }
}
