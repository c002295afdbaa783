//! A stream both ways that stays open.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::client::{Client, who};
use super::testing::{ResponseParameters, StreamingOutputCallRequest, StreamingOutputCallResponse};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A call whose client says something, and hears something, again and again.
#[derive(Debug)]
pub struct Talk {
    requests: mpsc::Sender<StreamingOutputCallRequest>,
    answers: Streaming<StreamingOutputCallResponse>,
    server: String,
}

impl Talk {
    /// Begins one.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn begin(client: &Client) -> Result<Self> {
        let (requests, stream) = mpsc::channel(1);
        let call = client
            .clone()
            .full_duplex_call(ReceiverStream::new(stream))
            .await?;
        let server = who(call.metadata()).to_owned();
        let answers = call.into_inner();
        let mut talk = Self {
            requests,
            answers,
            server,
        };
        talk.ping().await?;
        Ok(talk)
    }

    /// Who answers.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Says something and hears something.
    ///
    /// # Errors
    /// If the call has ended.
    pub async fn ping(&mut self) -> Result<()> {
        let size = 1_000;
        let message = ResponseParameters {
            size,
            ..ResponseParameters::default()
        };
        let request = StreamingOutputCallRequest {
            response_parameters: vec![message],
            ..StreamingOutputCallRequest::default()
        };
        // Nobody takes it if the call has ended, and why it has is said below.
        let _ = self.requests.send(request).await;
        let answer = timeout(ANSWER_WITHIN, self.answers.message()).await;
        let answer = answer.context("no answer in time")??;
        let payload = answer.context("the call has ended")?.payload;
        let got = payload.unwrap_or_default().body.len();
        ensure!(got == size as usize, "{got} bytes");
        Ok(())
    }

    /// Goes on for so long.
    ///
    /// # Errors
    /// If the call ends before.
    pub async fn go_on_for(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        let mut ticks = interval(Duration::from_millis(20));
        while Instant::now() < until {
            ticks.tick().await;
            self.ping().await?;
        }
        Ok(())
    }

    /// Says that nothing more comes, and hears the same.
    ///
    /// # Errors
    /// If the call ends otherwise.
    pub async fn end(mut self) -> Result<()> {
        drop(self.requests);
        let answer = timeout(ANSWER_WITHIN, self.answers.message()).await;
        let rest = answer.context("no end in time")??;
        ensure!(rest.is_none(), "another message");
        Ok(())
    }
}
