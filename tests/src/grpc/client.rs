//! A gRPC client on tonic.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

use super::testing::test_service_client::TestServiceClient;
use super::{MESSAGE_MAX, SERVER};

/// A client of the service. Its clones share a connection.
pub type Client = TestServiceClient<Channel>;

/// Connects to a router or a server, with calls for this `:authority`.
///
/// # Errors
/// If it refuses.
pub async fn channel(address: SocketAddr, authority: &str) -> Result<Channel> {
    let origin = format!("http://{authority}").parse()?;
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?.origin(origin);
    endpoint.connect().await.context("cannot connect")
}

/// A client that makes its calls on a channel.
pub fn client(channel: Channel) -> Client {
    TestServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX)
}

/// Who answered, by the answer's metadata.
pub fn who(metadata: &MetadataMap) -> &str {
    let name = metadata.get(SERVER).and_then(|name| name.to_str().ok());
    name.unwrap_or("nobody")
}
