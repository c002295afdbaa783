//! The router beside its peers: what an HTTP/1.1 request costs each of them, measured in turn, in one run.
//!
//! Three programs are made of this: `bench-backend` answers, `bench-load` asks, and `bench` starts them and the proxies
//! between them, one proxy at a time. A [`Scenario`] is what is asked, a [`Contender`] who passes it on, a [`Sample`] what one
//! window of time has shown, and a [`Report`] what all windows of a scenario say together.
//!
//! Beside that, [`balance()`] shows what the balancers make of a slow node, in simulated time.
//!
//! The headline is the proxy's CPU time for each request: unlike throughput it is steady on a machine that does other things
//! too. The proxy has a core of its own with one worker on it; backend and load share another.

mod asked;
mod backend;
mod balance;
mod contender;
mod figure;
mod load;
mod machine;
mod process;
mod reply;
mod report;
mod sample;
mod scenario;
mod stand;
mod usage;

pub use asked::Asked;
pub use backend::Backend;
pub use balance::balance;
pub use contender::{Contender, Kind, Policy};
pub use figure::Figure;
pub use load::{Pace, Plan};
pub use machine::Machine;
pub use report::{Layout, Report};
pub use sample::{Latencies, Sample};
pub use scenario::Scenario;
pub use stand::{Setting, Stand};
pub use usage::Watched;
