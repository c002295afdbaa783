//! How much may be tried again: a share of the requests, and a little more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::instant::nanos;
use crate::window::Window;

/// What a request pays in, if retries depend on requests at all.
const DEPOSIT: i64 = 1000;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetLimits {
    /// How long a deposit or a withdrawal counts, 1 to 60 s.
    pub ttl: Duration,
    /// Retries that are allowed in a second, however few requests there are.
    pub min_retries_per_sec: u32,
    /// Retries for each request, 0 to 1000: 0.2 allows one for five requests.
    pub percent_can_retry: f64,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            min_retries_per_sec: 10,
            percent_can_retry: 0.2,
        }
    }
}

/// A bucket of tokens that both requests and time fill. All who share it may use it at once.
///
/// In any time t that begins with the clock, no more than `min_retries_per_sec · (t + ttl) + percent_can_retry · requests`
/// are allowed. Source: finagle `RetryBudget`, and `TokenBucket.newLeakyBucket`.
#[derive(Debug)]
#[repr(C)]
pub struct RetryBudget {
    // What each request touches comes first, and lies together.
    deposit: i64,
    /// Deposits of the current part of the window: what each request writes.
    deposits: AtomicU64,
    /// When the current part ends. Deposits that come while it is turned over count for the next part, and are never lost.
    turns: AtomicU64,
    withdrawal: i64,
    reserve: i64,
    /// Withdrawals, and the deposits of the parts before.
    window: Mutex<Window<10>>,
}

impl RetryBudget {
    /// A budget with its reserve whole. Limits beyond what they may be are taken as the nearest that may be.
    pub fn new(limits: BudgetLimits) -> Self {
        let ttl = limits
            .ttl
            .clamp(Duration::from_secs(1), Duration::from_secs(60));
        let percent = limits.percent_can_retry.clamp(0.0, 1000.0);
        let (deposit, withdrawal) = if percent > 0.0 {
            (DEPOSIT, (DEPOSIT as f64 / percent) as i64)
        } else {
            (0, 1)
        };
        let retries = (f64::from(limits.min_retries_per_sec) * ttl.as_secs_f64()) as i64;
        let window = Window::new(ttl);
        Self {
            deposit,
            withdrawal,
            reserve: retries.saturating_mul(withdrawal),
            deposits: AtomicU64::new(0),
            turns: AtomicU64::new(window.ends()),
            window: Mutex::new(window),
        }
    }

    /// Reads what a deposit needs, and returns something of it: who will pay in a little later finds it near the processor.
    pub fn prefetch(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Pays in for a request.
    pub fn deposit(&self, now: Duration) {
        if self.deposit == 0 {
            return;
        }
        if nanos(now) >= self.turns.load(Ordering::Relaxed) {
            drop(self.window(now));
        }
        self.deposits.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes out what a retry needs, if there is enough.
    pub fn try_withdraw(&self, now: Duration) -> bool {
        let mut window = self.window(now);
        let is_enough = self.tokens(&window) >= self.withdrawal;
        if is_enough {
            window.add(-self.withdrawal);
        }
        is_enough
    }

    /// How many retries there is enough for.
    pub fn balance(&self, now: Duration) -> u64 {
        let tokens = self.tokens(&self.window(now));
        (tokens / self.withdrawal).max(0).unsigned_abs()
    }

    fn tokens(&self, window: &Window<10>) -> i64 {
        let deposits = self.deposits.load(Ordering::Relaxed);
        self.reserve
            .saturating_add(window.sum())
            .saturating_add(self.worth(deposits))
    }

    /// The window as it is now.
    fn window(&self, now: Duration) -> MutexGuard<'_, Window<10>> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = nanos(now);
        if now >= window.ends() {
            window.add(self.worth(self.deposits.swap(0, Ordering::Relaxed)));
            window.turn(now);
            self.turns.store(window.ends(), Ordering::Relaxed);
        }
        window
    }

    fn worth(&self, deposits: u64) -> i64 {
        i64::try_from(deposits)
            .unwrap_or(i64::MAX)
            .saturating_mul(self.deposit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(ttl: u64, min_retries_per_sec: u32, percent_can_retry: f64) -> RetryBudget {
        RetryBudget::new(BudgetLimits {
            ttl: Duration::from_secs(ttl),
            min_retries_per_sec,
            percent_can_retry,
        })
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn withdrawn(budget: &RetryBudget, now: Duration) -> usize {
        (0..100_000)
            .take_while(|_| budget.try_withdraw(now))
            .count()
    }

    #[test]
    fn the_default_holds_a_hundred_retries_and_one_for_five_requests() {
        let budget = RetryBudget::new(BudgetLimits::default());
        assert_eq!(budget.balance(at(0)), 100);
        assert_eq!(withdrawn(&budget, at(0)), 100);
        for _ in 0..14 {
            budget.deposit(at(1));
        }
        assert_eq!(budget.balance(at(1)), 2);
        assert_eq!(withdrawn(&budget, at(1)), 2);
    }

    #[test]
    fn the_reserve_comes_back_when_withdrawals_expire() {
        let budget = budget(1, 5, 0.0);
        assert_eq!(withdrawn(&budget, at(50)), 5);
        assert_eq!(withdrawn(&budget, at(999)), 0);
        assert_eq!(withdrawn(&budget, at(1000)), 5);
    }

    #[test]
    fn deposits_expire() {
        let budget = budget(1, 0, 1.0);
        for time in [0, 150] {
            budget.deposit(at(time));
        }
        assert_eq!(budget.balance(at(999)), 2);
        assert_eq!(budget.balance(at(1000)), 1);
        assert_eq!(budget.balance(at(1100)), 0);
        budget.deposit(at(90_000));
        assert_eq!(budget.balance(at(90_000)), 1);
    }

    #[test]
    fn nothing_is_allowed_if_neither_time_nor_requests_pay() {
        let budget = budget(10, 0, 0.0);
        budget.deposit(at(0));
        assert!(!budget.try_withdraw(at(0)));
        assert_eq!(budget.balance(at(0)), 0);
    }

    #[test]
    fn a_request_may_pay_for_many_retries_or_for_hardly_any() {
        let many = budget(10, 0, 1000.0);
        many.deposit(at(0));
        assert_eq!(withdrawn(&many, at(0)), 1000);
        let few = budget(60, 1_000_000, 1e-300);
        assert!(few.try_withdraw(at(0)));
    }

    #[test]
    fn threads_that_share_it_lose_no_deposit_and_withdraw_none_twice() {
        let budget = budget(60, 0, 1.0);
        let allowed = AtomicU64::new(0);
        let use_it = || {
            for step in 0..10_000 {
                budget.deposit(at(step));
                if step % 2 == 0 && budget.try_withdraw(at(step)) {
                    allowed.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(use_it);
            }
        });
        let allowed = allowed.into_inner();
        assert_eq!(allowed + budget.balance(at(10_000)), 40_000);
        assert_eq!(allowed, 20_000, "each had paid in before");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Wait(u64),
        Request,
        Retry,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            1 => (0..3000_u64).prop_map(Step::Wait),
            5 => Just(Step::Request),
            15 => Just(Step::Retry),
        ];
        proptest::collection::vec(step, 0..600)
    }

    proptest! {
        #[test]
        fn no_more_is_retried_than_time_and_requests_pay_for(
            ttl in 1..20_u64, min in 0..20_u32, percent in 0.0..2.0, steps in steps()
        ) {
            let budget = budget(ttl, min, percent);
            // Withdrawals are rounded down to whole tokens, in the retries' favour.
            let percent = if budget.deposit == 0 { 0.0 } else { 1000.0 / budget.withdrawal as f64 };
            let (mut millis, mut requests, mut retries) = (0, 0, 0);
            for step in steps {
                match step {
                    Step::Wait(more) => millis += more,
                    Step::Request => {
                        requests += 1;
                        budget.deposit(at(millis));
                    }
                    Step::Retry => retries += i32::from(budget.try_withdraw(at(millis))),
                }
                let time = at(millis).as_secs_f64();
                let paid = f64::from(min) * (time + ttl as f64) + percent * f64::from(requests);
                prop_assert!(f64::from(retries) <= paid + 1e-6, "{retries} > {paid}");
            }
        }

        #[test]
        fn whoever_retries_less_than_is_paid_for_is_never_refused(
            ttl in 1..20_u64, min in 1..20_u32, pauses in proptest::collection::vec(0..500_u64, 0..300)
        ) {
            let budget = budget(ttl, min, 0.0);
            let mut millis = 0;
            for pause in pauses {
                millis += pause + 1000_u64.div_ceil(u64::from(min));
                prop_assert!(budget.try_withdraw(at(millis)));
            }
        }
    }
}
