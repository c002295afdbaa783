//! Why a connection with TLS failed, in an operator's words.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, pki_types::UnixTime};

/// What went wrong, as a sentence about the other side: `its certificate has expired 3 days ago`.
#[must_use]
pub fn tls_reason(error: &io::Error) -> String {
    match inner(error) {
        Some(Error::InvalidCertificate(refused)) => about_certificate(refused),
        Some(Error::AlertReceived(alert)) => match refusal(*alert) {
            Some(why) => format!("it refused our certificate: {why}"),
            None => about_alert(*alert),
        },
        // Whoever gets a greeting in TLS and knows none answers in its own language.
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "it does not speak TLS".to_owned()
        }
        Some(Error::PeerIncompatible(what)) => {
            format!("it has no protocol version or cipher in common with us ({what:?})")
        }
        Some(Error::NoCertificatesPresented) => "it shows no certificate".to_owned(),
        Some(error) => error.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection".to_owned()
        }
        None => error.to_string(),
    }
}

/// Whether the other side refused the certificate that we showed, or that we showed none.
///
/// With TLS 1.3 a client hears of that after its handshake, when it reads: what it has sent until then was not looked at.
#[must_use]
pub fn is_certificate_refusal(error: &io::Error) -> bool {
    match inner(error) {
        Some(Error::AlertReceived(alert)) => refusal(*alert).is_some(),
        _ => false,
    }
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn refusal(alert: AlertDescription) -> Option<&'static str> {
    use AlertDescription as Alert;
    Some(match alert {
        Alert::CertificateRequired | Alert::NoCertificate => {
            "it wants one, and none was shown; set clientAuth"
        }
        Alert::UnknownCA => "it does not know the authority that signed it",
        Alert::CertificateExpired => "it has expired",
        Alert::CertificateRevoked => "it is revoked",
        Alert::BadCertificate => "it is corrupt, or for another name",
        // So is called what an authority has not signed that has the right name.
        Alert::DecryptError => "its signature is wrong, or its authority has another key there",
        Alert::UnsupportedCertificate => "it is of a kind that is not supported",
        Alert::CertificateUnknown => "it is not acceptable",
        Alert::AccessDenied => "it is valid, but has no access",
        _ => return None,
    })
}

fn about_alert(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::HandshakeFailure => {
            "it finds no protocol version, cipher or client certificate that it accepts".to_owned()
        }
        Alert::ProtocolVersion => "it does not speak our protocol versions".to_owned(),
        Alert::UnrecognisedName => "it does not know the name that it was asked for".to_owned(),
        Alert::NoApplicationProtocol => "it speaks no protocol of ours".to_owned(),
        other => format!("it ended the connection with the alert {other:?}"),
    }
}

fn about_certificate(refused: &CertificateError) -> String {
    use CertificateError as Refused;
    match refused {
        Refused::Expired => "its certificate has expired".to_owned(),
        Refused::ExpiredContext { time, not_after } => {
            format!(
                "its certificate has expired {} ago",
                between(*not_after, *time)
            )
        }
        Refused::NotValidYet => "its certificate is not valid yet".to_owned(),
        Refused::NotValidYetContext { time, not_before } => format!(
            "its certificate is not valid before {} from now",
            between(*time, *not_before)
        ),
        Refused::NotValidForName => "its certificate is for another name".to_owned(),
        Refused::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "its certificate is for {}, not for {}",
            shown_names(presented),
            expected.to_str()
        ),
        Refused::UnknownIssuer => {
            "its certificate is signed by an authority that is not trusted".to_owned()
        }
        Refused::Revoked => "its certificate is revoked".to_owned(),
        Refused::BadSignature => {
            "its certificate has a wrong signature: the trusted authority of that name has another key"
                .to_owned()
        }
        Refused::BadEncoding => "its certificate is corrupt".to_owned(),
        other => format!("its certificate is not acceptable: {other}"),
    }
}

/// Some of the names; certificates may have hundreds.
fn shown_names(presented: &[String]) -> String {
    const SOME: usize = 5;
    let plain = |name: &String| {
        let (kind, value) = name.strip_suffix(')')?.split_once('(')?;
        (kind != "Unsupported").then(|| value.trim_matches('"').to_owned())
    };
    let names = presented.iter().take(SOME);
    let names: Vec<_> = names
        .map(|name| plain(name).unwrap_or_else(|| name.clone()))
        .collect();
    match (names.is_empty(), presented.len() > SOME) {
        (true, _) => "no name".to_owned(),
        (false, false) => names.join(", "),
        (false, true) => format!("{} and others", names.join(", ")),
    }
}

/// How long it is from one time to another, in the largest unit that it has two of.
fn between(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds / 60),
        7200..=172_799 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
