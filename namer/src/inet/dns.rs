//! What name servers answer.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::Instant;

use super::Pace;

/// How long the answer of one family waits for the other's: some name servers never answer for AAAA.
const OTHER_FAMILY_WAIT: Duration = Duration::from_millis(500);

/// Answers that are kept until they expire, so that many ports of one host are one question.
const KEPT_ANSWERS: u64 = 512;

/// What came of looking a host up.
#[derive(Debug)]
pub(super) enum Lookup {
    /// It has addresses, until then.
    Found { ips: Vec<IpAddr>, until: Instant },
    /// It has none, until then.
    Missing { until: Instant },
    /// Nobody could say, and why.
    Failed(String),
}

/// A resolver that is made when it is first needed.
pub(super) struct Dns {
    source: Source,
    pace: Pace,
    resolver: Mutex<Option<Arc<Resolver>>>,
}

enum Source {
    System,
    Servers {
        servers: Vec<SocketAddr>,
        search: Vec<Name>,
    },
}

struct Resolver {
    hickory: TokioResolver,
    search: Vec<Name>,
    /// A name with at least as many dots is asked for as it stands before the search list is tried.
    dots_of_whole_names: usize,
}

impl Dns {
    /// Asks the name servers of `/etc/resolv.conf`.
    pub(super) fn system(pace: Pace) -> Self {
        Self::new(Source::System, pace)
    }

    /// Asks these name servers, for names that end in one of `search` too.
    pub(super) fn with_servers(servers: Vec<SocketAddr>, search: Vec<Name>, pace: Pace) -> Self {
        Self::new(Source::Servers { servers, search }, pace)
    }

    fn new(source: Source, pace: Pace) -> Self {
        Self {
            source,
            pace,
            resolver: Mutex::new(None),
        }
    }

    /// Looks a host up in both families. Where one of them does not answer, what is `known` of it is taken as true.
    ///
    /// The search list is walked here and not by hickory, which forgets a failure when a later name of the list does
    /// not exist: the service would be taken for gone because one server was slow.
    pub(super) async fn look_up(&self, host: &str, known: &[IpAddr]) -> Lookup {
        let Ok(name) = Name::from_str_relaxed(host) else {
            // Such a name cannot come into being.
            let until = Instant::now() + self.pace.found.1;
            return Lookup::Missing { until };
        };
        let resolver = match self.resolver() {
            Ok(resolver) => resolver,
            Err(error) => return Lookup::Failed(format!("no name server: {error}")),
        };
        let mut failure = None;
        let mut missing_until: Option<Instant> = None;
        for name in resolver.candidates(name) {
            match self.ask_both(&resolver, name, known).await {
                Lookup::Missing { until } => {
                    missing_until = Some(missing_until.map_or(until, |earlier| earlier.min(until)));
                }
                Lookup::Failed(reason) => failure = Some(reason),
                found => return found,
            }
        }
        match (failure, missing_until) {
            (None, Some(until)) => Lookup::Missing { until },
            (failure, _) => {
                // Perhaps the system has other servers by now: they are read again.
                self.forget();
                Lookup::Failed(failure.unwrap_or_default())
            }
        }
    }

    async fn ask_both(&self, resolver: &Resolver, name: Name, known: &[IpAddr]) -> Lookup {
        let v4 = Box::pin(self.ask(resolver, name.clone(), RecordType::A));
        let v6 = Box::pin(self.ask(resolver, name, RecordType::AAAA));
        let (v4, v6) = match select(v4, v6).await {
            Either::Left((v4, v6)) => {
                let v6 = other_family(&v4, v6).await;
                (v4, v6)
            }
            Either::Right((v6, v4)) => {
                let v4 = other_family(&v6, v4).await;
                (v4, v6)
            }
        };
        match (v4, v6) {
            (Lookup::Found { ips: a, until: x }, Lookup::Found { ips: b, until: y }) => {
                Lookup::Found {
                    ips: [a, b].concat(),
                    until: x.min(y),
                }
            }
            (Lookup::Found { mut ips, until }, Lookup::Failed(_)) => {
                ips.extend(known.iter().filter(|ip| ip.is_ipv6()));
                Lookup::Found { ips, until }
            }
            (Lookup::Failed(_), Lookup::Found { mut ips, until }) => {
                ips.extend(known.iter().filter(|ip| ip.is_ipv4()));
                Lookup::Found { ips, until }
            }
            (found @ Lookup::Found { .. }, _) | (_, found @ Lookup::Found { .. }) => found,
            (failed @ Lookup::Failed(_), _) | (_, failed @ Lookup::Failed(_)) => failed,
            (Lookup::Missing { until: x }, Lookup::Missing { until: y }) => {
                Lookup::Missing { until: x.min(y) }
            }
        }
    }

    async fn ask(&self, resolver: &Resolver, name: Name, family: RecordType) -> Lookup {
        let answer = resolver.hickory.lookup(name, family).await;
        let now = Instant::now();
        match answer {
            Ok(answer) => {
                let ips: Vec<_> = answer
                    .answers()
                    .iter()
                    .filter_map(|record| record.data.ip_addr())
                    .collect();
                let left = Instant::from_std(answer.valid_until()).saturating_duration_since(now);
                if ips.is_empty() {
                    let until = now + clamp(left, self.pace.missing);
                    return Lookup::Missing { until };
                }
                let until = now + clamp(left, self.pace.found);
                Lookup::Found { ips, until }
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let ttl = none.negative_ttl.map_or(self.pace.otherwise, |seconds| {
                    Duration::from_secs(seconds.into())
                });
                let until = now + clamp(ttl, self.pace.missing);
                Lookup::Missing { until }
            }
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }

    fn resolver(&self) -> Result<Arc<Resolver>, NetError> {
        let mut slot = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolver) = &*slot {
            return Ok(Arc::clone(resolver));
        }
        let resolver = Arc::new(self.make()?);
        *slot = Some(Arc::clone(&resolver));
        Ok(resolver)
    }

    fn forget(&self) {
        *self.resolver.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn make(&self) -> Result<Resolver, NetError> {
        let (config, mut options) = match &self.source {
            Source::System => hickory_resolver::system_conf::read_system_conf()?,
            Source::Servers { servers, search } => {
                let servers = servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, search.clone(), servers);
                (config, ResolverOpts::default())
            }
        };
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = KEPT_ANSWERS;
        options.positive_min_ttl = Some(self.pace.found.0);
        options.positive_max_ttl = Some(self.pace.found.1);
        options.negative_min_ttl = Some(self.pace.missing.0);
        options.negative_max_ttl = Some(self.pace.missing.1);
        let (search, dots_of_whole_names) = (config.search().to_vec(), options.ndots);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Ok(Resolver {
            hickory: builder.with_options(options).build()?,
            search,
            dots_of_whole_names,
        })
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::System => f.write_str("Dns(system)"),
            Source::Servers { servers, .. } => f.debug_tuple("Dns").field(servers).finish(),
        }
    }
}

impl Resolver {
    /// The names that a name may stand for, in the order in which they are tried. Source: resolv.conf(5).
    fn candidates(&self, name: Name) -> Vec<Name> {
        if name.is_fqdn() {
            return vec![name];
        }
        let searched = self
            .search
            .iter()
            .filter_map(|domain| name.clone().append_domain(domain).ok());
        let mut candidates: Vec<_> = searched.map(whole).collect();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let position = if dots >= self.dots_of_whole_names {
            0
        } else {
            candidates.len()
        };
        candidates.insert(position, whole(name));
        candidates
    }
}

fn whole(mut name: Name) -> Name {
    name.set_fqdn(true);
    name
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// Waits for the second family; not for long once the first has addresses.
async fn other_family(first: &Lookup, second: impl Future<Output = Lookup>) -> Lookup {
    if !matches!(first, Lookup::Found { .. }) {
        return second.await;
    }
    let answer = tokio::time::timeout(OTHER_FAMILY_WAIT, second).await;
    answer.unwrap_or_else(|_| Lookup::Failed("no answer in time".to_owned()))
}

/// Within the bounds, and a little more: what has just expired would be answered from memory once more.
fn clamp(time: Duration, (least, most): (Duration, Duration)) -> Duration {
    time.clamp(least, most) + Duration::from_millis(5)
}
