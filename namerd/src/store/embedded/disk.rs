//! The file: tables, transactions, and what happens when the disk fails.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, Table, TableDefinition,
    WriteTransaction,
};
use tokio::time::Instant;

use crate::store::export::raise_above;
use crate::store::view::{Batch, Feed};
use crate::store::{By, Change, Export, Namespace, OpenError, Revision, StoreError, Stored};

/// The name of the file in its folder.
pub(super) const FILE: &str = "dtabs.redb";
/// Its name until it is one that can be opened.
pub(super) const NEW_FILE: &str = "dtabs.redb.new";

const FORMAT: u64 = 1;
/// Dtabs are small and the view holds the newest ones: the library's default of 1 GiB would only invite trouble.
const CACHE_BYTES: usize = 4 << 20;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The newest revision of each namespace.
const HEADS: TableDefinition<'_, &str, u64> = TableDefinition::new("heads");
/// Revisions as JSON, by namespace and number.
const HISTORY: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("history");

/// A store's answer inside of the disk's answer: a refusal is no trouble of the disk.
type Answer<T> = Result<Result<T, StoreError>, redb::Error>;

/// The open file, and the view that shows what is in it.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    /// None after the disk failed: after that the library takes no more writes, and what is on the disk is unknown. The
    /// next caller opens the file again.
    database: Option<Database>,
    feed: Feed,
}

impl Disk {
    pub(super) fn open(dir: &Path, feed: Feed) -> Result<Self, OpenError> {
        let database = open_file(dir)?;
        show_all(&database, &feed).map_err(|error| unusable(&dir.join(FILE), error))?;
        Ok(Self {
            dir: dir.to_owned(),
            database: Some(database),
            feed,
        })
    }

    pub(super) fn write(
        &mut self,
        namespace: &Namespace,
        change: &Change,
        by: &By,
    ) -> Result<u64, StoreError> {
        self.transact(|tables| {
            let at = match tables.head(namespace)? {
                Some(head) => (head.revision, head.text.is_some()),
                None => (0, false),
            };
            let next = match change.apply(namespace, at, by) {
                Ok(next) => next,
                Err(refusal) => return Ok(Err(refusal)),
            };
            tables.append(namespace, &next)?;
            Ok(Ok((next.revision, vec![namespace.clone()])))
        })
    }

    pub(super) fn import(
        &mut self,
        export: Export,
        replace: bool,
        by: &By,
    ) -> Result<(), StoreError> {
        export.check()?;
        self.transact(|tables| {
            let existing = tables.namespaces()?;
            if !replace
                && let Err(refusal) =
                    export.refuse_existing(|namespace| existing.contains(namespace))
            {
                return Ok(Err(refusal));
            }
            let names = export.namespaces.keys().cloned().collect();
            for (namespace, history) in export.namespaces {
                let floor = tables.head(&namespace)?.map_or(0, |head| head.revision);
                tables.history.retain_in(
                    (namespace.as_str(), 0)..=(namespace.as_str(), u64::MAX),
                    |_, _| false,
                )?;
                for revision in raise_above(floor, history, by) {
                    tables.append(&namespace, &revision)?;
                }
            }
            Ok(Ok(((), names)))
        })
    }

    pub(super) fn history(
        &mut self,
        namespace: &Namespace,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Revision>, StoreError> {
        self.read(|database| {
            let history = database.begin_read()?.open_table(HISTORY)?;
            if history.range(all_of(namespace))?.next().is_none() {
                return Ok(Err(StoreError::DoesNotExist(namespace.clone())));
            }
            let page = history
                .range((namespace.as_str(), 0)..(namespace.as_str(), before.unwrap_or(u64::MAX)))?;
            let page = page.rev().take(limit).map(|entry| decode(entry?.1.value()));
            Ok(Ok(page.collect::<Result<_, _>>()?))
        })
    }

    pub(super) fn revision(
        &mut self,
        namespace: &Namespace,
        number: u64,
    ) -> Result<Option<Revision>, StoreError> {
        self.read(|database| {
            let history = database.begin_read()?.open_table(HISTORY)?;
            let entry = history.get((namespace.as_str(), number))?;
            Ok(Ok(entry.map(|entry| decode(entry.value())).transpose()?))
        })
    }

    pub(super) fn export(&mut self) -> Result<Export, StoreError> {
        self.read(|database| {
            let history = database.begin_read()?.open_table(HISTORY)?;
            let mut export = Export::new(std::collections::BTreeMap::new());
            for entry in history.iter()? {
                let (key, value) = entry?;
                let revision = decode(value.value())?;
                export
                    .namespaces
                    .entry(decode_name(key.value().0)?)
                    .or_default()
                    .push(revision);
            }
            Ok(Ok(export))
        })
    }

    /// Changes the tables durably, then shows the namespaces that were changed.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Tables<'_>) -> Answer<(T, Vec<Namespace>)>,
    ) -> Result<T, StoreError> {
        self.attempt(|database, feed| {
            let mut transaction = database.begin_write()?;
            transaction.set_quick_repair(true);
            let (answer, changed) = match work(&mut Tables::open(&transaction)?)? {
                Ok(done) => done,
                // The transaction is dropped, and with it whatever it did.
                Err(refusal) => return Ok(Err(refusal)),
            };
            transaction.commit()?;
            let mut batch = feed.batch();
            for namespace in &changed {
                show(database, namespace, &mut batch)?;
            }
            batch.commit();
            Ok(Ok(answer))
        })
    }

    fn read<T>(&mut self, work: impl FnOnce(&Database) -> Answer<T>) -> Result<T, StoreError> {
        self.attempt(|database, _| work(database))
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Database, &Feed) -> Answer<T>,
    ) -> Result<T, StoreError> {
        let reopened = match self.database.take() {
            Some(database) => Ok(database),
            None => self.reopen(),
        };
        let answer = reopened.and_then(|database| {
            let answer = work(&database, &self.feed).map_err(|error| error.to_string())?;
            // Only now: after an error of the disk the file stays closed.
            self.database = Some(database);
            Ok(answer)
        });
        answer.unwrap_or_else(|reason| {
            tracing::error!(%reason, dir = %self.dir.display(), "the disk of the embedded store failed");
            self.feed.trouble(Instant::now(), &reason);
            Err(StoreError::Unavailable { reason })
        })
    }

    fn reopen(&self) -> Result<Database, String> {
        let database = open_file(&self.dir).map_err(|error| error.to_string())?;
        show_all(&database, &self.feed).map_err(|error| error.to_string())?;
        Ok(database)
    }
}

/// The tables of a transaction that writes.
struct Tables<'t> {
    heads: Table<'t, &'static str, u64>,
    history: Table<'t, (&'static str, u64), &'static [u8]>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            heads: transaction.open_table(HEADS)?,
            history: transaction.open_table(HISTORY)?,
        })
    }

    fn head(&self, namespace: &Namespace) -> Result<Option<Revision>, redb::Error> {
        let Some(number) = self.heads.get(namespace.as_str())? else {
            return Ok(None);
        };
        let entry = self.history.get((namespace.as_str(), number.value()))?;
        Ok(Some(decode(
            entry.ok_or_else(|| no_head(namespace))?.value(),
        )?))
    }

    fn namespaces(&self) -> Result<std::collections::BTreeSet<Namespace>, redb::Error> {
        self.heads
            .iter()?
            .map(|entry| decode_name(entry?.0.value()))
            .collect()
    }

    fn append(&mut self, namespace: &Namespace, revision: &Revision) -> Result<(), redb::Error> {
        let json = serde_json::to_vec(revision).map_err(io::Error::from)?;
        self.history
            .insert((namespace.as_str(), revision.revision), json.as_slice())?;
        self.heads.insert(namespace.as_str(), revision.revision)?;
        Ok(())
    }
}

/// Opens the file, or makes it if there is none.
///
/// A new file gets its name when it is ready. So a file of that name that cannot be opened is a damaged one, also if it is
/// empty, and making a new one in its place would forget every dtab.
fn open_file(dir: &Path) -> Result<Database, OpenError> {
    let path = dir.join(FILE);
    let in_way = |error: DatabaseError| match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path.clone()),
        other => unusable(&path, other),
    };
    if !path.try_exists().map_err(|error| unusable(&path, error))? {
        fs::create_dir_all(dir).map_err(|error| unusable(&path, error))?;
        let new = dir.join(NEW_FILE);
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(&new)
            .map_err(in_way)?;
        initialize(&database).map_err(|error| unusable(&path, error))?;
        drop(database);
        // A link, as a rename would replace what another process has made meanwhile.
        let linked = fs::hard_link(&new, &path).and_then(|()| fs::remove_file(&new));
        linked
            .and_then(|()| File::open(dir)?.sync_all())
            .map_err(|error| unusable(&path, error))?;
    }
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .open(&path)
        .map_err(in_way)?;
    match format_of(&database) {
        Ok(FORMAT) => Ok(database),
        Ok(format) => Err(OpenError::Format {
            path,
            format,
            known: FORMAT,
        }),
        Err(error) => Err(unusable(&path, error)),
    }
}

fn initialize(database: &Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    transaction.open_table(META)?.insert("format", FORMAT)?;
    Tables::open(&transaction)?;
    Ok(transaction.commit()?)
}

fn format_of(database: &Database) -> Result<u64, redb::Error> {
    let meta = database.begin_read()?.open_table(META)?;
    Ok(meta.get("format")?.map_or(0, |format| format.value()))
}

/// Shows all that is in the file.
fn show_all(database: &Database, feed: &Feed) -> Result<(), redb::Error> {
    let heads = database.begin_read()?.open_table(HEADS)?;
    let mut batch = feed.batch();
    for entry in heads.iter()? {
        show(database, &decode_name(entry?.0.value())?, &mut batch)?;
    }
    batch.commit();
    feed.current();
    Ok(())
}

fn show(
    database: &Database,
    namespace: &Namespace,
    batch: &mut Batch<'_>,
) -> Result<(), redb::Error> {
    let history = database.begin_read()?.open_table(HISTORY)?;
    let mut newest_first = history.range(all_of(namespace))?.rev();
    let head = decode(
        newest_first
            .next()
            .ok_or_else(|| no_head(namespace))??
            .1
            .value(),
    )?;
    if batch.set(namespace, head.revision, head.text.map(Into::into)) {
        return Ok(());
    }
    for entry in newest_first {
        // What was deleted does not come back.
        let Some(text) = decode(entry?.1.value())?.text else {
            break;
        };
        if let Ok(good) = Stored::parse(text) {
            batch.fall_back(namespace, good);
            break;
        }
    }
    Ok(())
}

fn all_of(namespace: &Namespace) -> std::ops::RangeInclusive<(&str, u64)> {
    (namespace.as_str(), 0)..=(namespace.as_str(), u64::MAX)
}

fn decode(json: &[u8]) -> Result<Revision, redb::Error> {
    serde_json::from_slice(json)
        .map_err(|error| redb::Error::Corrupted(format!("a revision cannot be read: {error}")))
}

fn decode_name(name: &str) -> Result<Namespace, redb::Error> {
    Namespace::new(name).map_err(|error| redb::Error::Corrupted(error.to_string()))
}

fn no_head(namespace: &Namespace) -> redb::Error {
    redb::Error::Corrupted(format!(
        "the newest revision of namespace {namespace} is missing"
    ))
}

fn unusable(path: &Path, error: impl ToString) -> OpenError {
    OpenError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
