//! What is measured, and by whom.

mod grpc;
mod http1;

pub use self::grpc::Grpc;
pub use self::http1::Http1;
use crate::contender::{Contender, Kind, Policy};
use crate::protocol::Protocol;

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Of HTTP/1.1 requests.
    Http1(Http1),
    /// Of gRPC calls.
    Grpc(Grpc),
}

impl Scenario {
    /// What is spoken.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Http1(_) => Protocol::Http1,
            Self::Grpc(_) => Protocol::Grpc,
        }
    }

    /// The headline of its table.
    pub(crate) fn title(self, rate: Option<f64>) -> String {
        match self {
            Self::Http1(scenario) => scenario.title(rate),
            Self::Grpc(scenario) => scenario.title(rate),
        }
    }

    /// The scenario that tells how fast the slowest proxy is, if this one is to be half as fast.
    pub(crate) fn paced_by(self) -> Option<Self> {
        match self {
            Self::Http1(Http1::Rate) => Some(Self::Http1(Http1::Get)),
            Self::Grpc(Grpc::Rate) => Some(Self::Grpc(Grpc::Unary)),
            _ => None,
        }
    }

    /// Whether the programs have cores of their own.
    pub(crate) fn is_pinned(self) -> bool {
        self != Self::Grpc(Grpc::Shared)
    }

    /// What the load is told that goes to a contender.
    pub(crate) fn words(self, contender: &Contender, rate: Option<f64>) -> Vec<String> {
        let words = match self {
            Self::Http1(scenario) => scenario.words(contender.names),
            Self::Grpc(scenario) => {
                let own = contender.connections;
                let connections = own.unwrap_or_else(|| scenario.connections());
                vec!["--connections".into(), connections.to_string()]
            }
        };
        let rate = rate.filter(|_| self.paced_by().is_some());
        let rate = rate.map(|rate| ["--rate".to_owned(), rate.to_string()]);
        words
            .into_iter()
            .chain(rate.into_iter().flatten())
            .collect()
    }

    /// Who takes part, of the contenders of a run. Where one name is compared with many, they are `names`.
    pub(crate) fn contenders(self, of_run: &[Contender], names: usize) -> Vec<Contender> {
        let routers = of_run.iter().filter(|one| one.kind == Kind::Router);
        match self {
            Self::Http1(Http1::Names) => routers
                .flat_map(|router| one_name_and_many(router, names))
                .collect(),
            Self::Http1(Http1::Policy) => routers.flat_map(policy_off_and_on).collect(),
            Self::Http1(Http1::Download | Http1::Post) => with_default_buffers(of_run),
            Self::Grpc(Grpc::One) => {
                let with_two = routers.map(|router| Contender {
                    name: format!("{}, 2 workers", router.name),
                    workers: 2,
                    ..router.clone()
                });
                of_run.iter().cloned().chain(with_two).collect()
            }
            Self::Grpc(Grpc::Shared) => {
                let on_one = routers.flat_map(on_one_connection);
                sharing(of_run).into_iter().chain(on_one).collect()
            }
            _ => of_run.to_vec(),
        }
    }
}

fn one_name_and_many(router: &Contender, names: usize) -> [Contender; 2] {
    let many = Contender {
        name: format!("{}, {names} names", router.name),
        names,
        ..router.clone()
    };
    [router.clone(), many]
}

fn policy_off_and_on(router: &Contender) -> [Contender; 2] {
    [(Policy::Off, "off"), (Policy::On, "on")].map(|(policy, word)| Contender {
        name: format!("{}, policy {word}", router.name),
        policy,
        ..router.clone()
    })
}

/// Buffers matter to long bodies: nginx takes part with the usual ones as well.
fn with_default_buffers(of_run: &[Contender]) -> Vec<Contender> {
    let mut contenders = of_run.to_vec();
    if of_run.iter().any(|one| one.kind == Kind::Nginx) {
        contenders.extend(Contender::find(Kind::NginxDefault));
    }
    contenders
}

/// All with two workers, and what the backend does without any.
fn sharing(of_run: &[Contender]) -> Vec<Contender> {
    let two = |one: &Contender| Contender {
        workers: 2,
        ..one.clone()
    };
    let mut contenders: Vec<_> = of_run.iter().map(two).collect();
    if of_run.iter().all(|one| one.kind != Kind::Direct) {
        contenders.extend(Contender::find(Kind::Direct));
    }
    contenders
}

fn on_one_connection(router: &Contender) -> [Contender; 2] {
    [(1, "1 worker"), (2, "2 workers")].map(|(workers, word)| Contender {
        name: format!("{}, 1 connection, {word}", router.name),
        workers,
        connections: Some(1),
        ..router.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contenders() -> [Contender; 2] {
        [Kind::Router, Kind::Envoy].map(|kind| Contender::new(kind, "x".into()))
    }

    #[test]
    fn only_the_scenario_of_a_rate_tells_it_to_the_load() {
        let [router, _] = contenders();
        let words = |scenario: Scenario| scenario.words(&router, Some(500.0)).join(" ");
        for scenario in [Scenario::Http1(Http1::Rate), Scenario::Grpc(Grpc::Rate)] {
            assert!(words(scenario).ends_with(" --rate 500"), "{scenario:?}");
        }
        for scenario in [Scenario::Http1(Http1::Get), Scenario::Grpc(Grpc::Unary)] {
            assert!(!words(scenario).contains("500"), "{scenario:?}");
        }
    }

    #[test]
    fn where_cores_are_shared_all_have_two_workers_and_routers_one_connection_too() {
        let shared = Scenario::Grpc(Grpc::Shared);
        let seen: Vec<_> = shared
            .contenders(&contenders(), 1)
            .iter()
            .map(|one| {
                (
                    one.name.clone(),
                    one.workers,
                    shared.words(one, None)[1].clone(),
                )
            })
            .collect();
        let expected = [
            ("router", 2, "6"),
            ("Envoy", 2, "6"),
            ("direct", 1, "6"),
            ("router, 1 connection, 1 worker", 1, "1"),
            ("router, 1 connection, 2 workers", 2, "1"),
        ];
        let expected = expected
            .map(|(name, workers, connections)| (name.to_owned(), workers, connections.to_owned()));
        assert_eq!(seen, expected);
    }

    #[test]
    fn on_one_connection_the_router_is_measured_with_two_workers_too() {
        let one = Scenario::Grpc(Grpc::One).contenders(&contenders(), 1);
        let seen: Vec<_> = one.iter().map(|one| (&*one.name, one.workers)).collect();
        assert_eq!(
            seen,
            [("router", 1), ("Envoy", 1), ("router, 2 workers", 2)]
        );
    }
}
