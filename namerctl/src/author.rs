use clap::Args;
use mesh::api::By;

/// Who changes a dtab, and why.
#[derive(Debug, Args)]
pub(crate) struct AuthorArgs {
    /// Why: goes into the history
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Who: goes into the history; the default is user@host
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

impl AuthorArgs {
    /// `message` is for where the user says nothing.
    pub(crate) fn by(&self, message: &str) -> By {
        By {
            author: self.author.clone().unwrap_or_else(user_at_host),
            message: self.message.clone().unwrap_or_else(|| message.to_owned()),
        }
    }
}

fn user_at_host() -> String {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let file = |path| std::fs::read_to_string(path).ok();
    let host = file("/proc/sys/kernel/hostname")
        .or_else(|| file("/etc/hostname"))
        .map(|name| name.trim().to_owned())
        .or_else(|| variable("HOSTNAME"));
    let known = [user, host.filter(|host| !host.is_empty())];
    known.into_iter().flatten().collect::<Vec<_>>().join("@")
}
