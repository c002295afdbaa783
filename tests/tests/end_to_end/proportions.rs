//! Weights, of endpoints and of branches: whichever balancer, each gets its share.

use std::fs;

use futures_util::future::join_all;
use tests::{Act, Bare, Scripted, World, is_full};

/// How many requests each balancer gets.
const LITTLE: u32 = 2_000;
/// Twice what was promised, so that chance keeps within a hundredth.
const FULL: u32 = 40_000;

const KINDS: [&str; 5] = ["p2c", "ewma", "aperture", "heap", "roundRobin"];

const CONNECTIONS: u32 = 8;

/// The branches of the union, and the share of each: nested, 1 : 3 both.
const UNION: &str = "1 * /a & 3 * (1 * /b & 3 * /c)";
const BRANCHES: [(&str, f64); 3] = [("a", 0.25), ("b", 0.1875), ("c", 0.5625)];
/// The weights of the endpoints of each branch.
const WEIGHTS: [f64; 4] = [1.0, 1.0, 3.0, 3.0];

#[test]
fn weights_hold_for_every_balancer() {
    let requests = if is_full() { FULL } else { LITTLE };
    let mut world = World::new();
    let branches = BRANCHES.map(|(branch, share)| Branch::start(&world, branch, share));
    world.start_router_with(&configuration(&world));
    for kind in KINDS {
        let router = world.routers[0].address();
        let before = branches.each_ref().map(Branch::requests);
        let asking = (0..CONNECTIONS).map(async |_| {
            let request = format!("GET / HTTP/1.1\r\nHost: {kind}\r\n\r\n");
            let mut bare = Bare::connect(router).await.expect("it accepts");
            for _ in 0..requests / CONNECTIONS {
                let heard = bare.ask(request.as_bytes()).await.expect("an answer");
                assert_eq!(heard.status, 200, "{}", heard.head);
            }
        });
        world.runtime().block_on(join_all(asking));
        let mut shown = Vec::new();
        for (branch, before) in branches.iter().zip(before) {
            let after = branch.requests();
            let (light, heavy) = (after.0 - before.0, after.1 - before.1);
            shown.push(branch.check(requests, f64::from(light), f64::from(heavy)));
        }
        println!("{kind}: {}", shown.join(", "));
    }
}

/// Endpoints of one name.
struct Branch {
    name: &'static str,
    share: f64,
    endpoints: Vec<Scripted>,
}

impl Branch {
    fn start(world: &World, name: &'static str, share: f64) -> Self {
        let act = Act::Answer(200, std::time::Duration::ZERO);
        let endpoints = WEIGHTS.map(|_| Scripted::start(world.runtime().handle(), act));
        let lines = endpoints.iter().zip(WEIGHTS).map(|(endpoint, weight)| {
            format!("127.0.0.1 {} * {weight}\n", endpoint.address().port())
        });
        let file = world.dir().join("disco").join(name);
        fs::write(file, lines.collect::<String>()).expect("it can be written");
        Self {
            name,
            share,
            endpoints: endpoints.into(),
        }
    }

    /// What the endpoints of weight 1 got, and those of weight 3.
    fn requests(&self) -> (u32, u32) {
        let of = |weight: f64| {
            let endpoints = self.endpoints.iter().zip(WEIGHTS);
            let endpoints = endpoints.filter(|(_, own)| *own == weight);
            let requests = endpoints
                .map(|(endpoint, _)| endpoint.requests())
                .sum::<u64>();
            u32::try_from(requests).expect("not so many")
        };
        (of(1.0), of(3.0))
    }

    /// Says what its endpoints got of so many requests.
    fn check(&self, requests: u32, light: f64, heavy: f64) -> String {
        let all = f64::from(requests);
        for (got, share) in [
            (light + heavy, self.share),
            (light, self.share / 4.0),
            (heavy, self.share * 3.0 / 4.0),
        ] {
            // A hundredth, or what chance does once in a million.
            let chance = 5.0 * (share * (1.0 - share) / all).sqrt();
            let slack = if is_full() { 0.01 } else { chance };
            let got = got / all;
            let name = self.name;
            assert!((got - share).abs() < slack, "{name}: {got} for {share}");
        }
        let percent = 100.0 / all;
        format!(
            "{} {:.2} % of {:.2} % (1 : {:.2})",
            self.name,
            (light + heavy) * percent,
            self.share * 100.0,
            heavy / light
        )
    }
}

/// The same names for each balancer.
fn configuration(world: &World) -> String {
    let disco = world.dir().join("disco");
    let disco = disco.display();
    let (mut dtab, mut clients, mut namers) = (String::new(), String::new(), String::new());
    for kind in KINDS {
        let union = UNION.replace('/', &format!("/#/{kind}/"));
        dtab += &format!("/svc/{kind} => {union} ; ");
        clients += &format!("{{prefix: /#/{kind}, loadBalancer: {{kind: {kind}}}}}, ");
        namers += &format!("{{kind: io.l5d.fs, prefix: /{kind}, rootDir: {disco}}}, ");
    }
    format!(
        "  dtab: \"{dtab}\"\n  client: {{kind: io.l5d.static, configs: [{clients}]}}\nnamers: [{namers}]\n"
    )
}
