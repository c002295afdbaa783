//! How messages are written to a gRPC stream, and read from it.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

/// What a stream's buffer has before its first message, bytes. Tonic's own codec starts with 8 KiB each way, which is most
/// of what a router's stream costs namerd: those who follow a few names say little, and then wait for hours.
const FIRST: usize = 256;

/// From how many bytes on messages are sent on their way, although more of them are ready.
const SEND_FROM: usize = 32 * 1024;

fn buffers() -> BufferSettings {
    BufferSettings::new(FIRST, SEND_FROM)
}

/// Protobuf, with buffers as large as the messages that came by.
#[derive(Debug)]
pub struct Protobuf<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Protobuf<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Protobuf<T, U>
where
    T: Message + 'static,
    U: Message + Default + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Writer<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Writer<T> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstDecoder::new(buffers())
    }
}

/// Writes messages one behind the other.
#[derive(Debug)]
pub struct Writer<T>(PhantomData<T>);

impl<T: Message> Encoder for Writer<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // All at once, or else a large message is copied each time that the buffer doubles.
        buffer.reserve(message.encoded_len());
        message
            .encode(buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
