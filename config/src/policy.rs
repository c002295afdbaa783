//! The `service:` and `client:` objects of a router. This version has few options of them, and accepts what is in force anyway.

use std::time::Duration;

use serde::Serialize;

use crate::field::Field;
use crate::kinds::Kinds;
use crate::later::{Later, Scalar, Unless};
use crate::object::Object;
use crate::tls::ClientTlsConfig;
use crate::{shown, socket};

/// How a router treats endpoints, whichever name led to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientOptions {
    /// How long connecting to an endpoint may take, before another one is tried; 1 s by default.
    #[serde(rename = "connectTimeoutMs", serialize_with = "shown::milliseconds")]
    pub connect_timeout: Duration,
    /// TLS to endpoints; plain by default.
    pub tls: Option<ClientTlsConfig>,
    /// Whether endpoints are told, in `x-forwarded-client-cert`, of the certificate that the client showed; off by default.
    #[serde(rename = "forwardClientCert")]
    pub forward_client_cert: bool,
}

impl Default for ClientOptions {
    /// Source: finagle's connect timeout in linkerd, not configurable there.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            tls: None,
            forward_client_cert: false,
        }
    }
}

/// Reads a `service:` object.
pub(crate) fn read_service(field: Field<'_>) -> Option<()> {
    read(field, SERVICE, &[], |_| ())
}

impl ClientOptions {
    /// Reads a `client:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        const HERE_ONLY: &[Later] = &[
            Later::key("connectTimeoutMs"),
            Later::unless("tls", Unless::Off),
            Later::unless("forwardClientCert", Unless::Is(Scalar::Bool(false))),
        ];
        let default = Self::default();
        read(field, CLIENT, HERE_ONLY, |object| Self {
            connect_timeout: object
                .get("connectTimeoutMs", |field| field.milliseconds(1))
                .unwrap_or(default.connect_timeout),
            tls: object.get("tls", ClientTlsConfig::read),
            forward_client_cert: object.get("forwardClientCert", Field::boolean) == Some(true),
        })
    }
}

const BLOCK: Kinds = Kinds::carrying(&["io.l5d.global", "io.l5d.static"]);

/// The options stand in the object itself, or, for `io.l5d.static`, in a list of objects that each have a `prefix`. What `own`
/// reads may stand in the former only.
fn read<T: Default>(
    field: Field<'_>,
    options: &'static [Later],
    global_only: &'static [Later],
    own: impl FnOnce(&mut Object<'_>) -> T,
) -> Option<T> {
    let mut object = field.object()?;
    let read = match object.kind(&BLOCK, Some("io.l5d.global"))? {
        "io.l5d.static" => {
            for item in object.require("configs", Field::items).unwrap_or_default() {
                let Some(mut config) = item.object() else {
                    continue;
                };
                config.require("prefix", Field::text);
                config.later(options);
                config.later(global_only);
                config.finish();
            }
            T::default()
        }
        _ => {
            object.later(options);
            own(&mut object)
        }
    };
    object.finish();
    Some(read)
}

const SERVICE: &[Later] = &[
    Later::key("totalTimeoutMs"),
    Later::key("retries"),
    Later::unless("responseClassifier", Unless::Kind(&CLASSIFIER, &[])),
];

const CLASSIFIER: Kinds = Kinds {
    later: &[
        ("io.l5d.http.retryableRead5XX", ""),
        ("io.l5d.http.retryableIdempotent5XX", ""),
        ("io.l5d.http.retryableAll5XX", ""),
        ("io.l5d.http.allSuccessful", ""),
    ],
    ..Kinds::carrying(&["io.l5d.http.nonRetryable5XX"])
};

const CLIENT: &[Later] = &[
    Later::unless("hostConnectionPool", Unless::Object(POOL)),
    Later::unless("loadBalancer", Unless::Kind(&BALANCER, BALANCER_OPTIONS)),
    Later::unless("failFast", Unless::Is(Scalar::Bool(false))),
    Later::key("requeueBudget"),
    Later::unless("failureAccrual", Unless::Kind(&ACCRUAL, &[])),
    Later::key("requestAttemptTimeoutMs"),
    Later::unless("clientSession", Unless::Object(SESSION)),
    Later::unless("socketOptions", Unless::Object(socket::DEFAULTS)),
    Later::unless("requestAuthorizers", Unless::Kinds(&AUTHORIZERS)),
];

const POOL: &[Later] = &[
    Later::unless("minSize", Unless::Is(Scalar::Integer(0))),
    Later::key("maxSize"),
    Later::key("idleTimeMs"),
    Later::key("maxWaiters"),
];

const SESSION: &[Later] = &[Later::key("idleTimeMs"), Later::key("lifeTimeMs")];

const BALANCER: Kinds = Kinds {
    later: &[
        ("ewma", ""),
        ("aperture", ""),
        ("heap", ""),
        ("roundRobin", ""),
    ],
    ..Kinds::carrying(&["p2c"])
};

const BALANCER_OPTIONS: &[Later] = &[
    Later::unless("maxEffort", Unless::Is(Scalar::Integer(5))),
    Later::unless("enableProbation", Unless::Is(Scalar::Bool(false))),
];

const ACCRUAL: Kinds = Kinds {
    later: &[
        ("io.l5d.consecutiveFailures", ""),
        ("io.l5d.successRate", ""),
        ("io.l5d.successRateWindowed", ""),
    ],
    ..Kinds::carrying(&["none"])
};

const AUTHORIZERS: Kinds = Kinds {
    never: &[(
        "io.l5d.k8s.istio",
        "Istio has no Mixer to ask since 1.8",
        "authorize at the service, or at the edge",
    )],
    ..Kinds::carrying(&[])
};
