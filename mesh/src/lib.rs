//! What router, namerd and namerctl say to each other.
//!
//! - [`v1`]: the gRPC stream between our routers and namerd.
//! - [`linkerd`]: the gRPC services of Linkerd 1's namerd, for other clients, and for routers whose namerd has nothing else.
//! - [`wire`]: conversions between the messages of both and our own values.
//! - [`digest`]: short stand-ins for trees and for all that a router routes by.
//! - [`codec`]: how messages become bytes.
//! - [`channel`]: gRPC connections to the first of several namerds that answers.
//! - [`api`]: the JSON forms of namerd's HTTP API.
//! - [`NamerdClient`]: a client of that API.
//!
//! ```
//! use mesh::client::{ClientError, ClientOptions, DtabBody, Precondition};
//! use mesh::{NamerdClient, api::By};
//!
//! /// Replaces a dtab, unless somebody has changed it since.
//! async fn replace(client: &NamerdClient, text: String) -> Result<(), ClientError> {
//!     let old = client.dtab_text("default").await?;
//!     let unchanged = old.tag.map_or(Precondition::Absent, Precondition::Tag);
//!     let by = By::default();
//!     client.write_dtab("default", &DtabBody::Text(text), &unchanged, &by).await?;
//!     Ok(())
//! }
//!
//! let base_urls = vec!["http://namerd-1:4180".to_owned(), "http://namerd-2:4180".to_owned()];
//! let client = NamerdClient::new(ClientOptions { base_urls, ..ClientOptions::default() })?;
//! let _changed = replace(&client, "/svc => /#/io.l5d.fs".to_owned());
//! # Ok::<(), mesh::client::BaseUrlError>(())
//! ```

pub mod api;
pub mod channel;
pub mod client;
pub mod codec;
pub mod digest;
#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::excessive_nesting,
    clippy::missing_errors_doc,
    reason = "generated code, whose generator decides how it looks"
)]
pub mod linkerd;
#[expect(
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::excessive_nesting,
    clippy::missing_errors_doc,
    reason = "generated code, whose generator decides how it looks"
)]
pub mod v1;
pub mod wire;

pub use client::NamerdClient;
