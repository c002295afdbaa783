//! The demo: a namerd, two routers that stand for two hosts, two versions of a service, and what they get of the traffic.
//!
//! Everything runs in this terminal and ends with it.

mod args;
mod meter;
mod scene;
mod screen;
mod script;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::args::{Args, HELP};
use crate::meter::Meter;
use crate::scene::Scene;
use crate::screen::Screen;
use crate::script::Script;

/// How often the traffic is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            eprint!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error:#}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let is_ending = ends_by_signal(&runtime)?;
    let dir = tempfile::tempdir().context("cannot make a folder")?;
    let scene = match Scene::start(&runtime, dir.path()) {
        // Ctrl-C reaches the processes too: they do not start because they are to end.
        Err(_) if is_ending.load(Ordering::Relaxed) => return Ok(()),
        scene => scene?,
    };
    let mut meters: Vec<Meter> = scene.loads.iter().map(|_| Meter::default()).collect();
    let mut script = args.script.then(|| Script::new(args.length));
    let mut screen = Screen::new(&scene)?;
    let deadline = args.length.map(|length| Instant::now() + length);
    while !is_ending.load(Ordering::Relaxed) && deadline.is_none_or(|end| Instant::now() < end) {
        thread::sleep(LOOK_EVERY);
        for (meter, load) in meters.iter_mut().zip(&scene.loads) {
            meter.add(load.take());
        }
        if let Some(script) = &mut script {
            script.follow(&scene, &mut meters)?;
        }
        screen.show(&meters)?;
    }
    match script {
        Some(script) if !is_ending.load(Ordering::Relaxed) => script.finish(&meters),
        _ => Ok(()),
    }
}

/// Becomes true when the terminal or another program asks for the end.
fn ends_by_signal(runtime: &Runtime) -> Result<Arc<AtomicBool>> {
    let is_ending = Arc::new(AtomicBool::new(false));
    let _context = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let told = Arc::clone(&is_ending);
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.store(true, Ordering::Relaxed);
    });
    Ok(is_ending)
}
