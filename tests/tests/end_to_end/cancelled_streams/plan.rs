//! What both sides of one stream do, and what the client must see of it.

use fastrand::Rng;
use h2::Reason;
use http::Request;
use tests::call;

/// The services. Endpoints of the second one end connections under the streams of others, too.
pub(super) const HOSTS: [&str; 2] = ["calm", "wild"];

/// One stream.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u32,
    pub(super) is_wild: bool,
    pub(super) client: Client,
    pub(super) endpoint: Endpoint,
    /// Bytes of the request's body.
    pub(super) upload: usize,
    /// Bytes of the answer's.
    pub(super) download: usize,
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Waits,
    /// Gives the call so many milliseconds.
    Hurries(u8),
    CancelsAtOnce,
    CancelsInUpload,
    CancelsAfterHead,
    CancelsInDownload,
}

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Endpoint {
    Echoes,
    Answers,
    /// Without having read anything.
    AnswersEarly,
    /// With a head alone.
    AnswersAtOnce,
    LeavesGently,
    IsSilent,
    IsSilentAfterHead,
    ResetsBeforeHead,
    ResetsAfterHead,
    LeavesAbruptly,
    LeavesSilently,
}

use Client::*;
use Endpoint::*;

const ENDPOINTS: [Endpoint; 11] = [
    Echoes,
    Answers,
    AnswersEarly,
    AnswersAtOnce,
    LeavesGently,
    IsSilent,
    IsSilentAfterHead,
    ResetsBeforeHead,
    ResetsAfterHead,
    LeavesAbruptly,
    LeavesSilently,
];

const REASONS: [Reason; 5] = [
    Reason::CANCEL,
    Reason::INTERNAL_ERROR,
    Reason::REFUSED_STREAM,
    Reason::ENHANCE_YOUR_CALM,
    Reason::FLOW_CONTROL_ERROR,
];

/// What comes of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// This status of gRPC, behind so many bytes of this seed.
    Answer(u32, u32, usize),
    Reset(Reason),
    /// The client did not wait for it.
    Anything,
}

/// The bodies of cancelled streams fit a window: nobody may be there to take more.
const CANCELLED_UPLOAD: usize = 60_000;

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut one_of = |endpoints: &[Endpoint]| endpoints[rng.usize(..endpoints.len())];
        let well = one_of(&[
            Echoes,
            Echoes,
            Answers,
            Answers,
            AnswersEarly,
            AnswersAtOnce,
        ]);
        let (client, endpoint) = match rng.u8(..100) {
            0..52 => (Waits, well),
            52..55 => (Waits, LeavesGently),
            55..58 => (Waits, ResetsBeforeHead),
            58..62 => (Waits, ResetsAfterHead),
            62..68 => (Hurries(rng.u8(1..50)), IsSilent),
            68..72 => (CancelsAtOnce, Echoes),
            72..76 => (CancelsAtOnce, IsSilent),
            76..80 => (CancelsInUpload, Echoes),
            80..84 => (CancelsInUpload, Answers),
            84..88 => (CancelsAfterHead, Echoes),
            88..92 => (CancelsAfterHead, IsSilentAfterHead),
            92..98 => (CancelsInDownload, AnswersEarly),
            98 => (Waits, LeavesAbruptly),
            _ => (Waits, LeavesSilently),
        };
        let (upload, download) = (size(rng), size(rng));
        let ends_connections = matches!(endpoint, LeavesAbruptly | LeavesSilently);
        Self {
            seed: rng.u32(..),
            is_wild: ends_connections || rng.u8(..5) == 0,
            upload: match client {
                Waits => upload,
                _ => upload.min(CANCELLED_UPLOAD),
            },
            download,
            client,
            endpoint,
        }
    }

    /// As the endpoint is told.
    pub(super) fn request(&self) -> Request<()> {
        let Self {
            endpoint,
            seed,
            upload,
            download,
            ..
        } = self;
        let host = HOSTS[usize::from(self.is_wild)];
        let path = format!("/{}/{seed}/{upload}/{download}", *endpoint as u8);
        let mut request = call(host, &path);
        if let Hurries(millis) = self.client {
            let timeout = format!("{millis}m").parse().expect("a value");
            request.headers_mut().insert("grpc-timeout", timeout);
        }
        request
    }

    /// What an endpoint is told, and what the seed is of what it is sent.
    pub(super) fn read(path: &str) -> Option<Self> {
        let mut words = path.strip_prefix('/')?.split('/');
        let endpoint = ENDPOINTS.get(words.next()?.parse::<usize>().ok()?)?;
        Some(Self {
            seed: words.next()?.parse().ok()?,
            upload: words.next()?.parse().ok()?,
            download: words.next()?.parse().ok()?,
            endpoint: *endpoint,
            is_wild: false,
            client: Waits,
        })
    }

    /// What whoever resets the stream says of it.
    pub(super) fn reason(&self) -> Reason {
        REASONS[self.seed as usize % REASONS.len()]
    }

    /// The seed of what an endpoint answers with on its own.
    pub(super) fn answer_seed(&self) -> u32 {
        self.seed ^ 0xffff_0000
    }

    pub(super) fn expected(&self) -> Expected {
        match (self.client, self.endpoint) {
            (Waits, Echoes) => Expected::Answer(0, self.seed, self.upload),
            (Waits, Answers | AnswersEarly | LeavesGently) => {
                Expected::Answer(0, self.answer_seed(), self.download)
            }
            (Waits, AnswersAtOnce) => Expected::Answer(NOT_FOUND, 0, 0),
            (Waits, ResetsBeforeHead | ResetsAfterHead) => Expected::Reset(self.reason()),
            (Hurries(_), _) => Expected::Answer(DEADLINE_EXCEEDED, 0, 0),
            _ => Expected::Anything,
        }
    }
}

/// What `AnswersAtOnce` says.
pub(super) const NOT_FOUND: u32 = 5;

const DEADLINE_EXCEEDED: u32 = 4;

/// Most are small, and some are more than a window.
fn size(rng: &mut Rng) -> usize {
    let most = 1 << rng.u32(0..18);
    rng.usize(..most)
}
