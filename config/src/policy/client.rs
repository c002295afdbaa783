//! The `client:` object: how endpoints are treated, whichever name led to them.

use std::time::Duration;

use dtab::{Captures, Path};
use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::http2::{Http2Client, WrittenClient};
use crate::kinds::Kinds;
use crate::later::{Later, Unless};
use crate::object::Object;
use crate::path_matcher::PathMatcher;
use crate::policy::{
    ClientSession, FailureAccrual, LoadBalancer, Options, Policy, Pool, RetryBudget, set,
};
use crate::protocol::Protocol;
use crate::shown;
use crate::socket::SocketOptions;
use crate::tls::ClientTlsConfig;

/// What a router's `client:` says of each bound name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClientPolicy(Policy<Written>);

/// How the endpoints of a bound name are treated.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct ClientSettings {
    /// Which endpoint gets a request.
    pub load_balancer: LoadBalancer,
    /// Whether an endpoint that takes no connection is left alone until it does; off by default.
    pub fail_fast: bool,
    /// How often a request that surely did not reach its endpoint is given to another.
    pub requeue_budget: RetryBudget,
    /// When an endpoint gets no more requests.
    pub failure_accrual: FailureAccrual,
    /// Below which share of live endpoints, 0 to 1, the bound name counts as Neg where a dtab has an alternative (`|`) to it. It
    /// counts again with a tenth more. Absent, only whether the name exists decides.
    pub min_live_share: Option<f64>,
    /// How long one try may take once it has a connection; without limit by default.
    #[serde(
        rename = "requestAttemptTimeoutMs",
        serialize_with = "shown::some_milliseconds"
    )]
    pub attempt_timeout: Option<Duration>,
    /// How long connecting to an endpoint may take, before another one is tried; 1 s by default.
    #[serde(rename = "connectTimeoutMs", serialize_with = "shown::milliseconds")]
    pub connect_timeout: Duration,
    /// How many connections an endpoint has, if HTTP/1.1 is spoken to it.
    #[serde(skip)]
    pub pool: Pool,
    /// Whether HTTP/2 is spoken to the endpoints instead, and how.
    #[serde(flatten)]
    pub http2: Http2Client,
    /// When a connection is closed.
    #[serde(rename = "clientSession")]
    pub session: ClientSession,
    /// Options of the connections.
    pub socket_options: SocketOptions,
    /// How to verify endpoints that speak TLS, what was captured standing in its `common_name`; absent, plain text.
    pub tls: Option<ClientTlsConfig>,
    /// Whether `x-forwarded-client-cert` says what certificate the client has; off by default, and none is sent on then.
    pub forward_client_cert: bool,
}

impl ClientSettings {
    fn of(protocol: Protocol) -> Self {
        Self {
            load_balancer: LoadBalancer::default(),
            fail_fast: false,
            requeue_budget: RetryBudget::default(),
            failure_accrual: FailureAccrual::default(),
            min_live_share: None,
            attempt_timeout: None,
            // Source: finagle's connect timeout in linkerd, not configurable there.
            connect_timeout: Duration::from_secs(1),
            pool: Pool::default(),
            http2: Http2Client {
                is_on: protocol == Protocol::H2,
                ..Http2Client::default()
            },
            session: ClientSession::default(),
            socket_options: SocketOptions::default(),
            tls: None,
            forward_client_cert: false,
        }
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self::of(Protocol::default())
    }
}

/// Shown with the connections of HTTP/1.1 where that is spoken.
impl Serialize for ClientSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten, serialize_with = "ClientSettings::serialize")]
            settings: &'a ClientSettings,
            #[serde(rename = "hostConnectionPool", skip_serializing_if = "Option::is_none")]
            pool: Option<Pool>,
        }
        let shown = Shown {
            settings: self,
            pool: (!self.http2.is_on).then_some(self.pool),
        };
        shown.serialize(serializer)
    }
}

impl ClientPolicy {
    /// How the endpoints of a bound id are treated, which begins with what transformers put before it; an id that is no path is the
    /// empty path. Of each option what the last entry says that is for the id and has it, else its default.
    pub fn of(&self, id: &Path) -> ClientSettings {
        self.0.of(id)
    }

    /// Every TLS to endpoints that it speaks of. Where a name is made of captures, another one stands.
    pub fn tls(&self) -> impl Iterator<Item = ClientTlsConfig> {
        let written = self.0.entries.iter().map(|entry| &entry.options.tls);
        written.filter_map(|tls| match tls {
            Some(Tls::On(tls)) => Some(ClientTlsConfig {
                common_name: tls.common_name.as_ref().map(|name| {
                    let is_template = name.contains('{');
                    if is_template {
                        "localhost".to_owned()
                    } else {
                        name.clone()
                    }
                }),
                ..tls.clone()
            }),
            Some(Tls::Off { .. }) | None => None,
        })
    }

    /// Whether it matters to anybody what alternatives (`|`) a dtab has behind a name that exists.
    pub fn heeds_alternatives(&self) -> bool {
        let mut entries = self.0.entries.iter();
        entries.any(|entry| entry.options.min_live_share.is_some())
    }

    /// How a router treats endpoints that says nothing of it.
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self(Policy::new(protocol))
    }

    /// Reads a `client:` object.
    pub(crate) fn read(field: Field<'_>, protocol: Protocol) -> Option<Self> {
        Policy::read(field, protocol).map(Self)
    }

    /// Refuses `minLiveShare` where the interpreter cannot ask for alternatives.
    pub(crate) fn refuse_min_live_share(field: Field<'_>) {
        let refuse = |object: &mut Object<'_>| {
            object.refuse(
                "minLiveShare",
                "`minLiveShare` needs to know alternatives, which `io.l5d.namerd.http` does not tell",
                "use the interpreter `io.l5d.mesh`, or leave it out",
            );
        };
        if let Some(mut object) = field.object() {
            refuse(&mut object);
            object.each("configs", |entry| entry.object().as_mut().map(refuse));
        }
    }

    /// Warns about entries of a `client:` object that are for no name at all, because the interpreter's transformers put something
    /// before every name.
    pub(crate) fn warn_where_transformers_stand_before(field: Field<'_>) {
        let entries = field
            .object()
            .map(|mut object| object.each("configs", Field::object))
            .unwrap_or_default();
        for prefix in entries
            .into_iter()
            .filter_map(|mut entry| entry.field("prefix"))
        {
            let text = prefix.text().unwrap_or_default();
            if text.starts_with("/#/") || text.starts_with("/$/") {
                let message = format!(
                    "`{text}` is the beginning of no bound name: the interpreter's transformers stand before it"
                );
                let help =
                    format!("write `/%/<transformer>/…{text}`, as `l5d-dst-client` shows it");
                field.complaints.warn(&prefix.node.at, message, help);
            }
        }
    }
}

/// What one entry says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<LoadBalancer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_fast: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requeue_budget: Option<RetryBudget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_accrual: Option<FailureAccrual>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_live_share: Option<f64>,
    #[serde(
        rename = "requestAttemptTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    attempt_timeout: Option<Duration>,
    #[serde(
        rename = "connectTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    connect_timeout: Option<Duration>,
    #[serde(rename = "hostConnectionPool", skip_serializing_if = "Option::is_none")]
    pool: Option<Pool>,
    #[serde(flatten)]
    http2: WrittenClient,
    #[serde(rename = "clientSession", skip_serializing_if = "Option::is_none")]
    session: Option<ClientSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_options: Option<SocketOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_client_cert: Option<bool>,
}

/// A `tls:` object, captures of the entry's prefix standing in its `commonName`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Tls {
    Off { enabled: bool },
    On(ClientTlsConfig),
}

impl Options for Written {
    type Settings = ClientSettings;

    fn defaults(protocol: Protocol) -> ClientSettings {
        ClientSettings::of(protocol)
    }

    fn read(object: &mut Object<'_>, protocol: Protocol, prefix: Option<&PathMatcher>) -> Self {
        let http2 = WrittenClient::read(object, protocol == Protocol::H2);
        let is_http2 = protocol == Protocol::H2 || http2.turns_on();
        if is_http2 {
            object.refuse(
                "hostConnectionPool",
                "`hostConnectionPool` is about HTTP/1.1: streams of HTTP/2 share connections",
                "leave it out; `maxStreamsPerConnection` says how many streams a connection may have",
            );
        }
        let written = Self {
            load_balancer: object.get("loadBalancer", LoadBalancer::read),
            fail_fast: object.get("failFast", Field::boolean),
            requeue_budget: object.get("requeueBudget", RetryBudget::read),
            failure_accrual: object.get("failureAccrual", FailureAccrual::read),
            min_live_share: object.get("minLiveShare", |field| field.number(0.0..=1.0)),
            attempt_timeout: object.get("requestAttemptTimeoutMs", |field| field.milliseconds(1)),
            connect_timeout: object.get("connectTimeoutMs", |field| field.milliseconds(1)),
            pool: match is_http2 {
                true => None,
                false => object.get("hostConnectionPool", Pool::read),
            },
            http2,
            session: object.get("clientSession", ClientSession::read),
            socket_options: object.get("socketOptions", read_socket_options),
            tls: object.get("tls", |field| Tls::read(field, prefix)),
            forward_client_cert: object.get("forwardClientCert", Field::boolean),
        };
        object.later(LATER);
        written
    }

    fn apply(&self, captures: &Captures, settings: &mut ClientSettings) {
        set(&mut settings.load_balancer, self.load_balancer.as_ref());
        set(&mut settings.fail_fast, self.fail_fast.as_ref());
        set(&mut settings.requeue_budget, self.requeue_budget.as_ref());
        set(&mut settings.failure_accrual, self.failure_accrual.as_ref());
        settings.min_live_share = self.min_live_share.or(settings.min_live_share);
        settings.attempt_timeout = self.attempt_timeout.or(settings.attempt_timeout);
        set(&mut settings.connect_timeout, self.connect_timeout.as_ref());
        set(&mut settings.pool, self.pool.as_ref());
        self.http2.apply(&mut settings.http2);
        set(&mut settings.session, self.session.as_ref());
        set(&mut settings.socket_options, self.socket_options.as_ref());
        if let Some(tls) = &self.tls {
            settings.tls = tls.with(captures);
        }
        set(
            &mut settings.forward_client_cert,
            self.forward_client_cert.as_ref(),
        );
    }
}

impl Tls {
    fn read(field: Field<'_>, prefix: Option<&PathMatcher>) -> Option<Self> {
        let Some(tls) = ClientTlsConfig::read(field) else {
            return Some(Self::Off { enabled: false });
        };
        let common_name = field.object()?.field("commonName");
        if let (Some(prefix), Some(field), Some(template)) = (prefix, common_name, &tls.common_name)
        {
            prefix.judge(field, template);
        }
        Some(Self::On(tls))
    }

    fn with(&self, captures: &Captures) -> Option<ClientTlsConfig> {
        let Self::On(tls) = self else {
            return None;
        };
        let common_name = tls.common_name.as_deref();
        Some(ClientTlsConfig {
            common_name: common_name.map(|name| captures.substitute(name)),
            ..tls.clone()
        })
    }
}

fn read_socket_options(field: Field<'_>) -> Option<SocketOptions> {
    let options = SocketOptions::read(field)?;
    let default = SocketOptions::default();
    let object = field.object()?;
    for (key, is_default) in [
        ("backlog", options.backlog.is_none()),
        ("reuseAddr", options.reuse_addr == default.reuse_addr),
        ("reusePort", options.reuse_port == default.reuse_port),
    ] {
        if !is_default {
            let message = format!("`{key}` does nothing here: only a socket that listens has one");
            let at = object.place_of(key);
            object.complaints.warn(at, message, "leave it out");
        }
    }
    Some(options)
}

const LATER: &[Later] = &[Later::unless(
    "requestAuthorizers",
    Unless::Kinds(&AUTHORIZERS),
)];

const AUTHORIZERS: Kinds = Kinds {
    never: &[(
        "io.l5d.k8s.istio",
        "Istio has no Mixer to ask since 1.8",
        "authorize at the service, or at the edge",
    )],
    ..Kinds::carrying(&[])
};
