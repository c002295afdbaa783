//! Does what the path of a request says.

use std::future::poll_fn;

use h2::Reason;
use tests::{Asked, Leave, pattern, read, send};

use super::plan::{Endpoint, NOT_FOUND, Plan};

pub(super) async fn serve(mut asked: Asked) -> Result<(), h2::Error> {
    let Some(plan) = Plan::read(asked.request.uri().path()) else {
        asked.respond.send_reset(Reason::PROTOCOL_ERROR);
        return Ok(());
    };
    match plan.endpoint {
        Endpoint::Echoes => return echo(asked).await,
        Endpoint::Answers => return answer(asked, &plan).await,
        Endpoint::AnswersEarly => return say(&mut asked, &plan).await,
        Endpoint::AnswersAtOnce => return asked.answer_at_once(NOT_FOUND),
        Endpoint::LeavesGently => {
            asked.leave(Leave::Gently).await;
            return answer(asked, &plan).await;
        }
        Endpoint::IsSilent => asked.gone().await,
        Endpoint::IsSilentAfterHead => {
            let mut out = asked.answer()?;
            poll_fn(|cx| out.poll_reset(cx)).await?;
        }
        Endpoint::ResetsBeforeHead => asked.respond.send_reset(plan.reason()),
        Endpoint::ResetsAfterHead => {
            let mut out = asked.answer()?;
            send(&mut out, pattern(plan.seed, plan.download), false).await?;
            out.send_reset(plan.reason());
        }
        Endpoint::LeavesAbruptly => asked.leave(Leave::Abruptly).await,
        Endpoint::LeavesSilently => asked.leave(Leave::Silently).await,
    }
    Ok(())
}

async fn echo(mut asked: Asked) -> Result<(), h2::Error> {
    let mut out = asked.answer()?;
    let mut body = asked.request.into_body();
    while let Some(chunk) = read(&mut body).await? {
        send(&mut out, chunk, false).await?;
    }
    out.send_trailers(Asked::end())
}

/// Reads everything, and answers if it is what it should be.
async fn answer(mut asked: Asked, plan: &Plan) -> Result<(), h2::Error> {
    let mut all = Vec::new();
    while let Some(chunk) = read(asked.request.body_mut()).await? {
        all.extend_from_slice(&chunk);
    }
    if all != pattern(plan.seed, plan.upload) {
        asked.respond.send_reset(Reason::COMPRESSION_ERROR);
        return Ok(());
    }
    say(&mut asked, plan).await
}

async fn say(asked: &mut Asked, plan: &Plan) -> Result<(), h2::Error> {
    let mut out = asked.answer()?;
    send(&mut out, pattern(plan.answer_seed(), plan.download), false).await?;
    out.send_trailers(Asked::end())
}
