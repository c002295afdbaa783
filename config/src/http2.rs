//! The HTTP/2 options of servers and clients: windows, frames, header lists, streams and pings.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::object::Object;
use crate::shown;

/// How a server speaks HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Http2Server {
    /// What a peer may send, and how much of it at once.
    #[serde(flatten)]
    pub flow: Http2Flow,
    /// How many streams a connection may have at once; 1000 by default.
    #[serde(rename = "maxConcurrentStreamsPerConnection")]
    pub max_concurrent_streams: u32,
    /// Whether clients are asked if they are still there; every minute by default.
    #[serde(flatten)]
    pub keep_alive: KeepAlive,
    /// How many streams a client may reset before it has an answer, in ten seconds and on one connection, when that is more than
    /// half of its streams; then the connection is ended. 500 by default.
    pub max_early_resets: u32,
}

/// How a client speaks HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Client {
    /// Whether it does (`h2`). On in `protocol: h2`, off by default in `protocol: http`.
    pub is_on: bool,
    /// What a peer may send, and how much of it at once.
    pub flow: Http2Flow,
    /// How many streams a connection may have at once before the endpoint gets another connection; 250 by default. An endpoint
    /// may allow fewer.
    pub max_streams: u32,
    /// Whether endpoints are asked if they are still there; every 5 minutes by default, because gRPC servers end the
    /// connections of clients that ask more often. They are asked only while there are streams.
    pub keep_alive: KeepAlive,
}

/// What a peer may send, and how much of it at once. Source: RFC 9113 §6.5.2 and §6.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Http2Flow {
    /// How large its table of repeated header fields may be; 4096 by default.
    pub header_table_bytes: u32,
    /// How much it may send of one stream before somebody has taken it; 65535 by default.
    #[serde(rename = "initialStreamWindowBytes")]
    pub stream_window_bytes: u32,
    /// How much it may send of all streams together before somebody has taken it; 16 MiB by default, and never less than one stream
    /// may have. (Without bound in linkerd.)
    pub connection_window_bytes: u32,
    /// How long a frame may be; 16384 by default.
    pub max_frame_bytes: u32,
    /// How long the fields of a head or of trailers may be together. By default as `maxHeadersKB` of the router says. (Without bound in
    /// linkerd.)
    pub max_header_list_bytes: Option<u32>,
}

/// Whether a peer is asked if it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KeepAlive {
    /// How often; `None` (0 in the file), never.
    #[serde(rename = "keepAliveMs", serialize_with = "zero_for_never")]
    pub interval: Option<Duration>,
    /// How long it may take to answer; 20 s by default. Then the connection is ended.
    #[serde(rename = "keepAliveTimeoutMs", serialize_with = "shown::milliseconds")]
    pub timeout: Duration,
}

impl Default for Http2Server {
    fn default() -> Self {
        Self {
            flow: Http2Flow::default(),
            max_concurrent_streams: 1000,
            keep_alive: KeepAlive::after(Duration::from_secs(60)),
            max_early_resets: 500,
        }
    }
}

impl Default for Http2Client {
    fn default() -> Self {
        Self {
            is_on: false,
            flow: Http2Flow::default(),
            max_streams: 250,
            keep_alive: KeepAlive::after(Duration::from_secs(300)),
        }
    }
}

impl Default for Http2Flow {
    fn default() -> Self {
        Self {
            header_table_bytes: 4096,
            stream_window_bytes: FIRST_WINDOW,
            connection_window_bytes: 16 * 1024 * 1024,
            max_frame_bytes: 16_384,
            max_header_list_bytes: None,
        }
    }
}

impl KeepAlive {
    fn after(interval: Duration) -> Self {
        Self {
            interval: Some(interval),
            timeout: Duration::from_secs(20),
        }
    }
}

impl Http2Server {
    /// Reads what an entry of `servers:` says.
    pub(crate) fn read(object: &mut Object<'_>) -> Self {
        let mut server = Self::default();
        let written = Written::read(object);
        written.apply(&mut server.flow, &mut server.keep_alive);
        if let Some(streams) = object.get(CONCURRENT_STREAMS, read_streams) {
            server.max_concurrent_streams = streams;
        }
        if let Some(resets) = object.get(EARLY_RESETS, read_streams) {
            server.max_early_resets = resets;
        }
        server
    }

    /// Refuses what only a server that takes HTTP/2 may say.
    pub(crate) fn refuse(object: &mut Object<'_>) {
        for key in [CONCURRENT_STREAMS, EARLY_RESETS].iter().chain(KEYS) {
            let message = format!("`{key}` is about HTTP/2, which this server does not take");
            object.refuse(key, &message, "add `h2c: true`, or leave it out");
        }
    }
}

/// What an entry of `client:` says: each option, if it is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WrittenClient {
    #[serde(skip_serializing_if = "Option::is_none")]
    h2: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_streams_per_connection: Option<u32>,
    #[serde(flatten)]
    rest: Written,
}

impl WrittenClient {
    /// Reads it; `is_on` is whether HTTP/2 is spoken anyway.
    pub(crate) fn read(object: &mut Object<'_>, is_on: bool) -> Self {
        let h2 = object.get("h2", |field| {
            let h2 = field.boolean()?;
            if is_on && !h2 {
                let help = "leave it out, or make a router with `protocol: http`";
                return field.wrong("must be `true` in a router with `protocol: h2`", help);
            }
            Some(h2)
        });
        if !is_on && h2 != Some(true) {
            Self::refuse(object);
            return Self {
                h2,
                ..Self::default()
            };
        }
        Self {
            h2,
            max_streams_per_connection: object.get(STREAMS, read_streams),
            rest: Written::read(object),
        }
    }

    /// Replaces the options that are there.
    pub(crate) fn apply(&self, client: &mut Http2Client) {
        client.is_on = self.h2.unwrap_or(client.is_on);
        client.max_streams = self
            .max_streams_per_connection
            .unwrap_or(client.max_streams);
        self.rest.apply(&mut client.flow, &mut client.keep_alive);
    }

    /// Whether the entry has HTTP/2 spoken where it would not be otherwise.
    pub(crate) fn turns_on(&self) -> bool {
        self.h2 == Some(true)
    }

    fn refuse(object: &mut Object<'_>) {
        for key in [STREAMS].iter().chain(KEYS) {
            let message =
                format!("`{key}` is about HTTP/2, which is not spoken to these endpoints");
            object.refuse(key, &message, "add `h2: true`, or leave it out");
        }
    }
}

/// Shown under the keys of the file; where HTTP/2 is not spoken, that is all.
impl Serialize for Http2Client {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            h2: self.is_on,
            rest: self.is_on.then_some(ShownRest {
                max_streams_per_connection: self.max_streams,
                flow: self.flow,
                keep_alive: self.keep_alive,
            }),
        };
        shown.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Shown {
    h2: bool,
    #[serde(flatten)]
    rest: Option<ShownRest>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRest {
    max_streams_per_connection: u32,
    #[serde(flatten)]
    flow: Http2Flow,
    #[serde(flatten)]
    keep_alive: KeepAlive,
}

/// What may be written on either side: each option, if it is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    header_table_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_stream_window_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_window_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_frame_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_header_list_bytes: Option<u32>,
    /// Zero for never.
    #[serde(
        rename = "keepAliveMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    keep_alive: Option<Duration>,
    #[serde(
        rename = "keepAliveTimeoutMs",
        serialize_with = "shown::some_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    keep_alive_timeout: Option<Duration>,
}

impl Written {
    fn read(object: &mut Object<'_>) -> Self {
        let written = Self {
            header_table_bytes: object
                .get("headerTableBytes", |field| field.integer(0..=1_048_576)),
            initial_stream_window_bytes: object.get("initialStreamWindowBytes", |field| {
                field.integer(1..=MAX_WINDOW)
            }),
            connection_window_bytes: object.get("connectionWindowBytes", |field| {
                field.integer(FIRST_WINDOW..=MAX_WINDOW)
            }),
            max_frame_bytes: object
                .get("maxFrameBytes", |field| field.integer(16_384..=16_777_215)),
            max_header_list_bytes: object.get("maxHeaderListBytes", |field| {
                field.integer(1024..=1_048_576)
            }),
            keep_alive: object.get("keepAliveMs", |field| field.milliseconds(0)),
            keep_alive_timeout: object.get("keepAliveTimeoutMs", |field| field.milliseconds(1)),
        };
        if let (Some(stream), Some(connection)) = (
            written.initial_stream_window_bytes,
            written.connection_window_bytes,
        ) && connection < stream
        {
            let message = "`connectionWindowBytes` must not be below `initialStreamWindowBytes`";
            let at = object.place_of("connectionWindowBytes");
            object.complaints.error(at, message, "");
        }
        object.get(UPDATE_RATIO, warn_about_update_ratio);
        written
    }

    fn apply(&self, flow: &mut Http2Flow, keep_alive: &mut KeepAlive) {
        let set = |setting: &mut u32, written: Option<u32>| *setting = written.unwrap_or(*setting);
        set(&mut flow.header_table_bytes, self.header_table_bytes);
        set(
            &mut flow.stream_window_bytes,
            self.initial_stream_window_bytes,
        );
        set(
            &mut flow.connection_window_bytes,
            self.connection_window_bytes,
        );
        flow.connection_window_bytes = flow.connection_window_bytes.max(flow.stream_window_bytes);
        set(&mut flow.max_frame_bytes, self.max_frame_bytes);
        flow.max_header_list_bytes = self.max_header_list_bytes.or(flow.max_header_list_bytes);
        if let Some(interval) = self.keep_alive {
            keep_alive.interval = Some(interval).filter(|interval| !interval.is_zero());
        }
        keep_alive.timeout = self.keep_alive_timeout.unwrap_or(keep_alive.timeout);
    }
}

/// How many streams there may be.
fn read_streams(field: Field<'_>) -> Option<u32> {
    field.integer(1..=1_000_000)
}

fn warn_about_update_ratio(field: Field<'_>) -> Option<()> {
    let ratio = field.number(0.0..=1.0)?;
    if !(0.4..=0.6).contains(&ratio) {
        field.complaints.warn(
            &field.node.at,
            "`windowUpdateRatio` changes nothing: a window is opened again when half of it was used",
            "leave it out; `initialStreamWindowBytes` says how much may be on its way",
        );
    }
    Some(())
}

#[expect(clippy::ref_option, reason = "serde passes fields like that")]
fn zero_for_never<S: Serializer>(
    interval: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    shown::milliseconds(&interval.unwrap_or_default(), serializer)
}

/// What a connection's window is before anybody says otherwise, and least: it can only be made larger at the beginning.
/// Source: RFC 9113 §6.9.2.
const FIRST_WINDOW: u32 = 65_535;
const MAX_WINDOW: u32 = 0x7fff_ffff;

const CONCURRENT_STREAMS: &str = "maxConcurrentStreamsPerConnection";
const EARLY_RESETS: &str = "maxEarlyResets";
const STREAMS: &str = "maxStreamsPerConnection";
const UPDATE_RATIO: &str = "windowUpdateRatio";

/// What may be written on either side.
const KEYS: &[&str] = &[
    "headerTableBytes",
    "initialStreamWindowBytes",
    "connectionWindowBytes",
    "maxFrameBytes",
    "maxHeaderListBytes",
    "keepAliveMs",
    "keepAliveTimeoutMs",
    UPDATE_RATIO,
];
