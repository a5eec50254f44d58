//! What the program that this server is a part of has for clients, without a request of HTTP.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::app::App;
use crate::handler::Payload;
use crate::hub::Target;

/// Sends to clients from within the program, as `POST /publish` does from without.
///
/// A clone reaches the same server, which is the one that was started last with it in its
/// [`Config`](crate::Config). While there is none, nobody is reached.
///
/// ```no_run
/// # async fn main_of(secret: onesocket_server::token::Secret) -> Result<(), Box<dyn std::error::Error>> {
/// use onesocket_server::{Config, Payload, Target, run};
/// use tokio::net::TcpListener;
///
/// let config = Config::new(secret);
/// let publisher = config.publisher.clone();
/// tokio::spawn(async move {
///     let news = Payload::json(&"the kettle is on")?;
///     let delivered = publisher.publish(Target::User("ada".into()), &news)?;
///     println!("sent to {delivered} clients");
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// });
/// run(TcpListener::bind("127.0.0.1:8080").await?, config, std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Publisher(Arc<Mutex<Weak<App>>>);

/// A payload that is larger than the server sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLarge {
    /// How many bytes it has.
    pub bytes: usize,
    /// How many it may have: `max_message` of the [`Config`](crate::Config).
    pub limit: usize,
}

impl Publisher {
    /// Sends a message to a group, a user or all; returns to how many clients. It waits for nobody,
    /// and is not kept for who is not connected. Bytes do not say to which group they went.
    ///
    /// # Errors
    ///
    /// Refuses a payload above the server's limit.
    pub fn publish(&self, to: Target, payload: &Payload) -> Result<usize, TooLarge> {
        let app = self.lock().upgrade();
        app.map_or(Ok(0), |app| app.publish(to, payload.len(), |group| payload.frame(group)))
    }

    /// From now on clients of this server are reached.
    pub(crate) fn reach(&self, app: &Arc<App>) {
        *self.lock() = Arc::downgrade(app);
    }

    fn lock(&self) -> MutexGuard<'_, Weak<App>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher(…)")
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, limit } = self;
        write!(f, "a payload of {bytes} bytes; this server sends {limit}")
    }
}

impl std::error::Error for TooLarge {}
