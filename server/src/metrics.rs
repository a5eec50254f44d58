//! The metrics that `GET /metrics` shows. No label has a value that a client can choose, so that the
//! number of time series is bounded.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::limit::Limit;

/// The metrics of the server.
pub(crate) struct Metrics {
    registry: Registry,
    /// Open TCP connections.
    pub(crate) connections: Gauge,
    /// Connected clients that were not replaced.
    pub(crate) clients: Gauge,
    /// Clients that have connected.
    pub(crate) opened: Counter,
    pub(crate) messages_in: Counter,
    pub(crate) messages_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    /// Messages of a back end, by HTTP or from within the program.
    pub(crate) published: Counter,
    pub(crate) sweeps: Counter,
    closed: Family<Closed, Counter>,
    tokens: Family<Outcome, Counter>,
    refused: Family<Refused, Counter>,
}

/// The side that closed a WebSocket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClosedBy {
    /// The client, by a close.
    Client,
    /// Nobody: the stream ended.
    Lost,
    /// The server, by a close.
    Server,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Closed {
    by: &'static str,
    code: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Refused {
    limit: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Direction {
    direction: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("onesocket");
        let [connections, clients] = [Gauge::default(), Gauge::default()];
        let [opened, published, sweeps] = [(); 3].map(|()| Counter::default());
        let closed = Family::default();
        let tokens = Family::default();
        let refused = Family::default();
        let messages = Family::<Direction, Counter>::default();
        let bytes = Family::<Direction, Counter>::default();
        registry.register("connections", "Number of open TCP connections", connections.clone());
        registry.register("clients", "Number of connected clients", clients.clone());
        registry.register("opened", "Total number of clients that have connected", opened.clone());
        registry.register(
            "closed",
            "Total number of closed WebSockets, by the side that closed and the close code",
            closed.clone(),
        );
        registry.register("tokens", "Total number of validated tokens, by outcome", tokens.clone());
        registry.register("refused", "Total number of refusals, by limit", refused.clone());
        registry.register("messages", "Total number of frames, by direction", messages.clone());
        registry.register("bytes", "Total size of frames in bytes, by direction", bytes.clone());
        registry.register(
            "published",
            "Total number of messages published by back ends",
            published.clone(),
        );
        registry.register("sweeps", "Total number of sweeps", sweeps.clone());
        let way = |direction| Direction { direction };
        Self {
            registry,
            connections,
            clients,
            opened,
            messages_in: messages.get_or_create_owned(&way("in")),
            messages_out: messages.get_or_create_owned(&way("out")),
            bytes_in: bytes.get_or_create_owned(&way("in")),
            bytes_out: bytes.get_or_create_owned(&way("out")),
            published,
            sweeps,
            closed,
            tokens,
            refused,
        }
    }

    /// Counts a closed WebSocket. A client may close with any code; unusual ones are counted as 0.
    pub(crate) fn closed(&self, by: ClosedBy, code: u16) {
        let (by, code) = match (by, code) {
            (ClosedBy::Server, code) => ("server", code),
            (ClosedBy::Client, 1000 | 1001 | 1005 | 4408) => ("client", code),
            (ClosedBy::Client, _) => ("client", 0),
            (ClosedBy::Lost, _) => ("nobody", 1006),
        };
        self.closed.get_or_create(&Closed { by, code }).inc();
    }

    /// Counts a token that was accepted, or refused for this reason.
    pub(crate) fn token(&self, outcome: &'static str) {
        self.tokens.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts something that a limit has refused.
    pub(crate) fn refused(&self, limit: Limit) {
        self.refused.get_or_create(&Refused { limit: limit.as_str() }).inc();
    }

    /// Returns all metrics in the OpenMetrics text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let _ = encode(&mut text, &self.registry); // a string takes all
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.clients.set(3);
        metrics.bytes_in.inc_by(5);
        metrics.token("accepted");
        metrics.refused(Limit::PerAddress);
        metrics.closed(ClosedBy::Server, 4409);

        let text = metrics.text();

        for line in [
            "onesocket_clients 3",
            r#"onesocket_bytes_total{direction="in"} 5"#,
            r#"onesocket_bytes_total{direction="out"} 0"#,
            r#"onesocket_tokens_total{outcome="accepted"} 1"#,
            r#"onesocket_refused_total{limit="per-address"} 1"#,
            r#"onesocket_closed_total{by="server",code="4409"} 1"#,
        ] {
            assert!(text.lines().any(|said| said == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_client_cannot_make_rows_of_its_own() {
        let metrics = Metrics::new();

        (0..=u16::MAX).for_each(|code| metrics.closed(ClosedBy::Client, code));

        let rows = metrics.text().lines().filter(|line| line.contains(r#"by="client""#)).count();
        assert_eq!(rows, 5);
    }
}
