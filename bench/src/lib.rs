//! The router beside its peers: what an HTTP/1.1 request or a gRPC call costs each of them, measured in turn, in one run.
//!
//! Three programs are made of this: `bench-backend` answers, `bench-load` asks, and `bench` starts them and the proxies
//! between them, one proxy at a time. A [`Scenario`] is what is asked, a [`Contender`] who passes it on, a [`Sample`] what one
//! window of time has shown, a [`Report`] what all windows of a scenario say together, and [`run()`] a whole run.
//!
//! Beside that, [`balance()`] shows what the balancers make of a slow node, in simulated time.
//!
//! The headline is the proxy's CPU time for each request: unlike throughput it is steady on a machine that does other things
//! too. The proxy has a core of its own with one worker on it, but where cores are shared; backend and load share another.

mod asked;
mod backend;
mod balance;
mod contender;
mod figure;
mod hello;
mod load;
mod machine;
mod process;
mod protocol;
mod reply;
mod report;
mod run;
mod sample;
mod scenario;
mod stand;
mod usage;

pub use asked::Asked;
pub use backend::Backend;
pub use balance::balance;
pub use contender::{Contender, Kind, Policy};
pub use figure::Figure;
pub use load::{Calls, Pace, Plan, Until, Window};
pub use machine::Machine;
pub use protocol::Protocol;
pub use report::{Layout, Report};
pub use run::{Options, run};
pub use sample::{Latencies, Sample};
pub use scenario::{Grpc, Http1, Scenario};
pub use stand::{Setting, Stand};
pub use usage::Watched;
