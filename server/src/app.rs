//! The state that all connections share.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use onesocket_protocol::Group;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::auth::keys::KeyRing;
use crate::auth::origin::Origins;
use crate::auth::rights::DecidedBy;
use crate::auth::token::Tokens;
use crate::auth::validation::Validator;
use crate::config::Config;
use crate::handler::Handler;
use crate::hub::Target;
use crate::hub::shared::SharedHub;
use crate::limit::Limit;
use crate::metrics::Metrics;
use crate::net::address::{Address, forwarding_header};
use crate::net::rate::{AddressRate, TooOften};
use crate::net::slots::ConnectionSlots;
use crate::outgoing::Outgoing;
use crate::payload::TooLarge;
use crate::session::Messages;

/// The burst of an address, as a multiple of its rate: a whole office reconnects at once.
const ADDRESS_BURST: u32 = 10;

/// The state that all connections share.
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    /// Handles messages to the server, unless they are echoed.
    pub(crate) handler: Option<Arc<dyn Handler>>,
    pub(crate) keys: KeyRing,
    pub(crate) origins: Origins,
    pub(crate) validator: Validator,
    pub(crate) hub: Arc<SharedHub>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) slots: Arc<ConnectionSlots>,
    pub(crate) tracker: TaskTracker,
    /// Cancelled when the server begins to shut down.
    pub(crate) stop: CancellationToken,
    address_rate: AddressRate,
    leaving: AtomicBool,
    /// The log says that there is a proxy that `--address-header` does not name. Once: each request
    /// would say it again.
    told_of_proxy: AtomicBool,
}

impl App {
    /// # Errors
    ///
    /// Returns an error if the system has no random numbers.
    pub(crate) fn new(config: Config, handler: Option<Arc<dyn Handler>>) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let keys = KeyRing::new(&config.secret, config.previous_secret.as_ref());
        keys.replace_public(config.public_keys.clone());
        let tokens = Tokens::of(keys.clone(), &config.audience, config.token_life);
        let tokens = tokens.with_leeway(config.leeway);
        let burst = config.max_address_rate.saturating_mul(ADDRESS_BURST);
        let hub =
            SharedHub::new(config.connections_per_user, config.max_queue, Arc::clone(&metrics))?;
        Ok(Self {
            handler,
            keys,
            origins: Origins::new(&config.allow_origins, config.host_header.as_deref()),
            validator: Validator { tokens, metrics: Arc::clone(&metrics) },
            hub: Arc::new(hub),
            metrics,
            slots: ConnectionSlots::new(config.max_connections, config.max_per_address),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            address_rate: AddressRate::new(config.max_address_rate, burst),
            leaving: AtomicBool::new(false),
            told_of_proxy: AtomicBool::new(false),
            config: Arc::new(config),
        })
    }

    /// Says what happens to messages to the server.
    pub(crate) fn messages(&self) -> Messages {
        match (self.config.echo, &self.handler) {
            (true, _) => Messages::Echoed,
            (false, Some(_)) => Messages::Handled,
            (false, None) => Messages::Refused,
        }
    }

    /// Says who decides about groups.
    pub(crate) fn decided_by(&self) -> DecidedBy {
        match &self.handler {
            Some(handler) if handler.decides() => DecidedBy::Application,
            Some(_) | None => DecidedBy::Token,
        }
    }

    /// Returns the address to which the limits of a request apply.
    pub(crate) fn address(&self, headers: &HeaderMap, peer: IpAddr) -> Option<Address> {
        match &self.config.address_header {
            Some(header) => Address::named(headers, header, peer),
            None => {
                let address = Address::of(peer)?;
                if let Some(header) = forwarding_header(headers)
                    && !self.told_of_proxy.swap(true, Ordering::Relaxed)
                {
                    warn!(
                        header,
                        "A request has come through a proxy, it says. All clients of that proxy count \
                         as one address: name the header in which it writes theirs (--address-header)"
                    );
                }
                Some(address)
            }
        }
    }

    /// Counts a request of an address.
    pub(crate) fn ask(&self, address: Option<Address>) -> Result<(), TooOften> {
        let asked = self.address_rate.check(address);
        if asked.is_err() {
            self.metrics.refused(Limit::AddressRate);
        }
        asked
    }

    /// Sends a message of a back end, with a payload of so many bytes; `frame` writes it, with the
    /// group if there is one. Returns the number of clients.
    pub(crate) fn publish(
        &self,
        to: Target,
        bytes: usize,
        frame: impl FnOnce(Option<Group>) -> Outgoing,
    ) -> Result<usize, TooLarge> {
        let limit = self.config.max_message;
        if bytes > limit {
            self.metrics.refused(Limit::Message);
            return Err(TooLarge { bytes, limit });
        }
        let group = match &to {
            Target::Group(group) => Some(group.clone()),
            Target::All | Target::User(_) => None,
        };
        let delivered = self.hub.publish(to, frame(group));
        self.metrics.published.inc();
        Ok(delivered)
    }

    /// Drops state that is no longer needed.
    pub(crate) fn sweep(&self) {
        self.metrics.sweeps.inc();
        self.hub.sweep();
        self.address_rate.sweep();
    }

    /// Closes all clients; from now on the server is not ready.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.hub.leave();
    }

    /// Says whether the server takes new clients.
    pub(crate) fn is_ready(&self) -> bool {
        !self.leaving.load(Ordering::Relaxed) && !self.slots.is_full()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;
    use crate::auth::token::Secret;
    use crate::handler::{Handling, Incoming};

    struct Silent;

    impl Handler for Silent {
        fn handle(self: Arc<Self>, _: Incoming) -> Handling {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn messages_are_echoed_or_handled_or_refused_in_this_order() {
        let secret = || Secret::new([1; 32]).unwrap();
        for (echo, handler, expected) in [
            (true, true, Messages::Echoed),
            (true, false, Messages::Echoed),
            (false, true, Messages::Handled),
            (false, false, Messages::Refused),
        ] {
            let config = Config { echo, ..Config::new(secret()) };
            let handler = handler.then(|| Arc::new(Silent) as Arc<dyn Handler>);

            let app = App::new(config, handler).unwrap();

            assert_eq!(app.messages(), expected);
        }
    }

    #[test]
    fn a_proxy_that_is_not_named_is_told_of_once_unless_it_is_on_this_machine() {
        let secret = || Secret::new([1; 32]).unwrap();
        let unnamed = App::new(Config::new(secret()), None).unwrap();
        let address_header = Some("x-real-ip".into());
        let config = Config { address_header, ..Config::new(secret()) };
        let named = App::new(config, None).unwrap();
        let direct = HeaderMap::new();
        let forwarded = HeaderMap::from_iter([(
            HeaderName::from_static("x-forwarded-for"),
            "192.0.2.9".parse().unwrap(),
        )]);
        let [here, there] = ["127.0.0.1", "192.0.2.1"].map(|ip| ip.parse().unwrap());
        let told = |app: &App| app.told_of_proxy.load(Ordering::Relaxed);

        unnamed.address(&direct, there);
        unnamed.address(&forwarded, here);
        named.address(&forwarded, there);
        assert!(!told(&unnamed) && !told(&named));
        unnamed.address(&forwarded, there);
        assert!(told(&unnamed));
    }
}
