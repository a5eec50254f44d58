//! Sends messages to clients from within the program, without HTTP.

use std::fmt;
use std::sync::Arc;

use onesocket_protocol::Group;

use crate::app::App;
use crate::hub::Target;
use crate::payload::{Payload, TooLarge};

/// Sends messages to clients from within the program, as `POST /publish` does from outside.
///
/// [`Server::publisher`](crate::Server::publisher) makes one. While its server does not serve,
/// nobody is reached.
///
/// ```no_run
/// # async fn main_of(secret: onesocket_server::token::Secret) -> Result<(), Box<dyn std::error::Error>> {
/// use onesocket_server::{Config, Payload, Server, Target};
/// use tokio::net::TcpListener;
///
/// let server = Server::new(Config::new(secret))?;
/// let publisher = server.publisher();
/// tokio::spawn(async move {
///     let news = Payload::json(&"the kettle is on")?;
///     let delivered = publisher.publish(Target::User("ada".into()), &news)?;
///     println!("sent to {delivered} clients");
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// });
/// server.serve(TcpListener::bind("127.0.0.1:8080").await?, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Publisher(Arc<App>);

impl Publisher {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// Sends a message to a group, a user or all; returns the number of clients. It does not wait
    /// for them, and clients that are not connected do not receive it later.
    ///
    /// # Errors
    ///
    /// Refuses a payload above the server's limit.
    pub fn publish(&self, to: Target, payload: &Payload) -> Result<usize, TooLarge> {
        self.0.publish(to, payload.len(), |group| payload.frame(group))
    }
}

impl Publisher {
    /// Ends the connections of a user with 4403, which is final for them; returns how many there were. A
    /// new one is admitted for as long as its token is good.
    pub fn disconnect(&self, user: &str) -> usize {
        self.0.hub.end(user)
    }

    /// Takes a user out of a group, and tells the clients; returns in how many connections the user was
    /// in it. It can be joined again where the token allows it.
    pub fn remove(&self, user: &str, group: Group) -> usize {
        self.0.hub.remove(user, group)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher(…)")
    }
}
