use tokio::time::timeout;
use transport::Shutdown;

use super::*;
use crate::server::Patience;

const LONG: Duration = Duration::from_secs(5_000);

fn patience() -> Patience {
    crate::build::patience(
        &config::TimeLimits::default(),
        &config::SocketOptions::default(),
    )
}

/// Looks until the connection has stalled or ended.
async fn looks(watch: &Watch, activity: &Activity) {
    let looking = watch.look();
    let told = async {
        while !activity.has_stalled() && !activity.is_draining() {
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = looking => {}
        () = told => {}
    }
}

/// After how many seconds this wait ends the connection, and whether the client is told.
async fn check(phase: Phase, seconds: Option<u64>, is_told: bool) {
    let (watch, activity) = (Watch::default(), Arc::new(Activity::new(patience())));
    activity.note(phase, 7);
    let _watched = watch.over(&activity);
    let began = Instant::now();
    let stalled = timeout(LONG, looks(&watch, &activity)).await;
    assert_eq!(stalled.is_ok(), seconds.is_some(), "{phase:?}");
    let Some(limit) = seconds else { return };
    let took = began.elapsed().as_secs();
    let bounds = limit..=limit + limit / 4 + 1;
    assert!(bounds.contains(&took), "{phase:?}: {took}");
    assert_eq!(activity.has_ended(), !is_told, "{phase:?}");
    assert_eq!(activity.stalled_for(), Some(phase));
    assert_eq!(activity.stalled_for(), None);
    // Whoever does not take the answer either is not told again.
    activity.note(Phase::Reply, 1);
    let again = async {
        while !activity.has_ended() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = watch.look() => {}
        () = again => {}
    }
}

#[tokio::test(start_paused = true)]
async fn each_wait_has_its_limit() {
    check(Phase::Busy, None, false).await;
    check(Phase::Idle, Some(600), false).await;
    check(Phase::Head, Some(10), true).await;
    check(Phase::Body, Some(60), true).await;
    check(Phase::Reply, Some(60), false).await;
    check(Phase::Tunnel, Some(3600), false).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_gets_on_does_not_stall() {
    let (watch, activity) = (Watch::default(), Arc::new(Activity::new(patience())));
    let _watched = watch.over(&activity);
    let moving = async {
        for progress in 0..100 {
            activity.note(Phase::Body, progress);
            sleep(Duration::from_secs(20)).await;
        }
    };
    tokio::select! {
        () = looks(&watch, &activity) => panic!("stalled"),
        () = moving => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_after_a_long_idle_time_is_given_no_more_than_others() {
    let (watch, activity) = (Watch::default(), Arc::new(Activity::new(patience())));
    let _watched = watch.over(&activity);
    let idle = timeout(Duration::from_secs(500), looks(&watch, &activity)).await;
    idle.expect_err("a connection may be idle");
    activity.note(Phase::Head, 0);
    let began = Instant::now();
    looks(&watch, &activity).await;
    assert!(began.elapsed() < Duration::from_secs(14));
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_takes_no_more_requests() {
    let patience = Patience {
        life: Some(Duration::from_secs(100)),
        ..patience()
    };
    let (watch, activity) = (Watch::default(), Arc::new(Activity::new(patience)));
    let _watched = watch.over(&activity);
    let began = Instant::now();
    looks(&watch, &activity).await;
    assert!(activity.is_draining() && activity.is_hurried() && !activity.has_ended());
    assert!((100..=105).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn somebody_in_more_of_a_hurry_shortens_the_pause() {
    let watch = Watch::default();
    let slow = Arc::new(Activity::new(patience()));
    let hasty = Arc::new(Activity::new(Patience {
        idle: Duration::from_secs(1),
        ..patience()
    }));
    let _slow = watch.over(&slow);
    let coming = async {
        sleep(Duration::from_millis(10)).await;
        let _hasty = watch.over(&hasty);
        sleep(Duration::from_millis(1500)).await;
        assert!(hasty.has_ended());
    };
    tokio::select! {
        () = watch.look() => {}
        () = coming => {}
    }
    assert!(!slow.has_stalled());
}

#[tokio::test(start_paused = true)]
async fn all_hear_of_the_shutdown_also_those_that_come_late() {
    let (watch, shutdown) = (Watch::default(), Shutdown::new());
    let early = Arc::new(Activity::new(patience()));
    let _early = watch.over(&early);
    let drain = shutdown.drain();
    let hold = drain.hold();
    let ending = async {
        shutdown.finished(Duration::from_secs(5)).await;
    };
    let seen = async {
        sleep(Duration::from_secs(1)).await;
        assert!(early.is_draining() && !early.has_ended());
        let late = Arc::new(Activity::new(patience()));
        let _late = watch.over(&late);
        assert!(late.is_draining() && !late.has_ended());
        sleep(Duration::from_millis(4100)).await;
        assert!(early.has_ended() && late.has_ended());
        drop(hold);
    };
    let watches = std::slice::from_ref(&watch);
    tokio::join!(watch.look(), pass_on(&drain, watches), ending, seen);
}

#[test]
fn places_that_were_left_are_taken_again() {
    let watch = Watch::default();
    let activity = || Arc::new(Activity::new(patience()));
    let first = watch.over(&activity());
    let second = watch.over(&activity());
    let place = first.place;
    drop(first);
    assert_eq!(watch.over(&activity()).place, place);
    drop(second);
    assert_eq!(watch.lock().places.len(), 2);
}
