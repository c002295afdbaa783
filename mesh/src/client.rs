//! A client of namerd's HTTP API.

mod base;
mod dialer;
mod error;
mod exchange;
mod watch;

use dtab::Path;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_MATCH};
use http::{HeaderValue, Method};
use serde::de::DeserializeOwned;

pub use base::BaseUrlError;
pub use error::{Attempt, ClientError};
pub use exchange::ClientOptions;
pub use watch::Watch;

use crate::api::{
    Addr, BoundTree, By, DelegateTree, DelegationRequest, Dentry, DryRun, Export, Fleet, Lint,
    Revision, Status,
};
use exchange::{Exchange, Question};

type Result<T> = std::result::Result<T, ClientError>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const DTAB: HeaderValue = HeaderValue::from_static("application/dtab");

/// A client of namerd's HTTP API: Switchyard's, and Linkerd 1's as far as it goes.
///
/// Of several base URLs the first that answers is used, until it no longer does. A read moves on to the next whenever an answer
/// fails to come; a write only if it surely was not sent. Cheap to clone; clones share their connections. Errors name
/// the URL, and carry what namerd said.
#[derive(Debug, Clone)]
pub struct NamerdClient {
    exchange: Exchange,
}

/// A value, and the tag of the version it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The `ETag`, to be sent back as it is; `None` if namerd sent none.
    pub tag: Option<String>,
    /// The value.
    pub value: T,
}

/// A dtab to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DtabBody {
    /// As text, which namerd keeps as it is.
    Text(String),
    /// As JSON.
    Json(Vec<Dentry>),
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// There is no dtab of this name yet.
    Absent,
    /// Nothing: a dtab of this name is replaced, or made.
    None,
    /// The dtab still has the version of this tag.
    Tag(String),
}

/// What an import does with namespaces that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The import is refused as a whole.
    Refuse,
    /// They are replaced, with their history.
    Replace,
}

/// The dtabs.
impl NamerdClient {
    /// A client for these base URLs. Nothing is connected yet.
    ///
    /// # Errors
    /// If there is no URL, or one is not `http://…` or `https://…`.
    pub fn new(options: ClientOptions) -> std::result::Result<Self, BaseUrlError> {
        let exchange = Exchange::new(options)?;
        Ok(Self { exchange })
    }

    /// The names of all namespaces.
    ///
    /// # Errors
    /// See [`ClientError`]; so for all methods.
    pub async fn namespaces(&self) -> Result<Vec<String>> {
        self.get("/api/1/dtabs").await
    }

    /// A namespace's dtab.
    ///
    /// # Errors
    /// [`ClientError::Status`] with 404 if there is none.
    pub async fn dtab(&self, namespace: &str) -> Result<Versioned<Vec<Dentry>>> {
        let question = Question::get(dtab_path(namespace)).header(ACCEPT, JSON);
        let answer = self.exchange.ask(question).await?;
        Ok(Versioned {
            tag: answer.header(&ETAG),
            value: answer.json()?,
        })
    }

    /// A namespace's dtab as it was written, comments included.
    ///
    /// # Errors
    /// [`ClientError::Status`] with 404 if there is none.
    pub async fn dtab_text(&self, namespace: &str) -> Result<Versioned<String>> {
        self.text(dtab_path(namespace)).await
    }

    /// A namespace's dtab as it was written in an earlier revision.
    ///
    /// # Errors
    /// [`ClientError::Status`] with 404 if there is no such revision.
    pub async fn dtab_text_at(&self, namespace: &str, revision: u64) -> Result<Versioned<String>> {
        let path = dtab_path(namespace);
        self.text(format!("{path}?revision={revision}")).await
    }

    async fn text(&self, path: String) -> Result<Versioned<String>> {
        let question = Question::get(path).header(ACCEPT, DTAB);
        let answer = self.exchange.ask(question).await?;
        Ok(Versioned {
            tag: answer.header(&ETAG),
            value: answer.text(),
        })
    }

    /// Writes a namespace's dtab; gives the tag of its new version, if namerd says so.
    ///
    /// # Errors
    /// [`ClientError::Status`]: 400 for a bad dtab, 409 if it should have been absent, 404 or 412 if it is absent or has another
    /// version than it should have.
    pub async fn write_dtab(
        &self,
        namespace: &str,
        dtab: &DtabBody,
        precondition: &Precondition,
        by: &By,
    ) -> Result<Option<String>> {
        let mut question = write(dtab_path(namespace), dtab, precondition)?;
        by.write(&mut question.headers);
        Ok(self.exchange.ask(question).await?.header(&ETAG))
    }

    /// What [`write_dtab`](Self::write_dtab) would do; nothing is written.
    ///
    /// # Errors
    /// Those that the write would get.
    pub async fn dry_run(
        &self,
        namespace: &str,
        dtab: &DtabBody,
        precondition: &Precondition,
    ) -> Result<DryRun> {
        let path = format!("{}?dryRun=true", dtab_path(namespace));
        let question = write(path, dtab, precondition)?;
        self.exchange.ask(question).await?.json()
    }

    /// Removes a namespace's dtab.
    ///
    /// # Errors
    /// [`ClientError::Status`] with 404 if there is none.
    pub async fn delete_dtab(&self, namespace: &str, by: &By) -> Result<()> {
        let mut question = Question::new(Method::DELETE, dtab_path(namespace));
        by.write(&mut question.headers);
        self.exchange.ask(question).await.map(drop)
    }

    /// What is worth a second look in a dtab.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn lint(&self, dtab: &DtabBody) -> Result<Vec<Lint>> {
        let question = dtab.question(Method::POST, "/api/1/lint".to_owned())?;
        self.exchange.ask(question).await?.json()
    }

    /// The changes of a namespace, newest first: up to `limit` of those before the revision `before`.
    ///
    /// # Errors
    /// [`ClientError::Status`] with 404 if there never was such a namespace.
    pub async fn history(
        &self,
        namespace: &str,
        limit: Option<usize>,
        before: Option<u64>,
    ) -> Result<Vec<Revision>> {
        let limit = limit.map(|limit| ("limit", limit.to_string()));
        let before = before.map(|revision| ("before", revision.to_string()));
        let path = format!("/api/1/history/{}", base::escape_path(namespace));
        let parameters = limit.iter().chain(&before);
        self.get(&base::with_query(path, parameters)).await
    }
}

/// What dtabs lead to.
impl NamerdClient {
    /// What a name is bound to in a namespace, with `dtab` after the namespace's own.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn bind(&self, namespace: &str, path: &Path, dtab: &str) -> Result<BoundTree> {
        self.get(&lookup("bind", namespace, path, dtab)).await
    }

    /// The addresses of a concrete name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn addr(&self, namespace: &str, id: &Path) -> Result<Addr> {
        self.get(&lookup("addr", namespace, id, "")).await
    }

    /// The addresses that a name leads to, after a draw in each union.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resolve(&self, namespace: &str, path: &Path, dtab: &str) -> Result<Addr> {
        self.get(&lookup("resolve", namespace, path, dtab)).await
    }

    /// Every step from a name to its addresses.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delegate(&self, namespace: &str, path: &Path, dtab: &str) -> Result<DelegateTree> {
        self.get(&lookup("delegate", namespace, path, dtab)).await
    }

    /// Every step from a name to its addresses, for a dtab of any length.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delegate_with(&self, request: &DelegationRequest) -> Result<DelegateTree> {
        let question = Question::new(Method::POST, "/api/1/delegate".to_owned());
        // It changes nothing.
        let question = question.safe().json(request)?;
        self.exchange.ask(question).await?.json()
    }

    /// The concrete names that namers can list.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn bound_names(&self) -> Result<Vec<String>> {
        self.get("/api/1/bound-names").await
    }
}

/// The same, now and whenever they change.
impl NamerdClient {
    /// The names of all namespaces.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch_namespaces(&self) -> Result<Watch<Vec<String>>> {
        self.watch("/api/1/dtabs?watch=true").await
    }

    /// A namespace's dtab. Says nothing while there is none, and nothing when it is removed.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch_dtab(&self, namespace: &str) -> Result<Watch<Vec<Dentry>>> {
        let path = dtab_path(namespace);
        self.watch(&format!("{path}?watch=true")).await
    }

    /// What a name is bound to. Changes of addresses alone make no new record.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch_bind(
        &self,
        namespace: &str,
        path: &Path,
        dtab: &str,
    ) -> Result<Watch<BoundTree>> {
        let path = lookup("bind", namespace, path, dtab);
        self.watch(&format!("{path}&watch=true")).await
    }

    /// The addresses of a concrete name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch_addr(&self, namespace: &str, id: &Path) -> Result<Watch<Addr>> {
        let path = lookup("addr", namespace, id, "");
        self.watch(&format!("{path}&watch=true")).await
    }

    /// The addresses that a name leads to, after a draw in each union.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch_resolve(
        &self,
        namespace: &str,
        path: &Path,
        dtab: &str,
    ) -> Result<Watch<Addr>> {
        let path = lookup("resolve", namespace, path, dtab);
        self.watch(&format!("{path}&watch=true")).await
    }

    /// The concrete names that namers can list.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch_bound_names(&self) -> Result<Watch<Vec<String>>> {
        self.watch("/api/1/bound-names?watch=true").await
    }

    async fn watch<T: DeserializeOwned>(&self, path: &str) -> Result<Watch<T>> {
        let question = Question::get(path.to_owned());
        let (base, response) = self.exchange.open(question).await?;
        Ok(Watch::new(base, response.into_body()))
    }
}

/// The fleet and the store.
impl NamerdClient {
    /// The routers that all namerds know.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn fleet(&self) -> Result<Fleet> {
        self.get("/api/1/fleet").await
    }

    /// How namerd is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Status> {
        self.get("/api/1/status").await
    }

    /// Everything that the store holds.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn export(&self) -> Result<Export> {
        self.get("/api/1/export").await
    }

    /// Writes an export into the store.
    ///
    /// # Errors
    /// [`ClientError::Status`] with 409 if a namespace is there and isn't to be replaced.
    pub async fn import(&self, export: &Export, existing: Existing) -> Result<()> {
        let path = match existing {
            Existing::Refuse => "/api/1/import",
            Existing::Replace => "/api/1/import?replace=true",
        };
        let question = Question::new(Method::POST, path.to_owned()).json(export)?;
        self.exchange.ask(question).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let question = Question::get(path.to_owned());
        self.exchange.ask(question).await?.json()
    }
}

impl DtabBody {
    fn question(&self, method: Method, path: String) -> Result<Question> {
        let question = Question::new(method, path);
        match self {
            Self::Json(dentries) => question.json(dentries),
            Self::Text(text) => Ok(question.header(CONTENT_TYPE, DTAB).body(text.clone())),
        }
    }
}

fn write(path: String, dtab: &DtabBody, precondition: &Precondition) -> Result<Question> {
    let method = match precondition {
        Precondition::Absent => Method::POST,
        Precondition::None | Precondition::Tag(_) => Method::PUT,
    };
    let question = dtab.question(method, path)?;
    match precondition {
        Precondition::Absent | Precondition::None => Ok(question),
        Precondition::Tag(tag) => {
            let tag = HeaderValue::from_str(tag).map_err(|_| ClientError::Tag(tag.clone()))?;
            Ok(question.header(IF_MATCH, tag))
        }
    }
}

fn dtab_path(namespace: &str) -> String {
    format!("/api/1/dtabs/{}", base::escape_path(namespace))
}

/// Always ends in a query.
fn lookup(verb: &str, namespace: &str, path: &Path, dtab: &str) -> String {
    let url = format!("/api/1/{verb}/{}", base::escape_path(namespace));
    let path = ("path", path.to_string());
    let dtab = (!dtab.is_empty()).then(|| ("dtab", dtab.to_owned()));
    base::with_query(url, std::iter::once(&path).chain(&dtab))
}

#[cfg(test)]
mod tests;
